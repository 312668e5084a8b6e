package finding

import (
	"slices"
	"testing"
)

// TestWorst: errors before warnings before what wasn't checked, each rule once, and none that
// a waiver accepts.
func TestWorst(t *testing.T) {
	fs := []Finding{
		{Rule: "w", Severity: Warning},
		{Rule: "n", Severity: NotChecked},
		{Rule: "e", Severity: Error},
		{Rule: "accepted", Severity: Error, Waived: "why"},
		{Rule: "e", Severity: Error},
		{Rule: "f", Severity: Error},
	}
	for n, want := range [][]string{nil, {"e"}, {"e", "f"}, {"e", "f", "w"}, {"e", "f", "w", "n"}, {"e", "f", "w", "n"}} {
		if got := Worst(fs, n); !slices.Equal(got, want) {
			t.Errorf("the worst %d are %q, not %q", n, got, want)
		}
	}
}
