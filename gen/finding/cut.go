package finding

import (
	"fmt"
	"unicode/utf8"
)

// Limits of what is shown. A value of a megabyte says no more than its begin.
const (
	maxText  = 2000 // bytes of a text
	maxPath  = 500  // bytes of a field's path or a name
	maxPos   = 20   // other positions
	maxShown = 1000 // findings that are printed for people
)

// cut shortens the texts of a finding.
func (f *Finding) cut() {
	for _, s := range []*string{&f.Message, &f.Expected, &f.Hint} {
		*s = Cut(*s, maxText)
	}
	for _, s := range []*string{&f.Cluster, &f.Node, &f.Field, &f.Pos.File} {
		*s = Cut(*s, maxPath)
	}
	if len(f.Also) > maxPos {
		f.Also = f.Also[:maxPos]
	}
}

// Cut returns at most about n bytes of a text: its begin and its end, and how much is left
// out between them.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	head, tail := n*3/4, len(s)-n/4
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	for tail < len(s) && !utf8.RuneStart(s[tail]) {
		tail++
	}
	return fmt.Sprintf("%s … (%d bytes left out) … %s", s[:head], tail-head, s[tail:])
}

// Shown returns the findings that are printed for people, errors first if there are more
// than 1000, and a line about the others; "" if there are none. Waived ones are shown if
// waived is set.
func Shown(findings []Finding, waived bool) (shown []Group, others string) {
	var rest []Finding
	groups := Groups(findings)
	visible := groups[:0:0]
	for _, g := range groups {
		if waived || g.Waived == "" {
			visible = append(visible, g)
		}
	}
	if len(visible) <= maxShown {
		return visible, ""
	}
	for _, errors := range []bool{true, false} {
		for _, g := range visible {
			switch {
			case (g.Severity == Error && g.Waived == "") != errors:
			case len(shown) < maxShown:
				shown = append(shown, g)
			default:
				rest = append(rest, g.Finding)
			}
		}
	}
	return shown, fmt.Sprintf("%d more findings are not shown (%s); --format json prints all", len(rest), Count(rest))
}
