package finding

import (
	"fmt"
	"slices"
	"strings"
)

// Details are what a finding says after its message, each with a label. clusters are those
// that have it, if it is printed once for several.
func (f Finding) Details(clusters []string) [][2]string {
	var out [][2]string
	line := func(label, text string) {
		if text != "" {
			out = append(out, [2]string{label, text})
		}
	}
	if f.Field != "" {
		line("field", "cluster."+f.Field)
	}
	line("node", f.Node)
	if len(clusters) > 1 {
		line("clusters", strings.Join(clusters, ", "))
	}
	line("expected", f.Expected)
	for _, p := range f.Also {
		line("see", p.String())
	}
	line("hint", f.Hint)
	line("controls", strings.Join(f.Controls, ", "))
	line("reason", f.Waived)
	line("until", f.Until)
	return out
}

// Count is the number of findings of each severity, as text.
func Count(fs []Finding) string {
	of := map[Severity]int{}
	for _, f := range fs {
		of[f.Severity]++
	}
	counted := func(n int, what string) string {
		if n != 1 {
			what += "s"
		}
		return fmt.Sprintf("%d %s", n, what)
	}
	out := counted(of[Error], "error") + ", " + counted(of[Warning], "warning")
	if n := of[NotChecked]; n > 0 {
		out += fmt.Sprintf(", %d not checked", n)
	}
	return out
}

// Worst returns the rules of at most n kinds of findings that no waiver accepts: those of
// errors first, then of warnings, each once and in the order of the findings.
func Worst(fs []Finding, n int) []string {
	var out []string
	for _, s := range []Severity{Error, Warning, NotChecked} {
		for _, f := range fs {
			if f.Severity == s && f.Waived == "" && len(out) < n && !slices.Contains(out, f.Rule) {
				out = append(out, f.Rule)
			}
		}
	}
	return out
}
