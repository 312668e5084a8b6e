// Package roundtrip compares what an import read with what an export of the cluster that it
// wrote would make.
package roundtrip

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/readback"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Comparison says what is equal in a node's files and in an export of the cluster.
type Comparison struct {
	Node       string `json:"node"`
	Arguments  Equal  `json:"arguments"`
	Directives Equal  `json:"directives,omitzero"` // of a unit
	Fields     Equal  `json:"fields,omitzero"`     // of a pod
	// Ordered: the arguments are in the same order, and spelt the same.
	Ordered     bool     `json:"ordered"`
	Differences []string `json:"differences"`
}

// Equal counts what is equal.
type Equal struct {
	Equal int `json:"equal"`
	Of    int `json:"of"`
}

func (e Equal) line(what string) string {
	if e.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d %s", e.Equal, e.Of, what)
}

// String is the comparison in one line.
func (r Comparison) String() string {
	var parts []string
	for _, p := range []string{r.Arguments.line("arguments"), r.Directives.line("directives"), r.Fields.line("fields")} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	out := strings.Join(parts, ", ") + " equal"
	if !r.Ordered {
		out += " (in meaning: kcmgen sorts flags and writes --name=value)"
	}
	return out
}

// Compare renders what a node starts, and compares it with what its files had.
func Compare(c *spec.Cluster, want adopt.Expected, partial bool) (*Comparison, error) {
	i := slices.IndexFunc(c.Nodes, func(n spec.Node) bool { return n.Name == want.Node })
	if i < 0 {
		return nil, fmt.Errorf("the cluster has no node %s", want.Node)
	}
	n := &c.Nodes[i]
	h := plan.HostWith(c, n, c.LayoutOf(n))
	out := &Comparison{Node: want.Node, Differences: []string{}}
	form, err := render.Preview(c, h)
	if err != nil {
		out.differs("nothing can be exported: %v", err)
		return out, nil
	}
	argv, err := readback.Args(c.For(n), form.Text)
	if err != nil || len(argv) == 0 {
		out.differs("the export starts no program: %v", err)
		return out, nil
	}
	out.compareProgram(want, argv[0])
	out.compareArguments(flags.Of(c.Version.Minor), want.Flags, argv[1:], partial)
	for _, lost := range want.Lost {
		out.Arguments.Of++
		out.differs("%s isn't exported", lost)
	}
	switch {
	case want.Pod != nil:
		err = out.comparePod(c, want, form)
	case want.Directives != nil:
		err = out.compareDirectives(c, want.Directives, form.Text)
	}
	return out, err
}

func (r *Comparison) differs(format string, args ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// compareProgram compares what is started.
func (r *Comparison) compareProgram(want adopt.Expected, program string) {
	if want.Program != "" && want.Program != program {
		r.differs("the program %s is exported as %s", want.Program, program)
	}
	if want.Wrapper != "" {
		r.differs("%s isn't exported", want.Wrapper)
	}
}

// compareArguments compares by order and spelling first, then by meaning.
func (r *Comparison) compareArguments(m *flags.Minor, want []adopt.Given, argv []string, partial bool) {
	r.Arguments.Of = len(want)
	spelled := make([]string, len(want))
	for i, g := range want {
		spelled[i] = g.Spelled
	}
	if r.Ordered = slices.Equal(spelled, argv); r.Ordered {
		r.Arguments.Equal = len(want)
		return
	}
	got, _ := m.Read(argv)
	have := map[string]string{}
	for _, g := range got {
		have[g.Name] = g.Value
	}
	last, all := map[string]string{}, map[string][]string{}
	for _, g := range want {
		last[g.Name] = g.Value
		all[g.Name] = append(all[g.Name], strings.Split(g.Value, ",")...)
	}
	for _, g := range want {
		d, _ := m.Flag(g.Name)
		value, ok := have[g.Name]
		switch {
		case !ok:
			r.differs("%s:%d: --%s=%s isn't exported", path.Base(g.At.File), g.At.Line, g.Name, g.Value)
		case d.Adds() && sameElements(strings.Split(value, ","), all[g.Name]), sameValue(d, value, g.Value):
			r.Arguments.Equal++
		case sameValue(d, value, last[g.Name]): // another of its name comes after it
			r.Arguments.Equal++
		default:
			r.differs("%s:%d: --%s=%s is exported as %s", path.Base(g.At.File), g.At.Line, g.Name, g.Value, value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := last[name]; !ok && !partial {
			r.differs("--%s=%s is exported, and isn't in the files", name, have[name])
		}
	}
}

// sameElements reports whether two lists have the same elements, in any order.
func sameElements(a, b []string) bool {
	unique := func(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }
	return slices.Equal(unique(a), unique(b))
}

// sameValue reports whether two values mean the same to the program.
func sameValue(d flags.Def, a, b string) bool {
	if a == b {
		return true
	}
	t := func(s string) bool { return slices.Contains([]string{"true", "1", "t", "T", "TRUE", "True"}, s) }
	f := func(s string) bool { return slices.Contains([]string{"false", "0", "f", "F", "FALSE", "False"}, s) }
	return d.Type == "bool" && (t(a) && t(b) || f(a) && f(b))
}

// compareDirectives compares the lines of a unit, in the order of each name's.
func (r *Comparison) compareDirectives(c *spec.Cluster, want []adopt.Directive, text []byte) error {
	u, err := artefact.ParseUnit(text)
	if err != nil {
		return err
	}
	r.Directives.Of = len(want)
	asked := map[string]int{}
	for _, d := range want {
		key := d.Section + " " + d.Name
		have := u[d.Section][d.Name]
		if n := asked[key]; n < len(have) && have[n] == d.Value {
			r.Directives.Equal++
		} else {
			r.differs("%s:%d: %s isn't exported so", path.Base(d.At.File), d.At.Line, adopt.Shown(d.Name, d.Value))
		}
		asked[key]++
	}
	for _, section := range slices.Sorted(maps.Keys(u)) {
		for _, name := range slices.Sorted(maps.Keys(u[section])) {
			for _, value := range u[section][name][min(asked[section+" "+name], len(u[section][name])):] {
				if name == "ExecStart" || name == "BindReadOnlyPaths" && strings.HasPrefix(value, c.Paths.Generations+"/") {
					continue
				}
				r.differs("%s is exported, and isn't in the files", adopt.Shown(name, value))
			}
		}
	}
	return nil
}
