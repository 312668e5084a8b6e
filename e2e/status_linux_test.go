package e2e

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// state is the output of kcmgen status --format json.
type state struct {
	Clusters []struct {
		Lease    struct{ Node string }
		Findings []struct{ ID, Severity, Node, Message string }
		Hosts    []struct {
			Node, Version, OnDisk, Runs string
			Running                     bool
			Healthz, Apiserver          struct{ Asked bool }
			Certificates                []struct{ Use string }
			Metrics                     *struct {
				Queues []struct {
					Name  string
					Added int
				}
			}
		}
	}
}

// status runs kcmgen status, which must end with 0 if nothing is wrong, and else with 3.
func (s *scene) status(t *testing.T) state {
	t.Helper()
	r, err := s.o.Kcmgen(t.Context(), "status", "--format", "json", "--kubeconfig", s.o.Kubeconfig, ".")
	if err != nil {
		t.Fatal(err)
	}
	var out state
	if err := json.Unmarshal([]byte(r.Out), &out); err != nil || len(out.Clusters) != 1 {
		t.Fatalf("exit %d: %v in %s%s", r.Code, err, r.Out, r.Err)
	}
	wrong := 0
	for _, f := range out.Clusters[0].Findings {
		if f.Severity != "not checked" {
			wrong = 3
		}
	}
	if r.Code != wrong {
		t.Errorf("exit %d with %v", r.Code, out.Clusters[0].Findings)
	}
	return out
}

// found returns the findings, each as "id" or "id@node".
func (s state) found() []string {
	var out []string
	for _, f := range s.Clusters[0].Findings {
		id := f.ID
		if f.Node != "" {
			id += "@" + f.Node
		}
		out = append(out, id)
	}
	return out
}

// settled looks until nothing is wrong. What is told for a while after it has ended is cleared:
// restarts, and changes of the leader.
func (s *scene) settled(t *testing.T) {
	t.Helper()
	var last []string
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if last = s.status(t).found(); len(last) == 0 {
			return
		}
		for _, h := range s.Hosts {
			if slices.Contains(last, "restarts@"+h.Name) {
				do(t, h, "systemctl", "restart", unit)
			}
		}
		if slices.Contains(last, "leader-changes") {
			remove(t, s.Ground, "/api/v1/namespaces/kube-system/events")
		}
	}
	t.Fatalf("still wrong: %v", last)
}

// untilFound looks until status finds something, and returns all that it found then.
func (s *scene) untilFound(t *testing.T, id string) []string {
	t.Helper()
	var last []string
	var seen state
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		seen = s.status(t)
		if last = seen.found(); slices.Contains(last, id) {
			return last
		}
	}
	text, err := json.Marshal(seen)
	t.Errorf("it finds %v, not %s\n%s, %v", last, id, text, err)
	return last
}

// TestStatus: each of many faults is found, nothing else is named beside it, and nothing is
// found where all is well.
func TestStatus(t *testing.T) {
	s := onScene(t)
	// With the usual lease times: on a busy machine a leader loses one of three seconds.
	s.export(t, regexp.MustCompile(`(?m)^\t\t"leader-elect-.*\n`).ReplaceAllString(judgedInSeconds(), ""))
	s.deploy(t, 0)
	s.settled(t)
	s.sees(t)
	s.logs(t)
	looks, alarms := 200, 0
	if testing.Short() {
		looks = 10
	}
	for range looks {
		if found := s.status(t).found(); len(found) > 0 {
			alarms++
			t.Errorf("all is well, and it finds %v", found)
		}
	}
	figure(t, "status: false alarms", "%d in %d looks", alarms, looks)
	faults := statusFaults()
	if testing.Short() {
		faults = faults[:6]
	}
	named := 0
	for _, f := range faults {
		ok := t.Run(f.name, func(t *testing.T) {
			a, b, leader := s.standbys(t)
			want, undo := f.do(t, s, onHosts{a, b, leader})
			undone := false
			defer func() {
				if !undone {
					undo()
				}
			}()
			found := s.untilFound(t, want)
			for _, id := range found {
				bare, _, _ := strings.Cut(id, "@")
				if id != want && !slices.Contains(f.beside, bare) {
					t.Errorf("beside %s it finds %s", want, id)
				}
			}
			undone = true
			undo()
			s.settled(t)
		})
		if ok {
			named++
		}
	}
	figure(t, "status: faults it names", "%d of %d", named, len(faults))
}

// sees checks that what status shows of hosts that are well isn't empty.
func (s *scene) sees(t *testing.T) {
	t.Helper()
	c := s.status(t).Clusters[0]
	if leader := s.leader(t).Name; c.Lease.Node != leader {
		t.Errorf("%s leads, and it says %q", leader, c.Lease.Node)
	}
	for _, h := range c.Hosts {
		if !h.Running || h.Version != clusterVersion || h.OnDisk != s.exported(t, h.Node) || h.Runs != h.OnDisk || !h.Healthz.Asked || !h.Apiserver.Asked || h.Metrics == nil || len(h.Certificates) < 3 {
			t.Errorf("%+v", h)
		}
	}
}

// logs checks that the logs of all hosts come in the order of time, with the change of the leader.
func (s *scene) logs(t *testing.T) {
	t.Helper()
	r := s.must(t, 0, "logs", "--since", "10m", "--format", "json", ".")
	var out struct {
		Entries []struct {
			Time               time.Time
			Node, Text, Leader string
		}
	}
	if err := json.Unmarshal([]byte(r.Out), &out); err != nil {
		t.Fatal(err)
	}
	nodes, led := map[string]int{}, 0
	for i, e := range out.Entries {
		nodes[e.Node]++
		if e.Leader == "leads" {
			led++
		}
		if i > 0 && e.Time.Before(out.Entries[i-1].Time) || time.Since(e.Time).Abs() > 15*time.Minute {
			t.Errorf("entry %d is of %s", i, e.Time)
		}
	}
	if len(nodes) != len(s.Hosts) || led == 0 || len(out.Entries) < 100 {
		t.Errorf("%d entries of %v, of which %d tell of a leader", len(out.Entries), nodes, led)
	}
}

// onHosts are the hosts of a fault.
type onHosts struct{ standby, other, leader *ground.Host }

// statusFault is a fault of a running cluster.
type statusFault struct {
	name string
	// do makes the fault, and returns what status must find, and how to mend it.
	do func(t *testing.T, s *scene, on onHosts) (want string, undo func())
	// beside are findings that may come with it.
	beside []string
}

// onStandby is a fault of a standby by two scripts.
func onStandby(id, make, mend string) func(*testing.T, *scene, onHosts) (string, func()) {
	return func(t *testing.T, _ *scene, on onHosts) (string, func()) {
		t.Helper()
		do(t, on.standby, "sh", "-euc", make, "sh", "/"+unitOnHost, unit)
		return id + "@" + on.standby.Name, func() { do(t, on.standby, "sh", "-euc", mend, "sh", "/"+unitOnHost, unit) }
	}
}
