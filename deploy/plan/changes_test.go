package plan

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestChanges: every difference from what a plan was made for is named. A plan that
// still holds has no changes.
func TestChanges(t *testing.T) {
	make := func(change func(*Observation)) *Plan {
		o := observation(t, "cp-1", "cp-2", "cp-3")
		change(o)
		p, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	was := make(func(*Observation) {})
	if changes := Changes(was, make(func(o *Observation) { o.Hosts[0].Skew = 2 * time.Minute })); len(changes) > 0 {
		t.Errorf("a clock that runs, and a note: %v", changes)
	}
	edited := make(func(o *Observation) {
		runsFresh(o.Hosts[1])
		o.Hosts[1].Snapshot.Files[o.Hosts[1].generationDir()+"/ca.crt"] = File{Type: "regular file", Mode: "666", Owner: "root:root", Size: 2}
	})
	mended := make(func(o *Observation) { runsFresh(o.Hosts[1]) })
	for says, changes := range map[string][]Change{
		"cp-2: it was to be restarted, and now nothing would be done to it":        Changes(edited, mended),
		"cp-2: nothing was to be done to it, and now it would be restarted: files": Changes(mended, edited),
	} {
		if text := (&StalePlanError{changes}).Error(); !strings.Contains(text, "\n"+says) {
			t.Errorf("%s\nexpected %q", text, says)
		}
	}
	for _, c := range []struct {
		says   string
		change func(*Observation)
	}{
		{"it is for a deploy of cluster c, and this is a rollback of c", func(o *Observation) { o.Action = Rollback }},
		{"the time limits were gate 1m0s, soak 20s", func(o *Observation) { o.Cluster.Deploy.Soak = time.Minute }},
		{"whether the lease is read: true, and now false", func(o *Observation) { o.ReadsLease = false }},
		{"the leader was cp-1, and is cp-2", func(o *Observation) { o.Leader = Leader{"cp-2_1", "cp-2"} }},
		{"the leader was cp-1, and is none", func(o *Observation) { o.Leader = Leader{} }},
		{"cp-3: it was in the plan, and wouldn't be now", func(o *Observation) { o.Hosts = o.Hosts[:2] }},
		{"cp-2: its exported generation was 01234567, and is bbbbbbbb", func(o *Observation) { o.Hosts[1].Desired.Generation = "bbbbbbbbbbbbbbbb" }},
		{"cp-2: what it runs was aaaaaaaa, and is found", func(o *Observation) { o.Hosts[1].Snapshot.Runs = Found }},
		{"cp-2: its hostname was cp-2, and is other", func(o *Observation) { o.Hosts[1].Snapshot.Name = "other" }},
		{"cp-2: its state was healthy, and is it is dead", func(o *Observation) { o.Hosts[1].Unhealthy = "it is dead" }},
		{"cp-2: whether it may lead was true, and is false", func(o *Observation) { o.Hosts[1].Desired.flags["leader-elect"] = "false" }},
		{"cp-2: its trial was nothing, and is bbbbbbbb", func(o *Observation) { o.Hosts[1].Snapshot.Trial = &Journal{Generation: "bbbbbbbbbbbbbbbb"} }},
		{"cp-2: it was changed since", func(o *Observation) { o.Hosts[1].Snapshot.Stamp = "2" }},
		{"cp-2: its address was 192.0.2.1, and is 192.0.2.9", func(o *Observation) { o.Hosts[1].Address = "192.0.2.9" }},
		{"cp-2: what would change there isn't the same", func(o *Observation) { o.Hosts[1].OldFiles = nil }},
	} {
		changes := Changes(was, make(c.change))
		if text := (&StalePlanError{changes}).Error(); !strings.Contains(text, "\n"+c.says) {
			t.Errorf("%s\nexpected %q", text, c.says)
		}
	}
}

// TestRead: anything but a plan of this schema is refused.
func TestRead(t *testing.T) {
	p, err := New(observation(t, "cp-1"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(data))
	if err != nil || len(Changes(p, got)) > 0 {
		t.Errorf("%v, moved %v", err, Changes(p, got))
	}
	for text, says := range map[string]string{
		"":                            "it isn't a plan: EOF",
		"[]":                          "it isn't a plan",
		"{}":                          "a schema, a cluster and hosts are missing",
		`{"schema":2}`:                "it is a plan of schema 2, and this kcmgen knows 1",
		`{"schema":1,"steps":[{"a"`:   "it isn't a plan",
		`{"schema":1,"later":"more"}`: `unknown field "later"`,
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, expected %q", text, err, says)
		}
	}
}
