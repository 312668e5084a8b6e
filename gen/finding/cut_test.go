package finding

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestCut: a long text keeps its begin and its end, in whole characters.
func TestCut(t *testing.T) {
	if got := Cut("short", 5); got != "short" {
		t.Error(got)
	}
	text := strings.Repeat("ü", 5000)
	for n := 100; n < 110; n++ {
		got := Cut(text, n)
		if !utf8.ValidString(got) || len(got) > n+50 || !strings.HasPrefix(got, "üü") || !strings.HasSuffix(got, "üü") {
			t.Errorf("%d: %d bytes, %q", n, len(got), got)
		}
	}
	if got, want := Cut(strings.Repeat("x", 1000), 100), "x … (900 bytes left out) … x"; !strings.Contains(got, want) {
		t.Errorf("%q has no %q", got, want)
	}
}

// TestEnsureMessagesCuts: no text of a finding is long.
func TestEnsureMessagesCuts(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	f := EnsureMessages([]Finding{{Message: long, Expected: long, Hint: long, Field: long, Cluster: long, Also: make([]Pos, 1000)}})[0]
	if n := len(fmt.Sprintf("%+v", f)); n > 10_000 {
		t.Errorf("%d bytes", n)
	}
}

// TestShown: of very many findings the errors are printed, and the others are counted.
func TestShown(t *testing.T) {
	var all []Finding
	for i := range 1500 {
		f := Finding{Rule: "a", Severity: Warning, Message: fmt.Sprint(i)}
		if i%3 == 0 {
			f.Severity = Error
		}
		all = append(all, f, Finding{Rule: "b", Severity: Error, Message: fmt.Sprint(i), Waived: "why"})
	}
	shown, others := Shown(all, false)
	if len(shown) != maxShown || shown[499].Severity != Error || shown[500].Severity != Warning {
		t.Errorf("%d shown", len(shown))
	}
	if want := "500 more findings are not shown (0 errors, 500 warnings); --format json prints all"; others != want {
		t.Errorf("%q, not %q", others, want)
	}
	if shown, others = Shown(all[:2], true); len(shown) != 2 || others != "" {
		t.Errorf("%v, %q", shown, others)
	}
}
