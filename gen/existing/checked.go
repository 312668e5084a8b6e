package existing

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ParseNodes returns the files of nodes that are given as NAME=FILE,FILE with files that
// belong to all, or else the files of one node without a name.
func ParseNodes(nodes, files []string) ([]NodeFiles, error) {
	files = slices.DeleteFunc(slices.Clone(files), func(f string) bool { return f == "" })
	if len(nodes) == 0 {
		return []NodeFiles{{Files: files}}, nil
	}
	var out []NodeFiles
	for _, n := range nodes {
		name, list, ok := strings.Cut(n, "=")
		if !ok || name == "" || list == "" {
			return nil, fmt.Errorf("%q is no node and its files: write --node cp-1=kcm.service,kcm.env", n)
		}
		if slices.ContainsFunc(out, func(o NodeFiles) bool { return o.Node == name }) {
			return nil, fmt.Errorf("%s is there twice: put all its files into one, with commas in between", name)
		}
		out = append(out, NodeFiles{Node: name, Files: append(strings.Split(list, ","), files...)})
	}
	return out, nil
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
