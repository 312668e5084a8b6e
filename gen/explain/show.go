package explain

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
)

// Kind is a rule's severity, and whether its findings can be accepted.
func (r Rule) Kind() string {
	if r.Waivable {
		return string(r.Severity)
	}
	return string(r.Severity) + ", fixed"
}

// lineWidth is where the lines of a text are broken.
const lineWidth = 88

// Lines is a rule for a person.
func (r Rule) Lines() []string {
	out := []string{r.ID + ": " + r.Title}
	const indent = "              "
	add := func(label string, lines []string) {
		for i, l := range lines {
			if i > 0 {
				label = ""
			}
			out = append(out, strings.TrimRight(fmt.Sprintf("    %-9s %s", label, l), " "))
		}
	}
	kind := string(r.Severity) + ", can be waived with a reason"
	if !r.Waivable {
		kind = string(r.Severity) + ", can't be waived"
	}
	add("severity", []string{kind})
	add("why", flags.Wrap(r.Why, lineWidth-len(indent)))
	add("fix", flags.Wrap(r.Fix, lineWidth-len(indent)))
	if r.CUE != "" {
		add("write", strings.Split(r.CUE, "\n"))
	}
	add("source", r.Sources)
	add("incident", r.Incidents)
	if len(r.Controls) > 0 {
		add("controls", flags.Wrap(strings.Join(r.Controls, ", "), lineWidth-len(indent)))
	}
	if len(r.Flags) > 0 && r.Flags[0] != "*" {
		add("flags", flags.Wrap("--"+strings.Join(r.Flags, " --"), lineWidth-len(indent)))
	}
	return out
}

// Lines is a flag for a person: what kcmgen flags prints, and the rules about it.
func (f Flag) Lines(minor int) []string {
	out := f.Explained.Lines(minor)
	for i, id := range f.Rules {
		label := ""
		if i == 0 {
			label = "rules"
		}
		out = append(out, fmt.Sprintf("    %-11s %s", label, id))
	}
	return out
}

// Rows is a line for each rule: id, severity, title.
func (a Answer) Rows() [][]string {
	var out [][]string
	for _, r := range a.Rules {
		out = append(out, []string{r.ID, r.Kind(), r.Title})
	}
	return out
}

// Lines is an answer for a person: rules, then flags, with an empty line between two.
func (a Answer) Lines(minor int) []string {
	var out []string
	add := func(lines []string) {
		if len(out) > 0 {
			out = append(out, "")
		}
		out = append(out, lines...)
	}
	for _, r := range a.Rules {
		add(r.Lines())
	}
	for _, f := range a.Flags {
		add(f.Lines(minor))
	}
	return out
}
