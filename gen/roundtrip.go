package gen

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// RoundTrip compares what a node's files had with what an export of the cluster makes of it.
type RoundTrip struct {
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
func (r RoundTrip) String() string {
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

// CompareRoundTrip renders what a node starts, and compares it with what its files had.
func CompareRoundTrip(c *spec.Cluster, want adopt.Expected, partial bool) (*RoundTrip, error) {
	i := slices.IndexFunc(c.Nodes, func(n spec.Node) bool { return n.Name == want.Node })
	if i < 0 {
		return nil, fmt.Errorf("the cluster has no node %s", want.Node)
	}
	n := &c.Nodes[i]
	h := plan.HostWith(c, n, c.LayoutOf(n))
	form, err := render.Preview(c, h)
	if err != nil {
		return nil, err
	}
	argv, err := args(c.For(n), form.Text)
	if err != nil {
		return nil, err
	}
	out := &RoundTrip{Node: want.Node, Differences: []string{}}
	out.compareArguments(flags.Of(c.Version.Minor), want.Flags, argv[min(1, len(argv)):], partial)
	for _, lost := range want.Lost {
		out.Arguments.Of++
		out.differs("%s isn't exported", lost)
	}
	switch {
	case want.Pod != nil:
		err = out.comparePod(c, want.Pod, form)
	case want.Directives != nil:
		err = out.compareDirectives(c, want.Directives, form.Text)
	}
	return out, err
}

func (r *RoundTrip) differs(format string, args ...any) {
	r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
}

// compareArguments compares by order and spelling first, then by meaning.
func (r *RoundTrip) compareArguments(m *flags.Minor, want []adopt.Given, argv []string, partial bool) {
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
	last := map[string]string{}
	for _, g := range want {
		last[g.Name] = g.Value
	}
	for _, g := range want {
		d, _ := m.Flag(g.Name)
		value, ok := have[g.Name]
		switch {
		case !ok:
			r.differs("%s:%d: --%s=%s isn't exported", path.Base(g.At.File), g.At.Line, g.Name, g.Value)
		case d.Adds() && slices.Contains(strings.Split(value, ","), g.Value), sameValue(d, value, g.Value):
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
func (r *RoundTrip) compareDirectives(c *spec.Cluster, want []adopt.Directive, text []byte) error {
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
			r.differs("%s:%d: %s=%s isn't exported so", path.Base(d.At.File), d.At.Line, d.Name, d.Value)
		}
		asked[key]++
	}
	for _, section := range slices.Sorted(maps.Keys(u)) {
		for _, name := range slices.Sorted(maps.Keys(u[section])) {
			for _, value := range u[section][name][min(asked[section+" "+name], len(u[section][name])):] {
				if name == "ExecStart" || name == "BindReadOnlyPaths" && strings.HasPrefix(value, c.Paths.Generations+"/") {
					continue
				}
				r.differs("%s=%s is exported, and isn't in the files", name, value)
			}
		}
	}
	return nil
}

// comparePod compares the fields of a pod, without its command line and the volumes of a
// generation.
func (r *RoundTrip) comparePod(c *spec.Cluster, want map[string]any, form render.Form) error {
	got, err := artefact.PodMap(form.Text)
	if err != nil {
		return err
	}
	seen, err := artefact.ParseHostPod(form.Text)
	if err != nil {
		return err
	}
	asked, have := podLeaves(want), podLeaves(got)
	// A probe without a host asks the pod's address, where such a process listens, too.
	everywhere := slices.ContainsFunc(seen.Argv, func(a string) bool {
		return a == "--bind-address=0.0.0.0" || a == "--bind-address=::" || a == "--bind-address="
	})
	for _, at := range slices.Sorted(maps.Keys(asked)) {
		if at == "metadata.name" || at == "metadata.creationTimestamp" || strings.HasPrefix(at, "status") {
			continue
		}
		r.Fields.Of++
		switch value, ok := have[at]; {
		case ok && value == asked[at]:
			r.Fields.Equal++
		default:
			r.differs("%s: %s is exported as %s", at, asked[at], orNothing(value))
		}
	}
	for _, at := range slices.Sorted(maps.Keys(have)) {
		if _, ok := asked[at]; !ok && !implied(at, have[at]) && !(everywhere && strings.HasSuffix(at, "Probe.httpGet.host")) {
			r.differs("%s: %s is exported, and isn't in the files", at, have[at])
		}
	}
	r.compareMounts(c, want, seen, form)
	return nil
}

// implied reports whether a field that is exported says what Kubernetes does without it.
func implied(at, value string) bool {
	return at == "metadata.name" || at == "spec.containers.imagePullPolicy" && value == "IfNotPresent"
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// compareMounts compares what is seen at each path of the host that the pod mounts. A file
// that kcmgen puts there comes from its generation instead.
func (r *RoundTrip) compareMounts(c *spec.Cluster, want map[string]any, seen *artefact.HostPod, form render.Form) {
	data, err := json.Marshal(want)
	if err != nil {
		return
	}
	old, err := artefact.ParseHostPod(data)
	if err != nil {
		return
	}
	for _, m := range old.Mounts {
		r.Fields.Of++
		from, ok := seen.Host(m.To)
		placed := slices.ContainsFunc(form.Files, func(f render.FormFile) bool {
			return f.Path == m.To || strings.HasPrefix(f.Path, strings.TrimSuffix(m.To, "/")+"/")
		})
		if ok && (from == m.From || strings.HasPrefix(from, c.Paths.Generations+"/")) || placed {
			r.Fields.Equal++
			continue
		}
		r.differs("volume at %s: the host's %s isn't exported", m.To, m.From)
	}
}

// podLeaves returns the fields of a pod that hold values, by path. Lists of named things
// have the name in it.
func podLeaves(pod map[string]any) map[string]string {
	out := map[string]string{}
	ports := map[string]string{}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, value := range v {
				switch {
				case at == "spec" && key == "volumes", strings.HasPrefix(at, "spec.containers") && slices.Contains([]string{"command", "args", "volumeMounts"}, key):
				case at == "spec.containers" && key == "name":
				default:
					walk(strings.TrimPrefix(at+"."+key, "."), value)
				}
			}
		case []any:
			for i, e := range v {
				if m, ok := e.(map[string]any); ok && m["containerPort"] != nil {
					ports[fmt.Sprint(m["name"])] = fmt.Sprint(m["containerPort"])
				}
				if at == "spec.containers" {
					walk(at, e)
					continue
				}
				walk(fmt.Sprintf("%s[%d]", at, i), e)
			}
		case nil:
		case float64: // of JSON
			out[at] = strconv.FormatFloat(v, 'f', -1, 64)
		default:
			out[at] = fmt.Sprint(v)
		}
	}
	walk("", any(pod))
	for at, value := range out {
		if strings.HasSuffix(at, "Get.port") && ports[value] != "" {
			out[at] = ports[value]
		}
	}
	return out
}
