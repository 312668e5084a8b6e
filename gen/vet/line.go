package vet

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// Line is a command line that was read from files, not derived from a cluster.
type Line struct {
	Node string // "" if it is the only one
	Args []Arg
	// Partial: more flags, which aren't known, are added to these.
	Partial bool
	// Defaults: it has every flag; one at its default says nothing.
	Defaults bool
	// Bare: it doesn't begin with the program, so that others may come before it.
	Bare bool
	// Unit is the unit that has it; nil if there is none.
	Unit *spec.Unit
	At   finding.Pos // of what is missing
	// Fields are the positions of other fields, such as unit.Service.Restart.
	Fields finding.Source
	// Notes are what a reader found, by the id of a rule.
	Notes []Note
}

// Note is what a reader found out about a file, beside the command line.
type Note struct {
	Rule              string
	At                finding.Pos
	Message, Expected string
}

// Arg is an argument after the program's name. Its parts are text and, at odd indices, the
// names of values that aren't known.
type Arg struct {
	Parts []string
	At    finding.Pos
}

// CommandLine applies the rules that need nothing but command lines, of one or more nodes.
// A finding that depends on a value that isn't known is left out.
func CommandLine(version spec.Version, lines []Line) []finding.Finding {
	m := flags.Of(version.Minor)
	rounds := 1
	for i := range lines {
		lines[i] = lines[i].withoutDefaults(m).joined(m)
		if lines[i].open() {
			rounds = samples
		}
	}
	var out []finding.Finding
	for round := range rounds {
		found := lineFindings(version, m, lines, round)
		if round == 0 {
			out = found
			continue
		}
		out = slices.DeleteFunc(out, func(f finding.Finding) bool {
			return !slices.ContainsFunc(found, func(g finding.Finding) bool { return same(f, g) })
		})
	}
	if rounds > 1 {
		out = slices.DeleteFunc(out, func(f finding.Finding) bool { return aboutHole(lines, m, f) })
	}
	if slices.ContainsFunc(lines, func(l Line) bool { return l.Bare }) {
		out = slices.DeleteFunc(out, func(f finding.Finding) bool { return f.Pos.Line == 0 })
	}
	out = merged(sorted(withoutRedundant(out)))
	for i := range out {
		out[i] = ofLine(out[i], len(lines) > 1)
	}
	return out
}

// ofLine words a finding for a command line: there is no cluster, the position is enough,
// and nothing can be waived.
func ofLine(f finding.Finding, nodes bool) finding.Finding {
	f.Cluster, f.Field = "", ""
	if !nodes {
		f.Node = ""
	}
	if strings.Contains(f.Hint, "waive") {
		f.Hint = ""
	}
	f.Expected = flagSpelling(f.Expected)
	return f
}

func same(a, b finding.Finding) bool {
	return a.Rule == b.Rule && a.Field == b.Field && a.Message == b.Message && a.Pos == b.Pos
}

// lineFindings applies the rules with one value for each that isn't known.
func lineFindings(version spec.Version, m *flags.Minor, lines []Line, round int) []finding.Finding {
	c := &spec.Cluster{Version: version, Layout: spec.Systemd, Profile: spec.Standard, Paths: usualPaths(), Flags: spec.Settings{}, Source: finding.Source{}}
	read := make([]*line, len(lines))
	for i, l := range lines {
		name := l.Node
		c.Nodes = append(c.Nodes, spec.Node{Name: name, Flags: spec.Settings{}})
		field, settings := "flags", c.Flags
		if len(lines) > 1 {
			field, settings = finding.Path("nodes", name, "flags"), c.Nodes[i].Flags
		}
		c.Source[field] = l.At
		if _, ok := c.Source["flags"]; !ok {
			c.Source["flags"] = l.At
		}
		read[i] = l.settings(m, round, settings, c.Source, field)
		if l.Partial && round%2 == 1 {
			for _, f := range usual(version) {
				if _, ok := settings[f.Name]; !ok {
					settings[f.Name] = spec.Setting{Value: f.Value}
				}
			}
		}
		if l.Unit != nil {
			c.Unit = *l.Unit
			c.Source["unit"] = l.At
		}
		maps.Copy(c.Source, l.Fields)
	}
	v := newView(c, Facts{})
	for i, n := range v.nodes {
		n.line = read[i]
	}
	hasUnit := slices.ContainsFunc(lines, func(l Line) bool { return l.Unit != nil })
	var out []finding.Finding
	for _, r := range Rules() {
		if !r.Flags && !r.Practice && (!r.Unit || !hasUnit) {
			continue
		}
		for _, f := range v.apply(r) {
			if r.Practice { // it starts nevertheless, and there are no waivers here
				f.Severity = finding.Warning
			}
			out = append(out, f)
		}
	}
	return out
}

