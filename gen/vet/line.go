package vet

import (
	"fmt"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// CommandLine applies the rules that need nothing but a command line. args are the
// arguments after the program's name, and at are their positions.
func CommandLine(version spec.Version, args []string, at []finding.Pos) []finding.Finding {
	m := flags.Of(version.Minor)
	given, faults := m.Read(args)
	c := &spec.Cluster{
		Version: version, Profile: spec.Standard,
		Flags: spec.Settings{}, Source: finding.Source{}, Nodes: []spec.Node{{}},
	}
	if len(at) > 0 { // the position of missing flags
		c.Source["flags"] = finding.Pos{File: at[0].File}
	}
	line := &line{given: given, faults: faults, at: at}
	for _, g := range given {
		value := g.Value
		if d, ok := m.Flag(g.Name); ok && d.Adds() && c.Flags[g.Name].Value != "" {
			value = d.Join(c.Flags[g.Name].Value, value)
		}
		c.Flags[g.Name] = spec.Setting{Value: value}
		c.Source[finding.Path("flags", g.Name)] = at[g.Arg]
	}
	v := newView(c, Facts{})
	v.nodes[0].line = line
	var out []finding.Finding
	for _, r := range Rules() {
		if r.Flags {
			out = append(out, v.apply(r)...)
		}
	}
	out = sorted(withoutRedundant(out))
	for i := range out { // there is no cluster; the position is enough
		out[i].Cluster, out[i].Field, out[i].Node = "", "", ""
	}
	return out
}

// line is a command line that the user wrote, not one derived from a cluster.
type line struct {
	given  []flags.Given
	faults []flags.Fault
	at     []finding.Pos
}

// lineField is the field of arguments that belong to no flag.
const lineField = "arguments"

func flagSyntax(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	for _, f := range n.line.faults {
		field := finding.Path(lineField, fmt.Sprintf("[%d]", f.Arg))
		v.Source[field] = n.line.at[f.Arg]
		out = append(out, fault{field: field, message: f.Message, expected: f.Expected})
	}
	return out
}

func flagRepeated(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	last := map[string]flags.Given{}
	for _, g := range n.line.given {
		before, again := last[g.Name]
		last[g.Name] = g
		d, known := v.minor.Flag(g.Name)
		if !again || !known || d.Adds() {
			continue
		}
		field := finding.Path("flags", g.Name, fmt.Sprintf("[%d]", before.Arg))
		v.Source[field] = n.line.at[before.Arg]
		out = append(out, fault{
			field: field, also: []string{finding.Path("flags", g.Name)},
			message:  fmt.Sprintf("--%s=%.80s has no effect: the flag comes again, and the last counts", g.Name, before.Value),
			expected: "each flag once",
		})
	}
	return out
}
