package plan

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

const (
	old   = "aaaaaaaaaaaaaaaa"
	fresh = generation
)

// configOf returns the configuration of a generation with flags.
func configOf(t *testing.T, generation string, flags ...string) *Config {
	t.Helper()
	unit := strings.ReplaceAll(unitWith(flags...), "0123456789abcdef", generation)
	s, err := ParseConfig(Unit{}, generation, []byte(unit), func(string, bool) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// observed returns a healthy host that runs the old generation and gets the fresh one.
func observed(t *testing.T, node string) *Host {
	t.Helper()
	want, was := configOf(t, fresh, "--v=2"), configOf(t, old, "--v=1")
	u := UnitOf(aCluster())
	top := u.GenerationsDir + "/" + fresh
	files, err := tree.New([]tree.Entry{{Path: "ca.crt", Mode: 0o644, Data: []byte("ca")}, {Path: u.Name, Mode: 0o644, Data: want.Unit}})
	if err != nil {
		t.Fatal(err)
	}
	h := &Host{
		Node: node, ClusterHostname: node, Address: "192.0.2.1", User: "ops", Unit: u, Current: was,
		Desired:  &Desired{Config: *want, Trees: map[string]tree.Tree{top: files}},
		Snapshot: &Snapshot{HostInfo: HostInfo{Root: true, Systemd: 252, KBytes: -1, Inodes: -1, Name: node, Runs: old, Stamp: "1"}, Files: map[string]File{}, Unit: was.Unit},
	}
	for _, p := range h.Desired.Paths(u) {
		h.Snapshot.Files[p] = File{Path: p, Type: Directory, Mode: "755", Owner: "root:root"}
	}
	for _, p := range append([]string{top}, top+"/ca.crt", top+"/"+u.Name) {
		h.Snapshot.Files[p] = File{Path: p, Type: Missing}
	}
	h.Snapshot.Files[u.File] = File{Type: "regular file", Mode: "644", Owner: "root:root", Size: int64(len(was.Unit)), SHA256: tree.Entry{Data: was.Unit}.Sum()}
	h.Snapshot.Files[want.Program()] = File{Type: "regular file", Mode: "755", Owner: "root:root"}
	h.OldFiles = map[string]File{u.GenerationsDir + "/" + old + "/ca.crt": {Type: "regular file", SHA256: "0"}}
	h.Snapshot.Process = Process{Known: true, Enabled: true, Running: true, Active: "active (running)", PID: 1, Args: was.Argv, Mounts: map[string]string{"/etc/kubernetes/kcm": u.GenerationsDir + "/" + old}}
	return h
}

func observation(t *testing.T, nodes ...string) *Observation {
	t.Helper()
	o := &Observation{Cluster: aCluster(), Action: "deploy", ReadsLease: true, Leader: Leader{nodes[0] + "_1", nodes[0]}}
	o.Cluster.Deploy.Gate, o.Cluster.Deploy.Soak = time.Minute, 20*time.Second
	o.Cluster.Nodes = nil
	for _, n := range nodes {
		o.Cluster.Nodes = append(o.Cluster.Nodes, spec.Node{Name: n})
		o.Hosts = append(o.Hosts, observed(t, n))
	}
	return o
}

// TestNew: the leader goes last, changes are listed, and a plan survives JSON.
func TestNew(t *testing.T) {
	p, err := New(observation(t, "cp-1", "cp-2", "cp-3"))
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, s := range p.Steps {
		order = append(order, s.Node)
	}
	if got := strings.Join(order, " "); got != "cp-2 cp-3 cp-1" || p.Leader != "cp-1" || !p.Steps[2].Leader || !p.Steps[0].Usual() {
		t.Errorf("the order is %s, the leader %s; %+v", got, p.Leader, p.Steps[0])
	}
	s := p.Steps[0]
	if len(s.Flags) != 1 || s.Flags[0].Name != "v" || *s.Flags[0].From != "1" || *s.Flags[0].To != "2" || len(s.Unit) > 0 {
		t.Errorf("flags %+v, unit %q", s.Flags, s.Unit)
	}
	var files []string
	for _, f := range s.Files {
		files = append(files, string(f.Kind)+" "+f.Path)
	}
	if want := []string{"changed ca.crt", "changed /etc/systemd/system/kube-controller-manager.service"}; !slices.Equal(files, want) {
		t.Errorf("files %q, expected %q", files, want)
	}
	if got := p.Timing; got != (Timing{Gate: 60, Soak: 20, Lead: 92, Lease: 15, Retry: 2, Away: 120, Revert: 167}) {
		t.Errorf("timing %+v", got)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again Plan
	if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(*p, again) {
		t.Errorf("%v: read again it is\n%+v, not\n%+v", err, again, *p)
	}
	if paths := observed(t, "cp-1").OldPaths(); !slices.Contains(paths, "/etc/kubernetes/kcmgen/"+old+"/ca.crt") {
		t.Errorf("to be compared are %q", paths)
	}
}

// runsFresh makes a host run what it should.
func runsFresh(h *Host) {
	top := h.generationDir()
	h.Snapshot.Runs, h.Current = fresh, &h.Desired.Config
	h.Snapshot.Files[top] = File{Type: Directory, Mode: "700", Owner: "root:root"}
	for _, e := range h.Desired.Trees[top].Entries() {
		h.Snapshot.Files[top+"/"+e.Path] = File{Type: "regular file", Mode: "644", Owner: "root:root", Size: e.Size(), SHA256: e.Sum()}
	}
	h.Snapshot.Files[h.Unit.File] = h.Snapshot.Files[top+"/"+h.Unit.Name]
	h.Snapshot.Process.Args, h.Snapshot.Process.Mounts = h.Desired.Argv, map[string]string{"/etc/kubernetes/kcm": top}
}

// TestStep: the reason for a restart, or none.
func TestStep(t *testing.T) {
	for _, c := range []struct {
		name, why string
		change    func(*Host)
	}{
		{"in sync", "", runsFresh},
		{"another generation", AnotherGeneration, func(*Host) {}},
		{"a trial that was never confirmed", "a deployment of bbbbbbbb was never confirmed", func(h *Host) { h.Snapshot.Trial = &Journal{Generation: "bbbbbbbbbbbbbbbb"} }},
		{"a file that was changed", "files of its generation were changed on the host", func(h *Host) {
			runsFresh(h)
			h.Snapshot.Files[h.generationDir()+"/ca.crt"] = File{Type: "regular file", Mode: "666", Owner: "root:root", Size: 2}
		}},
		{"it doesn't work", "it answers 500", func(h *Host) { runsFresh(h); h.Unhealthy = "it answers 500" }},
		{"it doesn't run", "kube-controller-manager.service is failed (failed)", func(h *Host) {
			runsFresh(h)
			h.Snapshot.Process.Running, h.Snapshot.Process.Active = false, "failed (failed)"
		}},
		{"other arguments", "it runs with other arguments: has --v=9, lacks --v=2", func(h *Host) {
			runsFresh(h)
			h.Snapshot.Process.Args = append(slices.Clone(h.Desired.Argv[:1]), "--v=9")
		}},
		{"another generation's files", "it runs with the files of another generation", func(h *Host) { runsFresh(h); h.Snapshot.Process.Mounts = nil }},
		{"its program is gone", "/usr/local/bin/kube-controller-manager isn't there any more: it runs until it is restarted", func(h *Host) {
			runsFresh(h)
			h.Snapshot.Files[h.Desired.Program()] = File{Type: Missing}
		}},
		{"the unit changed", "kube-controller-manager.service changed since systemd read it", func(h *Host) { runsFresh(h); h.Snapshot.Process.Stale = true }},
		{"it isn't started at boot", "kube-controller-manager.service isn't started at boot", func(h *Host) { runsFresh(h); h.Snapshot.Process.Enabled = false }},
		{"it leaves", AnotherGeneration, func(h *Host) { h.Desired = DesiredNone() }},
		{"it has left", "", func(h *Host) { h.Desired, h.Snapshot.Runs, h.Unhealthy = DesiredNone(), None, "it has none" }},
	} {
		h := observed(t, "cp-1")
		c.change(h)
		why := ""
		if s := h.step(); s != nil {
			why = s.Restart
		}
		if why != c.why {
			t.Errorf("%s: %q, expected %q", c.name, why, c.why)
		}
	}
}

// TestNotes: each note appears in its case, and none in the usual one.
func TestNotes(t *testing.T) {
	for _, c := range []struct {
		says   string
		change func(*Observation)
	}{
		{"the order is by name", func(o *Observation) { o.ReadsLease = false }},
		{"a first deployment", func(o *Observation) { o.Leader = Leader{} }},
		{"the leader is else_1, none of these hosts", func(o *Observation) { o.Leader = Leader{"else_1", "else"} }},
		{"leader election is off", func(o *Observation) {
			o.Hosts[0].Desired.flags["leader-elect"], o.Hosts[1].Desired.flags["leader-elect"] = "false", "false"
		}},
		{"cp-1: its clock is off by 2m0s", func(o *Observation) { o.Hosts[0].Skew = 2 * time.Minute }},
		{"cp-1: /usr/lib/kcm.service is there, and takes effect again", func(o *Observation) {
			o.Hosts[0].Snapshot.Runs, o.Hosts[0].Snapshot.Process.File = None, "/usr/lib/kcm.service"
		}},
		{"until all hosts have it, two lead", func(o *Observation) { o.Hosts[0].Desired.flags["leader-elect-resource-name"] = "other" }},
		{"/etc/a.conf changes the unit, and isn't kcmgen's", func(o *Observation) { o.Hosts[0].Snapshot.Process.DropIns = []string{"/etc/a.conf"} }},
		{"cp-1: it went back from 01234567 already, and gets it again", func(o *Observation) {
			o.Hosts[0].Snapshot.State = &Journal{Action: Rollback, Ended: true, Generation: old, Previous: fresh}
		}},
		{"wasn't written by kcmgen", func(o *Observation) { o.Hosts[0].Snapshot.Runs = Found }},
		{"the login is root's", func(o *Observation) { o.Hosts[0].User = "root" }},
		{"an interrupted run brought it here", func(o *Observation) {
			runsFresh(o.Hosts[0])
			o.Hosts[0].Snapshot.State = &Journal{Generation: fresh, Previous: old, Rollout: o.id()}
		}},
		{"not counted on, since it can't be reached: refused", func(o *Observation) { o.Others = []*Host{{Node: "cp-3", Unreached: errors.New("refused")}} }},
		{"cp-3: not named, and has aaaaaaaa on trial", func(o *Observation) { o.Others = []*Host{otherHost(&Journal{Generation: old}, nil, "")} }},
		{"cp-3: not named, and whether it is healthy can't be seen: no", func(o *Observation) { o.Others = []*Host{otherHost(nil, errors.New("no"), "")} }},
		{"cp-3: not named, and doesn't work: it is dead", func(o *Observation) { o.Others = []*Host{otherHost(nil, nil, "it is dead")} }},
		{"cp-2 is the only one that works", func(o *Observation) {
			runsFresh(o.Hosts[0])
			o.Hosts[0].Unhealthy, o.Hosts[0].Desired = "it is dead", DesiredNone()
			o.Hosts[0].Snapshot.Runs = None
		}},
	} {
		o := observation(t, "cp-1", "cp-2")
		c.change(o)
		p, _ := New(o)
		if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, c.says) }) {
			t.Errorf("expected %q among %q", c.says, p.Notes)
		}
	}
	if p, err := New(observation(t, "cp-1", "cp-2")); err != nil || len(p.Notes) > 0 {
		t.Errorf("%v: notes of what is usual: %q", err, p.Notes)
	}
}

