// Package show describes plans, outcomes, differences and the state of clusters in lines of
// text, and in other forms for other programs.
package show

import (
	"fmt"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// Style is how a line stands out on a terminal.
type Style int

// Styles. In a line with a Mark, the style is that of the mark alone.
const (
	Plain Style = iota
	Bold
	Yellow
	Red
)

// Line is a line of text, which may hold what a host said: control characters are the
// printer's task.
type Line struct {
	Mark  string // a word before the text, such as "note:"
	Text  string
	Style Style
}

// lines collects lines.
type lines []Line

func (l *lines) say(format string, args ...any) {
	*l = append(*l, Line{Text: fmt.Sprintf(format, args...)})
}

// Short returns a generation as people are shown it.
func Short(generation string) string {
	if len(generation) == 16 {
		return generation[:8]
	}
	return generation
}

// Notes returns the notes of a plan.
func Notes(p *plan.Plan) []Line {
	var out lines
	for _, n := range p.Notes {
		out = append(out, Line{"note:", n, Yellow})
	}
	return out
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
