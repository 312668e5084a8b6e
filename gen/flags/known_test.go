package flags

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestData: the data of every version can be parsed, is sorted and without duplicates,
// and keeps its own bounds.
func TestData(t *testing.T) {
	files, err := fs.Glob(data, "data/v1.*.json")
	if err != nil || len(files) != len(Minors()) || len(files) < 18 {
		t.Fatalf("%d files, minors %v (%v)", len(files), Minors(), err)
	}
	for i, minor := range Minors() {
		if i > 0 && minor != Minors()[i-1]+1 {
			t.Errorf("v1.%d follows v1.%d", minor, Minors()[i-1])
		}
		m := Of(minor)
		if !strings.HasPrefix(m.Version, "v1.") || len(m.Flags) < 100 || len(m.Controllers) < 30 || len(m.FeatureGates) < 50 {
			t.Errorf("v1.%d: %s, %d flags, %d controllers, %d gates", minor, m.Version, len(m.Flags), len(m.Controllers), len(m.FeatureGates))
		}
		sorted := func(what string, names []string) {
			if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
				t.Errorf("v1.%d: %s are not sorted, or have duplicates", minor, what)
			}
		}
		var fs, cs, gs []string
		for _, d := range m.Flags {
			fs = append(fs, d.Name)
			checkDef(t, minor, d)
		}
		for _, c := range m.Controllers {
			cs = append(cs, c.Name)
		}
		for _, g := range m.FeatureGates {
			gs = append(gs, g.Name)
		}
		sorted("flags", fs)
		sorted("controllers", cs)
		sorted("gates", gs)
	}
	if Of(19) != nil || Of(99) != nil {
		t.Error("there is data of versions that don't exist")
	}
}

func checkDef(t *testing.T, minor int, d Def) {
	t.Helper()
	if d.Name == "" || d.Type == "" || d.Section == "" {
		t.Errorf("v1.%d: %+v", minor, d)
	}
	if d.Type == "duration" {
		if _, err := time.ParseDuration(d.Default); err != nil {
			t.Errorf("v1.%d --%s: %v", minor, d.Name, err)
		}
	}
	if d.Type == "string" && len(d.Allowed) > 0 && d.Default != "" && !slices.Contains(d.Allowed, d.Default) {
		t.Errorf("v1.%d --%s: the default %q is not among %q", minor, d.Name, d.Default, d.Allowed)
	}
	if d.Min != nil && d.Max != nil && *d.Min > *d.Max {
		t.Errorf("v1.%d --%s: from %v to %v", minor, d.Name, *d.Min, *d.Max)
	}
}

// TestLives compares with the release notes of Kubernetes.
func TestLives(t *testing.T) {
	for name, want := range map[string]struct {
		removed, deprecated int
		replacedBy          string
	}{
		"port":                                  {24, 20, ""},
		"experimental-cluster-signing-duration": {25, 20, "cluster-signing-duration"},
		"logtostderr":                           {26, 23, ""},
		"pod-eviction-timeout":                  {27, 26, ""},
		"concurrent-service-syncs":              {37, 0, ""},
		"leader-elect":                          {0, 0, ""},
	} {
		l, ok := LifeOf(name)
		if !ok || l.Removed() != want.removed || l.Deprecated != want.deprecated || l.ReplacedBy != want.replacedBy {
			t.Errorf("%s: %v, removed in %d, deprecated in %d, replaced by %q", name, ok, l.Removed(), l.Deprecated, l.ReplacedBy)
		}
	}
	l, _ := LifeOf("node-monitor-grace-period")
	if !slices.Equal(l.Defaults, []Value{{20, "40s"}, {32, "50s"}}) {
		t.Errorf("node-monitor-grace-period: %v", l.Defaults)
	}
	if _, ok := LifeOf("leader-elekt"); ok {
		t.Error("any name is a flag's")
	}
}

// TestNotes: each note is about a flag of some version, and names a flag of the newest.
func TestNotes(t *testing.T) {
	notes := map[string]Note{}
	decode("data/notes.json", &notes)
	newest := Of(Minors()[len(Minors())-1])
	for name, n := range notes {
		if _, ok := LifeOf(name); !ok {
			t.Errorf("%s: no version has it", name)
		}
		if n == (Note{}) {
			t.Errorf("%s: nothing is said of it", name)
		}
		if n.ReplacedBy != "" {
			if _, ok := newest.Flag(n.ReplacedBy); !ok {
				t.Errorf("%s: it is replaced by %s, which is gone", name, n.ReplacedBy)
			}
		}
	}
}