// otherHost returns a host that the command doesn't name.
func otherHost(trial *Journal, healthUnknown error, unhealthy string) *Host {
	return &Host{Node: "cp-3", Snapshot: &Snapshot{HostInfo: HostInfo{Runs: old, Trial: trial, Holder: "other"}}, HealthUnknown: healthUnknown, Unhealthy: unhealthy}
}

// TestUnfit: why a host can't be deployed to.
func TestUnfit(t *testing.T) {
	for _, c := range []struct {
		says   string
		change func(*Host)
	}{
		{"isn't root's", func(h *Host) { h.Snapshot.Root = false }},
		{"systemd 232 can't bind", func(h *Host) { h.Snapshot.Systemd = 232 }},
		{"it has no flock", func(h *Host) { h.Snapshot.MissingTools = []string{"flock"} }},
		{"a is a fifo", func(h *Host) { h.Snapshot.Obstructed = []string{"a is a fifo"} }},
		{"its clock is off by 6m0s", func(h *Host) { h.Skew = 6 * time.Minute }},
		{"couldn't be seen: no", func(h *Host) { h.HealthUnknown = errors.New("no") }},
		{"is masked", func(h *Host) { h.Snapshot.Process.Masked = true }},
		{"/etc/x can't be written: it is on a read-only", func(h *Host) { h.Snapshot.ReadOnlyUnitDir = "/etc/x" }},
		{"is a symbolic link; kcmgen writes only to a regular file", func(h *Host) { h.Snapshot.Files[h.Unit.File] = File{Type: Link} }},
		{"isn't there: install it", func(h *Host) { h.Snapshot.Files[h.Desired.Program()] = File{Type: Missing} }},
		{"/r can't be written", func(h *Host) { h.Snapshot.ReadOnly = "/r" }},
		{"its file system is full", func(h *Host) { h.Snapshot.KBytes = 1 }},
		{"has 3 inodes left", func(h *Host) { h.Snapshot.Inodes = 3 }},
	} {
		o := observation(t, "cp-1")
		c.change(o.Hosts[0])
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "cp-1: ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, expected %q", err, c.says)
		}
	}
	o := observation(t, "cp-1", "cp-2")
	o.Hosts[1].Snapshot.Name = "cp-1"
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), `one hostname, "cp-1"`) {
		t.Errorf("two hosts with one name: %v", err)
	}
}

