package plan

import (
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// adopted returns a host that kcmgen never changed, whose unit says the same in other words.
func adopted(t *testing.T, change func(unit string) string) *Host {
	t.Helper()
	h := observed(t, "cp-1")
	text, _, _ := strings.Cut(string(h.Desired.Unit), "BindReadOnlyPaths=")
	wants, err := ParseConfig(Unit{}, fresh, []byte(text), func(string, bool) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	h.Desired.Config = *wants
	byHand := strings.ReplaceAll(change("# by hand\n"+string(h.Desired.Unit)), "ExecStart=", "ExecStart =  ")
	was, err := ParseConfig(Unit{}, Found, []byte(byHand), func(string, bool) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	h.Current = was
	h.Snapshot.Runs, h.Snapshot.Unit, h.Snapshot.Process.Args = Found, was.Unit, was.Argv
	for top := range h.Desired.Trees {
		only, err := tree.New([]tree.Entry{{Path: h.Unit.Name, Mode: 0o644, Data: h.Desired.Unit}})
		if err != nil {
			t.Fatal(err)
		}
		h.Desired.Trees[top] = only
	}
	return h
}

// TestMeantSo: a unit by hand that means what was exported is no difference, and no restart.
func TestMeantSo(t *testing.T) {
	same := func(unit string) string { return unit }
	for name, tc := range map[string]struct {
		unit   func(string) string
		change func(*Host)
		same   bool
	}{
		"other words":           {same, func(*Host) {}, true},
		"another flag":          {func(u string) string { return strings.Replace(u, "--v=2", "--v=3", 1) }, func(*Host) {}, false},
		"another directive":     {func(u string) string { return strings.Replace(u, "[Service]\n", "[Service]\nUser=kube\n", 1) }, func(*Host) {}, false},
		"a drop-in":             {same, func(h *Host) { h.Snapshot.Process.DropIns = []string{"/etc/a.conf"} }, false},
		"a file to place":       {same, func(h *Host) { h.Desired.Trees = observed(t, "cp-1").Desired.Trees }, false},
		"kcmgen's own":          {same, func(h *Host) { h.Snapshot.Runs = old }, false},
		"an older process":      {same, func(h *Host) { h.Snapshot.Process.Args = []string{"/kcm", "--v=1"} }, false},
		"a process that's ill":  {same, func(h *Host) { h.Unhealthy = "no answer" }, true}, // nothing differs; a deployment restarts it
		"no unit that is known": {same, func(h *Host) { h.Current = nil }, false},
	} {
		h := adopted(t, tc.unit)
		tc.change(h)
		if d := h.Drift(); d.InSync() != tc.same {
			t.Errorf("%s: in sync: %v, %+v", name, d.InSync(), d)
		}
		if s := h.step(); (s == nil) != (tc.same && h.Unhealthy == "") {
			t.Errorf("%s: a step: %+v", name, s)
		}
	}
}
