package finding

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGroups: findings that differ in their cluster only are joined; others aren't.
func TestGroups(t *testing.T) {
	shared := Finding{Rule: "a", Severity: Error, Pos: Pos{File: "base.cue", Line: 1, Col: 2}, Message: "m"}
	of := func(cluster string, f Finding) Finding { f.Cluster = cluster; return f }
	elsewhere, waived := shared, shared
	elsewhere.Also = []Pos{{File: "other.cue", Line: 3, Col: 4}}
	waived.Waived = "why"
	got := Groups([]Finding{of("b", shared), of("b", elsewhere), of("a", shared), of("b", shared), of("", waived)})
	want := []Group{
		{of("b", shared), []string{"a", "b"}},
		{of("b", elsewhere), []string{"b"}},
		{waived, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestFailed: an error fails a command, unless a waiver accepts it.
func TestFailed(t *testing.T) {
	for _, c := range []struct {
		f    Finding
		want bool
	}{
		{Finding{Severity: Error}, true},
		{Finding{Severity: Error, Waived: "why"}, false},
		{Finding{Severity: Warning}, false},
		{Finding{Severity: NotChecked}, false},
	} {
		if got := Failed([]Finding{c.f}); got != c.want {
			t.Errorf("%+v: %v", c.f, got)
		}
	}
}
