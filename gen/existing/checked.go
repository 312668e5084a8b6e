package existing

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Line is a command line that was checked.
type Line struct {
	Node      string         `json:"node,omitempty"`
	File      string         `json:"file"`
	Form      string         `json:"form"`
	Arguments int            `json:"arguments"`
	From      map[string]int `json:"from,omitempty"` // of these, by another file that has them
	Added     int            `json:"added,omitempty"`
	Unknown   int            `json:"unknown,omitempty"` // of these, with a value that isn't known
	Partial   bool           `json:"partial,omitempty"`
	Version   spec.Version   `json:"-"` // that it was checked against
	NoData    string         `json:"-"` // a version that it states, and of which there is no data
	Notes     []string       `json:"notes,omitempty"`
}

// describe says what was read.
func describe(set *text.Set, r *command.Result) Line {
	out := Line{File: r.File, Form: string(r.Form), Arguments: len(r.Args), Partial: r.Partial}
	for _, a := range r.Args {
		if !a.Known() {
			out.Unknown++
		}
		if a.By != "" {
			out.Added++
		} else if from := set.Name(a.At(0)); from != r.File && a.Len() > 0 {
			if out.From == nil {
				out.From = map[string]int{}
			}
			out.From[from]++
		}
	}
	for _, n := range r.Notes {
		if n.Rule == "" {
			p := set.Pos(n.At)
			out.Notes = append(out.Notes, fmt.Sprintf("%s:%d: %s", p.File, p.Line, set.Show(text.Literal(n.Message, n.At))))
		}
	}
	return out
}

// String says what was read.
func (l Line) String() string {
	parts := []string{counted(l.Arguments, "argument")}
	for _, from := range slices.Sorted(maps.Keys(l.From)) {
		parts = append(parts, fmt.Sprintf("%d of them from %s", l.From[from], from))
	}
	if l.Added > 0 {
		parts = append(parts, fmt.Sprintf("%d of them added by what starts it", l.Added))
	}
	if l.Unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d not known here", l.Unknown))
	}
	if l.Partial {
		parts = append(parts, "beside others that aren't known here")
	}
	name := l.File
	if l.Node != "" {
		name = "node " + l.Node + ", " + l.File
	}
	return fmt.Sprintf("%s is %s: %s", name, l.Form, strings.Join(parts, ", "))
}

// Lines says what was read, with its notes.
func (l Line) Lines() []string { return append([]string{l.String()}, l.Notes...) }

// Checked is the result of checking command lines.
type Checked struct {
	Lines    []Line            `json:"lines"`
	Findings []finding.Finding `json:"findings"`
}

// Files are the files of the command lines.
func (c *Checked) Files() []string {
	var out []string
	for _, l := range c.Lines {
		out = append(out, l.File)
	}
	return out
}

// maxDescribed is for how many files it is said what each is.
const maxDescribed = 20

// Describe says what was read, unless that is much.
func (c *Checked) Describe() []string {
	var out []string
	if len(c.Lines) <= maxDescribed {
		for _, l := range c.Lines {
			out = append(out, l.Lines()...)
		}
	}
	return out
}

// WithoutData returns the versions that files state and of which there is no data.
func (c *Checked) WithoutData() []string {
	var out []string
	for _, l := range c.Lines {
		if l.NoData != "" && !slices.Contains(out, l.NoData) {
			out = append(out, l.NoData)
		}
	}
	return out
}

// Summary says how much was checked, and against what.
func (c *Checked) Summary() string {
	n := 0
	var against []string
	for _, l := range c.Lines {
		n += l.Arguments
		if v := l.Version.String(); !slices.Contains(against, v) {
			against = append(against, v)
		}
	}
	slices.Sort(against)
	in := ""
	if len(c.Lines) > 1 {
		in = fmt.Sprintf(" in %d files", len(c.Lines))
	}
	return fmt.Sprintf("checked %s%s against %s", counted(n, "argument"), in, strings.Join(against, ", "))
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
