// Package systemd reads unit files and environment files as systemd does, keeping the place
// of each byte.
package systemd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// Directive is a line Name=Value of a section. An empty value resets a list.
type Directive struct {
	Section, Name string
	Value         text.Text // continued lines are joined, as systemd does
	At            text.At   // of the name
}

// Ignored is a line that systemd ignores, and why.
type Ignored struct {
	At   text.At
	Line text.Text
	Why  string
	// After is the directive that ends before the line in a backslash that continues nothing:
	// there is another one before it, or white space after it. nil if there is none.
	After *Directive
}

// Unit is a unit file, or several that are read one after the other.
type Unit struct {
	Sections   []string // in the order of the file, each once
	Directives []Directive
	Ignored    []Ignored
}

// Error is text that isn't a unit.
type Error struct {
	At      text.At
	Message string
}

func (e *Error) Error() string { return e.Message }

const (
	blanks   = " \t\r\n"
	comments = "#;"
)

// Parse parses a unit file (systemd.syntax(7)). The error is an *Error.
func Parse(t text.Text) (*Unit, error) {
	p := parser{unit: &Unit{}}
	var joined text.Builder
	for _, line := range t.Lines() {
		line = trimEnd(line)
		if l := trimStart(line); l.Len() > 0 && strings.IndexByte(comments, l.String()[0]) >= 0 {
			continue
		}
		if escapedEnd(line.String()) {
			end := line.Len() - 1
			joined.Write(line.Slice(0, end)) // with its white space, which matters within quotes
			joined.Byte(' ', line.At(end))
			continue
		}
		joined.Write(line)
		if err := p.line(joined.Text()); err != nil {
			return nil, err
		}
	}
	if rest := joined.Text(); rest.Len() > 0 { // a backslash at the file's end
		if err := p.line(rest); err != nil {
			return nil, err
		}
	}
	return p.unit, nil
}

// escapedEnd reports whether a line ends in a backslash that no other one escapes.
func escapedEnd(s string) bool {
	escaped := false
	for i := range len(s) {
		escaped = !escaped && s[i] == '\\'
	}
	return escaped
}

func trimEnd(t text.Text) text.Text {
	// systemd ends a line at "\n", "\r\n" and "\r".
	n := t.Len()
	for n > 0 && strings.IndexByte("\r\n", t.String()[n-1]) >= 0 {
		n--
	}
	return t.Slice(0, n)
}

func trimStart(t text.Text) text.Text {
	i := 0
	for i < t.Len() && strings.IndexByte(blanks, t.String()[i]) >= 0 {
		i++
	}
	return t.From(i)
}

type parser struct {
	unit    *Unit
	section string
	bad     *Directive // the last one, if it ends in a backslash
}

func (p *parser) line(t text.Text) error {
	t = t.Trim(blanks)
	s := t.String()
	switch {
	case s == "":
		return nil
	case s[0] == '[':
		if !strings.HasSuffix(s, "]") {
			return &Error{t.At(0), fmt.Sprintf("%.80q is no section: it has no ] at its end, and systemd refuses the unit", s)}
		}
		p.section, p.bad = s[1:len(s)-1], nil
		p.unit.addSection(p.section)
		return nil
	}
	key, value, ok := t.Cut("=")
	name := key.Trim(blanks).String()
	d := Directive{p.section, name, value.Trim(blanks), t.At(0)}
	known := name != "" && name[0] >= 'A' && name[0] <= 'Z' && strings.IndexFunc(name, notLetter) < 0
	switch {
	case !ok:
		p.ignored(t, "it has no =")
	case p.section == "":
		p.ignored(t, "it is in no section")
	case !known && !strings.HasPrefix(name, "X-"):
		p.ignored(t, "it is no directive")
	default:
		p.unit.Directives = append(p.unit.Directives, d)
		p.bad = nil
		if strings.HasSuffix(s, `\`) {
			p.bad = &p.unit.Directives[len(p.unit.Directives)-1]
		}
	}
	return nil
}

func (p *parser) ignored(t text.Text, why string) {
	p.unit.Ignored = append(p.unit.Ignored, Ignored{t.At(0), t, why, p.bad})
}

func notLetter(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
}

// Add adds a drop-in.
func (u *Unit) Add(more *Unit) {
	for _, name := range more.Sections {
		u.addSection(name)
	}
	u.Directives = append(u.Directives, more.Directives...)
	u.Ignored = append(u.Ignored, more.Ignored...)
}

func (u *Unit) addSection(name string) {
	if !u.Has(name) {
		u.Sections = append(u.Sections, name)
	}
}

// Has reports whether the unit has a section, if only an empty one.
func (u *Unit) Has(section string) bool {
	return slices.Contains(u.Sections, section) || slices.ContainsFunc(u.Directives, func(d Directive) bool { return d.Section == section })
}

// Values returns the values of a directive after resets by empty ones, in the order of
// their lines.
func (u *Unit) Values(section, name string) []Directive {
	var out []Directive
	for _, d := range u.Directives {
		if d.Section != section || d.Name != name {
			continue
		}
		if d.Value.Len() == 0 {
			out = nil
			continue
		}
		out = append(out, d)
	}
	return out
}