// settings reads the arguments into settings, and notes where each is.
func (l Line) settings(m *flags.Minor, round int, into spec.Settings, source finding.Source, field string) *line {
	var args []string
	var at []finding.Pos
	for _, a := range l.Args {
		if !a.wordless() {
			args, at = append(args, a.sample(m, round)), append(at, a.At)
		}
	}
	given, faults := m.Read(args)
	for _, g := range given {
		value := g.Value
		if d, ok := m.Flag(g.Name); ok && d.Adds() && into[g.Name].Value != "" {
			value = d.Join(into[g.Name].Value, value)
		}
		into[g.Name] = spec.Setting{Value: value}
		source[field+"."+finding.Label(g.Name)] = at[g.Arg]
	}
	return &line{Line: l, given: given, faults: faults, at: at, args: args}
}

// withoutDefaults leaves out the flags that have their default, where all are given.
func (l Line) withoutDefaults(m *flags.Minor) Line {
	if !l.Defaults {
		return l
	}
	l.Args = slices.DeleteFunc(slices.Clone(l.Args), func(a Arg) bool {
		name, value, _ := strings.Cut(strings.TrimPrefix(a.text(), "--"), "=")
		d, ok := m.Flag(name)
		return ok && a.known() && d.Default == value
	})
	l.Partial = true // what isn't there has its default, which may be another's
	return l
}

// joined joins the name of a flag with its value in the next argument, if that isn't known.
func (l Line) joined(m *flags.Minor) Line {
	var out []Arg
	for i := 0; i < len(l.Args); i++ {
		a := l.Args[i]
		name, isFlag := strings.CutPrefix(a.text(), "--")
		d, _ := m.Flag(strings.ReplaceAll(name, "_", "-"))
		if i+1 < len(l.Args) && isFlag && a.known() && !strings.Contains(name, "=") && d.Type != "bool" && d.NoOptDefVal == "" {
			if next := l.Args[i+1]; !next.known() && !strings.HasPrefix(next.Parts[0], "-") {
				parts := slices.Clone(next.Parts)
				parts[0] = a.text() + "=" + parts[0]
				a = Arg{Parts: parts, At: a.At}
				i++
			}
		}
		out = append(out, a)
	}
	l.Args = out
	return l
}

// line is a command line that the user wrote, not one derived from a cluster.
type line struct {
	Line
	given  []flags.Given
	faults []flags.Fault
	at     []finding.Pos
	args   []string // with values in place of those that aren't known
}

// lineField is the field of arguments that belong to no flag.
const lineField = "arguments"

func flagSyntax(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	for _, f := range n.line.faults {
		field := finding.Path(lineField, n.Name, fmt.Sprintf("[%d]", f.Arg))
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
		field := finding.Path("flags", g.Name, n.Name, fmt.Sprintf("[%d]", before.Arg))
		v.Source[field] = n.line.at[before.Arg]
		out = append(out, fault{
			field: field, also: []string{n.flags.Field(g.Name)},
			message:  fmt.Sprintf("--%s=%.80s has no effect: the flag comes again, and the last counts", g.Name, before.Value),
			expected: "each flag once",
		})
	}
	return out
}

// flagSpelled: the program takes "_" for "-" in a name, but no search and no sed that people
// use on units does.
func flagSpelled(v *view, n *nodeView) []fault {
	if n.line == nil {
		return nil
	}
	var out []fault
	for _, g := range n.line.given {
		word, _, _ := strings.Cut(n.line.args[g.Arg], "=")
		if !strings.Contains(word, "_") {
			continue
		}
		field := finding.Path("flags", g.Name, n.Name, fmt.Sprintf("[%d]", g.Arg), "name")
		v.Source[field] = n.line.at[g.Arg]
		out = append(out, fault{field: field, message: fmt.Sprintf("%.80s is spelt with \"_\": it is taken for --%s", word, g.Name), expected: "--" + g.Name})
	}
	return out
}

