package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// leader returns the host that holds the lease and renews it.
func (s *scene) leader(t *testing.T) *ground.Host {
	t.Helper()
	return s.Hosts[leads(t, s.Ground, s.Hosts)]
}

// standbys returns the hosts that don't lead, sorted by name, and the leader.
func (s *scene) standbys(t *testing.T) (a, b, leader *ground.Host) {
	t.Helper()
	leader = s.leader(t)
	var two []*ground.Host
	for _, h := range s.Hosts {
		if h != leader {
			two = append(two, h)
		}
	}
	return two[0], two[1], leader
}

// restarted returns the nodes that a deployment restarts, in order, by its output.
func restarted(r ground.Result) string {
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^(\S+): restart: `).FindAllStringSubmatch(r.Err, -1) {
		out = append(out, m[1])
	}
	return strings.Join(out, " ")
}

// starts returns when each host's kube-controller-manager was last started, by the common
// clock.
func (s *scene) starts(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, h := range s.Hosts {
		show, err := h.Show(t.Context(), unit, "ExecMainStartTimestampMonotonic", "MainPID")
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = fmt.Sprintf("%020s", show["ExecMainStartTimestampMonotonic"]) + " " + show["MainPID"]
	}
	return out
}

// TestOrder: the leader goes last, whichever host it is. At most one host is down at a time,
// and the leader changes once. A stopped standby goes first, and no other host is touched
// before it.
func TestOrder(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	r := s.deploy(t, 0)
	if got := restarted(r); got != "cp-1 cp-2 cp-3" {
		t.Errorf("a first deployment takes %s", got)
	}
	for i := range 2 {
		was := s.leader(t)
		if i == 1 { // make another host the leader
			do(t, was, "systemctl", "stop", unit)
			eventually(t, func() error {
				if now := s.leader(t); now == was {
					return fmt.Errorf("%s leads", now.Name)
				}
				return nil
			})
			do(t, was, "systemctl", "start", unit)
			eventually(t, func() error { return healthy(t.Context(), inside(s.Ground, was)) })
			was = s.leader(t)
		}
		s.flag(t, "concurrent-gc-syncs", 21+i)
		p := s.plan(t, "deploy")
		if p.Leader != was.Name || p.Steps[2].Node != was.Name || !p.Steps[2].Leader {
			t.Errorf("%s leads, and the plan is %+v", was.Name, p)
		}
		w := watchHosts(t, s.Ground)
		start := time.Now()
		r := s.deploy(t, 0)
		took := time.Since(start)
		saw := w.end()
		if got := restarted(r); got != p.order() {
			t.Errorf("the plan is %s, and done is %s", p.order(), got)
		}
		starts := s.starts(t)
		for j := 1; j < 3; j++ {
			if a, b := p.Steps[j-1].Node, p.Steps[j].Node; starts[a] >= starts[b] {
				t.Errorf("%s was started at %s, %s at %s", a, starts[a], b, starts[b])
			}
		}
		saw.spared(t)
		figure(t, "a change of three hosts, "+was.Name+" leads", "%.1f s, %s", took.Seconds(), saw)
	}
	s.stoppedFirst(t)
	s.noneHealthy(t)
}

// stoppedFirst: one standby is stopped.
func (s *scene) stoppedFirst(t *testing.T) {
	leader := s.leader(t)
	var stopped *ground.Host
	for _, h := range s.Hosts { // the last by name, which wouldn't be first otherwise
		if h != leader {
			stopped = h
		}
	}
	do(t, stopped, "systemctl", "stop", unit)
	s.flag(t, "concurrent-namespace-syncs", 11)
	p := s.plan(t, "deploy")
	if p.Steps[0].Node != stopped.Name || p.Steps[0].Unwell == "" || p.Steps[2].Node != leader.Name {
		t.Errorf("%s is stopped, %s leads, and the plan is %+v", stopped.Name, leader.Name, p)
	}
	w := watchHosts(t, s.Ground)
	r := s.deploy(t, 0)
	saw := w.end()
	if got := restarted(r); got != p.order() {
		t.Errorf("the plan is %s, and done is %s", p.order(), got)
	}
	saw.spared(t) // at least two worked at any time
	figure(t, "a stopped standby, and a change", "%s first, %s", stopped.Name, saw)
}

// noneHealthy: all are stopped, and nothing else differs.
func (s *scene) noneHealthy(t *testing.T) {
	before := pictures(t, s.Ground)
	for _, h := range s.Hosts {
		do(t, h, "systemctl", "stop", unit)
	}
	start := time.Now()
	s.deploy(t, 0)
	s.asBefore(t, before)
	figure(t, "none healthy", "repaired in %.1f s", time.Since(start).Seconds())
}

// stamp returns every file below /etc, with its times, and each process. If it is the same,
// nothing was written or started.
func (s *scene) stamp(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, h := range s.Hosts {
		b.WriteString(do(t, h, "find", "/etc", "/usr/local", "-printf", h.Name+" %p %y %m %u:%g %s %T@ %C@\n"))
	}
	fmt.Fprintln(&b, s.starts(t))
	return b.String()
}

// askedFirst deploys at a terminal, where the operator is asked after the plan was shown.
func (s *scene) askedFirst(t *testing.T) {
	t.Helper()
	line := strings.Join([]string{kcmgen, "deploy", "--kubeconfig", s.o.Kubeconfig, "."}, " ")
	for _, answer := range []string{"no", "yes"} {
		cmd := s.o.Command("script", "-qec", line, "/dev/null")
		cmd.Stdin = strings.NewReader(answer + "\n")
		shown, err := cmd.CombinedOutput()
		text := string(shown)
		plan, question := strings.Index(text, "3. cp-3"), strings.Index(text, "deploy to 3 hosts? [no]: ")
		if plan < 0 || question < plan || (err == nil) != (answer == "yes") {
			t.Fatalf("%v\n%s", err, text)
		}
		if answer == "no" && (!strings.Contains(text, "nothing was done") || strings.Contains(text, "staged")) {
			t.Errorf("after a no:\n%s", text)
		}
		if answer == "yes" && !strings.Contains(text, "confirmed") {
			t.Errorf("after a yes:\n%s", text)
		}
	}
}

// TestUnchanged: if nothing changed, no SFTP session begins, nothing is written below /etc
// and nothing is restarted. After a change the same checks notice all three.
func TestUnchanged(t *testing.T) {
	s := onScene(t)
	s.askedFirst(t)
	for _, h := range s.Hosts {
		if err := h.WrapSFTP(t.Context(), "#!/bin/sh\ntouch /run/sftp-began\nexec /usr/lib/openssh/sftp-server.real \"$@\"\n"); err != nil {
			t.Fatal(err)
		}
	}
	began := func() int {
		n := 0
		for _, h := range s.Hosts {
			if r, err := h.Run(t.Context(), "test", "-e", "/run/sftp-began"); err == nil && r.Code == 0 {
				n++
			}
		}
		return n
	}
	before := s.stamp(t)
	w := watchHosts(t, s.Ground)
	start := time.Now()
	r := s.deploy(t, 0)
	took := time.Since(start)
	saw := w.end()
	d := differences(before, s.stamp(t))
	if len(d) > 0 || began() > 0 {
		t.Errorf("%d hosts began SFTP, and changed:\n%s", began(), strings.Join(d, "\n"))
	}
	if !strings.Contains(r.Out, "nothing to do") || saw.least < 3 || saw.changes() > 0 {
		t.Errorf("%s%s, %s", r.Err, r.Out, saw)
	}
	figure(t, "nothing changed", "%.1f s, %d SFTP sessions, %d files written, %s", took.Seconds(), began(), len(d), saw)
	if testing.Short() {
		return
	}
	s.flag(t, "concurrent-gc-syncs", 21)
	s.deploy(t, 0)
	if d := differences(before, s.stamp(t)); len(d) < 9 || began() != 3 {
		t.Errorf("a change isn't seen: %d hosts began SFTP, %d lines differ", began(), len(d))
	}
}

// TestHostDown: if a host is off, the error names it and nothing is done. With --limit the
// others are changed, and it follows when it is back.
func TestHostDown(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	off := s.Hosts[1]
	if s.leader(t) == off {
		off = s.Hosts[2]
	}
	var up []string
	before := map[string]string{}
	for _, h := range s.Hosts {
		if h != off {
			up = append(up, h.Name)
			before[h.Name] = pictureOf(t, s.Ground, h)
		}
	}
	off.PowerOff()
	s.flag(t, "concurrent-gc-syncs", 21)
	r := s.deploy(t, 1)
	if !strings.Contains(r.Err, off.Name) {
		t.Errorf("%s is off, and isn't named", off.Name)
	}
	for name, was := range before {
		if d := differences(was, pictureOf(t, s.Ground, s.host(name))); len(d) > 0 {
			t.Errorf("%s changed: %q", name, d)
		}
	}
	s.deploy(t, 0, "--limit", strings.Join(up, ","))
	for _, name := range up {
		if got, want := runs(pictureOf(t, s.Ground, s.host(name))), s.exported(t, name); got != want {
			t.Errorf("%s runs %s, not %s", name, got, want)
		}
	}
	if err := off.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := s.plan(t, "deploy"); p.order() != off.Name {
		t.Errorf("the plan is %s, where %s was off", p.order(), off.Name)
	}
	s.deploy(t, 0)
	figure(t, "a host that is down", "named; the others with --limit, and it when it was back")
}

// TestLimit: only one standby, which can't lead since another host does.
func TestLimit(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	leader := s.leader(t)
	s.flag(t, "concurrent-gc-syncs", 21)
	for _, h := range s.Hosts {
		if h == leader {
			continue
		}
		start := time.Now()
		w := watchHosts(t, s.Ground)
		s.deploy(t, 0, "--limit", h.Name)
		w.end().spared(t)
		figure(t, "one standby with --limit", "%.1f s", time.Since(start).Seconds())
		break
	}
	s.deploy(t, 0)
}
