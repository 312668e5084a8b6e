package command

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// The mark at the begin of a hole, and at its end.
const (
	holeBegin = "\ufdd0"
	holeEnd   = "\ufdd1"
)

// expressionLines makes YAML of a text with lines that are an expression of a template and
// nothing else. One that stands where an element of command or args would be is an element;
// any other line is left out. changed is false if there is none.
func (r *reader) expressionLines(t text.Text) (out text.Text, notes []Note, changed bool) {
	var b text.Builder
	list := lists{}
	for _, line := range t.Lines() {
		s := strings.Trim(line.String(), " \t\r\n,")
		if !strings.HasPrefix(s, holeBegin) || strings.Trim(withoutHoles(s), " \t,") != "" {
			list.line(line.String())
			b.Write(line)
			continue
		}
		changed = true
		at := line.At(strings.Index(line.String(), holeBegin))
		what := "the line is left out: what it stands for isn't known here"
		if indent, ok := list.item(); ok {
			b.Literal(strings.Repeat(" ", indent)+"- ", at)
			b.Write(line.Trim(" \t\r\n"))
			b.Literal("\n", at)
			what = "the line is read as arguments that aren't known here"
		}
		notes = append(notes, Note{at, "", fmt.Sprintf("%s: %s", shortened(r.set.Show(line.Trim(" \t\r\n"))), what), ""})
	}
	return b.Text(), notes, changed
}

// withoutHoles returns a text without its holes.
func withoutHoles(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, holeBegin)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		_, s, _ = strings.Cut(after, holeEnd)
	}
}

// lists follows the lines of YAML, to know whether the next one may be an element of command or
// of args.
type lists struct {
	indent int  // of the elements
	in     bool // in such a list
	opened bool // its key is on the last line
}

// line takes a line.
func (l *lists) line(s string) {
	s = strings.TrimRight(s, " \t\r\n")
	rest := strings.TrimLeft(s, " ")
	if rest == "" || rest[0] == '#' {
		return
	}
	indent := len(s) - len(rest)
	switch {
	case l.in && (rest == "-" || strings.HasPrefix(rest, "- ")) && (l.opened || indent == l.indent):
		l.indent, l.opened = indent, false
		return
	case l.in && !l.opened && indent > l.indent:
		return // the element goes on
	}
	key := strings.TrimLeft(rest, "- ")
	l.in = key == "command:" || key == "args:"
	l.opened, l.indent = l.in, indent+len(rest)-len(key)
}

// item returns the indent of an element on the next line.
func (l *lists) item() (int, bool) {
	if l.in {
		l.opened = false
	}
	return l.indent, l.in
}

// onLines splits a word that YAML made of a line and of those below it that are expressions:
// something fills in more elements there.
func (r *reader) onLines(t text.Text) []text.Text {
	s := t.String()
	i := strings.Index(s, " "+holeBegin)
	if i <= 0 || strings.Trim(withoutHoles(s[i:]), " ") != "" {
		return []text.Text{t}
	}
	if r.set.Pos(t.At(i-1)).Line == r.set.Pos(t.At(i+1)).Line {
		return []text.Text{t}
	}
	return append([]text.Text{t.Slice(0, i)}, fields(t.From(i))...)
}