// noted is a rule whose faults a reader of files finds.
func noted(rule string) func(*view, *nodeView) []fault {
	return func(v *view, n *nodeView) []fault {
		if n.line == nil {
			return nil
		}
		var out []fault
		for i, note := range n.line.Notes {
			if note.Rule == rule {
				field := finding.Path("notes", n.Name, fmt.Sprintf("[%d]", i))
				v.Source[field] = note.At
				out = append(out, fault{field: field, message: note.Message, expected: note.Expected})
			}
		}
		return out
	}
}

// lineRules are about command lines that were read from files.
var lineRules = []Rule{
	{ID: "flag-syntax", Severity: isError, Fixed: true, Flags: true, node: flagSyntax, Doc: "a command line has nothing but flags, each with its value (kcmgen flags --check)"},
	{ID: "flag-repeated", Severity: isWarning, Flags: true, node: flagRepeated, Doc: "a command line has each flag once (kcmgen flags --check)"},
	{ID: "flag-spelled", Severity: isWarning, Flags: true, node: flagSpelled, Doc: "a command line spells a flag with \"-\" (kcmgen flags --check)"},
	{ID: "flags-differ", Severity: isWarning, Flags: true, cluster: flagsDiffer, Doc: "the command lines of nodes have the same flags, but for addresses and files (kcmgen flags --check --node)"},
	{ID: "value-unknown", Severity: isWarning, Flags: true, node: valueUnknown, Doc: "the values of a command line are known: a variable hides none (kcmgen flags --check, which reports it as not checked)"},
	{ID: "unit-line", Severity: isWarning, Flags: true, node: noted("unit-line"), Doc: "systemd ignores no line of a unit or its environment files (kcmgen flags --check)"},
	{ID: "unit-continuation", Severity: isError, Fixed: true, Flags: true, node: noted("unit-continuation"), Doc: "a line of a unit goes on after one backslash, not two (kcmgen flags --check)"},
	{ID: "unit-program", Severity: isError, Fixed: true, Flags: true, node: noted("unit-program"), Doc: "the program of a unit is a path without variables (kcmgen flags --check)"},
	{ID: "form-field", Severity: isWarning, Flags: true, node: noted("form-field"), Doc: "a configuration of what starts kube-controller-manager has the fields that its reader knows (kcmgen flags --check)"},
}

// nodeFlags are flags that may differ between nodes.
var nodeFlags = []string{"bind-address", "address", "master", "kubeconfig", "tls-cert-file", "tls-private-key-file", "authentication-kubeconfig", "authorization-kubeconfig", "external-cloud-volume-plugin", "v", "vmodule", "log-dir", "log-file"}

// flagsDiffer compares the command lines of nodes: any of them may lead.
func flagsDiffer(v *view) []fault {
	if v.nodes[0].line == nil {
		return nil
	}
	names := map[string]bool{}
	for _, n := range v.nodes {
		for _, f := range n.flags {
			names[f.Name] = true
		}
	}
	var out []fault
	first := v.nodes[0]
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(nodeFlags, name) || slices.Contains([]string{allocate, clusterCIDR, mask, mask4, mask6, serviceRange}, name) || strings.HasPrefix(name, "leader-elect-resource-") {
			continue // allocation-differs and leader-elect-differs
		}
		for _, n := range v.nodes[1:] {
			if first.value(name) == n.value(name) {
				continue
			}
			out = append(out, fault{
				field: cmp.Or(n.flags.Field(name), first.flags.Field(name), "flags"), also: []string{first.flags.Field(name)},
				message:  fmt.Sprintf("--%s is %q on node %s and %q on node %s", name, first.value(name), first.Name, n.value(name), n.Name),
				expected: "one value on all nodes: any of them may lead",
			})
		}
	}
	return out
}

var cueFlag = lazy.Regexp(`flags: "?([a-z0-9-]+)"?: ("[^"]*"|[^ ,;]+)`)

// flagSpelling writes flags in an advice as a command line has them, not as CUE.
func flagSpelling(advice string) string {
	if !strings.Contains(advice, "flags: ") {
		return advice
	}
	return cueFlag().ReplaceAllStringFunc(advice, func(s string) string {
		m := cueFlag().FindStringSubmatch(s)
		return "--" + m[1] + "=" + strings.Trim(m[2], `"`)
	})
}