// TestPreviousGeneration: what a rollback takes a host to, or why it can't.
func TestPreviousGeneration(t *testing.T) {
	for _, c := range []struct {
		name       string
		state      *Journal
		trial      *Journal
		want, says string
	}{
		{"deployed", &Journal{Generation: old, Previous: "x", Action: "deploy", Ended: true}, nil, "x", ""},
		{"its first deployment", &Journal{Generation: old, Previous: None, Action: "deploy", Ended: true}, nil, None, ""},
		{"went back in a run that was interrupted", &Journal{Generation: old, Previous: "x", Action: Rollback}, nil, old, ""},
		{"went back in a run that ended", &Journal{Generation: old, Previous: "x", Action: Rollback, Ended: true}, nil, "x", ""},
		{"was on its way back", &Journal{Generation: "y", Previous: old, Action: "deploy", Ended: true}, &Journal{Generation: "x", Action: Rollback}, "x", ""},
		{"a deployment goes on", &Journal{Generation: old, Action: "deploy"}, &Journal{Generation: "x", Action: "deploy"}, "", "a deployment is going on"},
		{"never deployed", nil, nil, "", "kcmgen hasn't deployed anything here"},
		{"edited since", &Journal{Generation: "y", Previous: "x", Action: "deploy"}, nil, "", "isn't the one of generation y any more"},
		{"undone", &Journal{Generation: old, Previous: "-", Action: "undo"}, nil, "", "it went back already"},
	} {
		o := observation(t, "cp-1")
		h := o.Hosts[0]
		h.Snapshot.State, h.Snapshot.Trial = c.state, c.trial
		got, err := o.PreviousGeneration(h)
		if got != c.want || (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q, %v, expected %q, %q", c.name, got, err, c.want, c.says)
		}
	}
	o := observation(t, "cp-1", "cp-2")
	o.Hosts[0].Snapshot.State = &Journal{Generation: old, Previous: "x", Action: Rollback, Ended: true}
	o.Hosts[1].Snapshot.State = &Journal{Generation: old, Previous: "x", Action: "deploy", Ended: true}
	if got, err := o.PreviousGeneration(o.Hosts[0]); got != old || err != nil {
		t.Errorf("where others are still to go back: %q, %v", got, err)
	}
}

// TestDrifts: a host in sync has no drift.
func TestDrifts(t *testing.T) {
	o := observation(t, "cp-1", "cp-2", "cp-3")
	runsFresh(o.Hosts[0])
	runsFresh(o.Hosts[1])
	o.Hosts[1].Snapshot.Trial = &Journal{Generation: "x"}
	d := o.Drifts()
	if !d[0].InSync() || d[1].InSync() || d[1].Trial != "x" || d[2].InSync() || len(d[2].Flags) != 1 || len(d[2].Files) != 2 {
		t.Errorf("%+v", d)
	}
	if node, _ := o.Holder(); node != "" {
		t.Errorf("%s has a holder", node)
	}
	o.Others = []*Host{otherHost(nil, nil, "")}
	if node, who := o.Holder(); node != "cp-3" || who != "other" {
		t.Errorf("%s is changed by %s", node, who)
	}
}
