package deploy

import (
	"errors"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// TestLost: a host is reported to be as it was, or as it is to be, only if it runs.
func TestLost(t *testing.T) {
	for _, c := range []struct {
		name, active, outcome string
		worked, stops, want   bool
	}{
		{"untouched, and runs", "active", "", true, false, false},
		{"untouched, and is started again", "activating", "", true, false, false},
		{"untouched, and has ended", "inactive", "", true, false, true},
		{"untouched, and has failed", "failed", "", true, false, true},
		{"untouched, and didn't run before", "inactive", "", false, false, false},
		{"back, and has ended", "inactive", RolledBack, true, false, true},
		{"back to nothing, and has ended", "inactive", RolledBack, true, true, false},
		{"done, and has ended", "inactive", Done, false, false, true},
		{"done, and was to stop", "inactive", Done, true, true, false},
		{"couldn't be brought back", "failed", Stranded, true, false, false},
		{"couldn't be asked", "", "", true, false, false},
	} {
		if got := lost(host.StateOf("ActiveState="+c.active+"\n"), c.outcome, c.worked, c.stops); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestStops: a host that went back is held to what it had, and any other to what it gets.
func TestStops(t *testing.T) {
	runs, none := &Want{Set: Set{Generation: generation}}, &Want{Set: Set{Generation: host.None}}
	for _, c := range []struct {
		name string
		m    *machine
		want bool
	}{
		{"isn't named", &machine{}, false},
		{"gets another", &machine{want: runs}, false},
		{"leaves", &machine{want: none}, true},
		{"went back from its first", &machine{want: runs, back: host.None}, true},
		{"went back to what it ran", &machine{want: runs, back: "0123456789abcdef"}, false},
		{"was to leave, and went back", &machine{want: none, back: "0123456789abcdef"}, false},
	} {
		if got := c.m.stops(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestWithGone: a rollout that leaves a host dead didn't take all back.
func TestWithGone(t *testing.T) {
	r := &Rollout{cluster: aCluster()}
	gone := GoneErrors{"cp-1": {State: "inactive (dead)"}}
	if err := r.withGone(nil, nil); err != nil {
		t.Error(err)
	}
	all := GoneErrors{}
	if err := r.withGone(nil, gone); !errors.As(err, &all) {
		t.Errorf("%v", err)
	}
	var stranded *StrandedError
	err := r.withGone(&RolledBackError{"deploy", []string{"cp-2"}, errors.New("it failed")}, gone)
	if !errors.As(err, &stranded) || stranded.ByHand["cp-1"] != "systemctl start kube-controller-manager.service" || !strings.Contains(err.Error(), "\ncp-1: it worked when this began; now it is inactive (dead)") {
		t.Errorf("%v, %+v", err, stranded)
	}
}

// TestOneName: hosts whose kernels have one name can't be told apart in a lease.
func TestOneName(t *testing.T) {
	for _, c := range []struct {
		names map[string]string
		says  string
	}{
		{map[string]string{"cp-1": "a", "cp-2": "b"}, ""},
		{map[string]string{"cp-1": "", "cp-2": ""}, ""}, // not known
		{map[string]string{"cp-1": "a", "cp-2": "b", "cp-3": "a"}, `cp-1 and cp-3 have one hostname, "a"`},
	} {
		err := oneName(c.names)
		if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v", c.names, err)
		}
	}
}

// TestHolder: a lease is of the host whose kernel has its name, whatever others are called
// in the cluster.
func TestHolder(t *testing.T) {
	var all []*machine
	for _, m := range [][3]string{{"cp-1", "", "cp-2"}, {"cp-2", "", "cp-1"}, {"cp-3", "old-3", "new-3"}} {
		all = append(all, &machine{node: &spec.Node{Name: m[0], Hostname: m[1]}, seen: &host.Seen{About: host.About{Name: m[2]}}})
	}
	for name, want := range map[string]string{"cp-1": "cp-2", "cp-2": "cp-1", "new-3": "cp-3", "old-3": "cp-3", "cp-3": "", "": ""} {
		got := ""
		if m := holder(all, &live.Lease{Holder: name + "_1", Hostname: name}); m != nil {
			got = m.node.Name
		}
		if got != want {
			t.Errorf("%q is %q, expected %q", name, got, want)
		}
	}
}
