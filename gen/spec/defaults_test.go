package spec

import (
	"slices"
	"testing"
)

func TestDefaults(t *testing.T) {
	known := KnownDefaults()
	if !slices.IsSorted(known) || known[len(known)-1] != NewestDefaults() {
		t.Errorf("%q isn't sorted, or doesn't end with the newest, %s", known, NewestDefaults())
	}
	for _, c := range []struct {
		pin   Defaults
		since []bool // by known generation
	}{
		{"", []bool{true, true}},
		{Defaults2026x1, []bool{true, false}},
		{Defaults2026x2, []bool{true, true}},
	} {
		cluster := Cluster{Defaults: c.pin}
		for i, d := range known {
			if got := cluster.DefaultsSince(d); got != c.since[i] {
				t.Errorf("pinned to %q it has those of %s: %v", c.pin, d, got)
			}
		}
	}
	if Defaults("2026.9").Known() || !Defaults2026x1.Known() {
		t.Error("Known")
	}
}
