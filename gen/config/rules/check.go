package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	cuejson "cuelang.org/go/encoding/json"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Apply applies all rules that can be evaluated.
func (o *Options) Apply(all []*Rule, c *spec.Cluster, data []byte) []finding.Finding {
	t, err := NewTarget(c, data, o.Effective(c))
	if err != nil {
		return []finding.Finding{{
			Rule: Invalid, Severity: finding.Error, Pos: c.Source.At(""), Message: "this cluster can't be read by rules: " + err.Error(),
		}}
	}
	var out []finding.Finding
	for _, r := range all {
		if !r.broken {
			out = append(out, t.Findings(r)...)
		}
	}
	return out
}

// Target is a cluster as rules see it.
type Target struct {
	cluster *spec.Cluster
	data    map[string]any
	expr    *ast.StructLit // of data
	values  map[*cue.Context]*values
	fields  map[string]string // of the cluster, by the path of an effective flag
	secrets []string
}

// values are a cluster, whole and in parts, in the context of a package of rules: what the
// package imports is known in this context only.
type values struct {
	whole cue.Value
	parts map[string]part // by the names of their fields
}

// in returns the cluster in a context.
func (t *Target) in(ctx *cue.Context) *values {
	v := t.values[ctx]
	if v == nil {
		v = &values{whole: ctx.BuildExpr(t.expr), parts: map[string]part{}}
		t.values[ctx] = v
	}
	return v
}

// NewTarget returns a cluster with what follows for its nodes. Its values are data: a
// check that is unified with it can refuse it, and change nothing.
func NewTarget(c *spec.Cluster, data []byte, effective []spec.EffectiveNode) (*Target, error) {
	t := &Target{cluster: c, values: map[*cue.Context]*values{}, fields: map[string]string{}}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	if err := dec.Decode(&t.data); err != nil {
		return nil, err
	}
	nodes := map[string]any{}
	for _, n := range effective {
		flags := map[string]any{}
		for _, f := range n.Flags {
			flags[f.Name] = f.Value
			t.fields[finding.Path("effective", "nodes", n.Name, "flags", f.Name)] = f.Field
		}
		nodes[n.Name] = map[string]any{"layout": n.Layout, "flags": flags}
	}
	t.data["effective"] = map[string]any{"nodes": nodes}
	text, err := json.Marshal(t.data)
	if err != nil {
		return nil, err
	}
	expr, err := cuejson.Extract("cluster", text)
	if err != nil {
		return nil, err
	}
	t.secrets = secretsIn(nil, t.data)
	var ok bool
	if t.expr, ok = expr.(*ast.StructLit); !ok {
		return nil, fmt.Errorf("it is no struct but %T", expr)
	}
	return t, nil
}

// refusal is why a rule refuses one field.
type refusal struct {
	field, node  string
	expected     string
	alternatives []string // to what the cluster has
}

// Findings returns what a rule finds: one finding for each field that it refuses.
func (t *Target) Findings(r *Rule) []finding.Finding {
	if len(r.Changes) > 0 {
		return nil // a comparison applies it
	}
	refused, broken := t.check(r)
	if r.embedded != nil { // what CUE says may hold what derives from the embedded files
		for i := range refused {
			refused[i].expected = ""
		}
		for i := range broken {
			broken[i] = "see " + r.embedded.Place()
		}
		broken = slices.Compact(broken)
	}
	var out []finding.Finding
	for _, text := range broken[:min(len(broken), maxRefusals)] {
		out = append(out, finding.Finding{
			Rule: Invalid, Severity: finding.Error, Pos: r.Pos, Message: fmt.Sprintf("rule %s can't be evaluated for this cluster: %s", r.ID, text),
			Expected: "a check that fits or doesn't fit", Hint: "type: kcmgen vet --test",
		})
	}
	for i, one := range refused[:min(len(refused), maxRefusals)] {
		f := finding.Finding{
			Rule: r.ID, Severity: r.Severity, Field: one.field, Node: one.node, Pos: t.cluster.Source.At(one.field), Also: []finding.Pos{r.Pos},
			Message: r.Message, Expected: one.expected, Hint: r.Help,
		}
		if more := len(refused) - maxRefusals; i == maxRefusals-1 && more > 0 {
			f.Message += fmt.Sprintf(" (and %d more fields)", more)
		}
		out = append(out, f)
	}
	for i, f := range out {
		for _, s := range []*string{&f.Message, &f.Expected, &f.Hint} {
			for _, secret := range t.secrets {
				*s = strings.ReplaceAll(*s, secret, "[secret]")
			}
		}
		out[i] = r.embedded.Finding(f)
	}
	return out
}

// check unifies a rule's check with the cluster. It returns the fields that the check
// refuses, sorted, and why the check can't be evaluated.
func (t *Target) check(r *Rule) (refused []refusal, broken []string) {
	if r.touches != nil && t.fits(r) {
		return nil, nil
	}
	u := t.in(r.ctx).whole.Unify(r.check)
	err := u.Validate(cue.Concrete(true), cue.Final())
	all := refusals{}
	missing := func(labels []string) { all.add(t.missing(labels), "") }
	if err == nil {
		t.added(u, nil, t.data, missing)
		return all.sorted(), nil
	}
	var unclear []string
	for _, e := range errors.Errors(err) {
		labels, rest := t.labels(e.Path())
		kind := kindOfError(e)
		switch {
		case len(rest) > 0 && !hiddenLabel(rest[0]) && (kind == isMissing || kind == isIncomplete):
			missing(slices.Concat(labels, visible(rest)))
		case kind == isIncomplete || kind == isMissing:
			unclear = append(unclear, syntax.OneLine(e))
		case kind == isRefused:
			all.add(t.refusal(labels), t.expectation(labels, e))
		default:
			broken = append(broken, syntax.OneLine(e))
		}
	}
	if len(all) == 0 && len(unclear) > 0 { // such as a condition on a field that is missing
		t.added(u, nil, t.data, missing)
	}
	if len(all) == 0 { // what isn't clear may only follow from what is refused
		broken = append(broken, unclear...)
	}
	return all.sorted(), broken
}

// refusals are those of one rule by field. CUE may have several errors of one, such as one
// for each branch of a disjunction, and one flag may be set for several nodes.
type refusals map[string]*refusal

func (all refusals) add(one refusal, expected string) {
	got, again := all[one.field]
	if !again {
		got = &one
		all[one.field] = got
	}
	if got.node != one.node {
		got.node = ""
	}
	if expected != "" && !slices.Contains(got.alternatives, expected) {
		got.alternatives = append(got.alternatives, expected)
	}
}

func (all refusals) sorted() []refusal {
	var out []refusal
	for _, field := range slices.Sorted(maps.Keys(all)) {
		one := *all[field]
		if n := len(one.alternatives); n > 0 {
			one.expected = strings.Join(one.alternatives[:min(n, 5)], " or ")
		}
		out = append(out, one)
	}
	return out
}

// part is a cluster with some of its fields.
type part struct {
	value cue.Value
	data  map[string]any
}

// fits reports whether the part of the cluster that a check can look at fits. If it doesn't,
// the whole cluster says why.
func (t *Target) fits(r *Rule) bool {
	parts := t.in(r.ctx).parts
	key := strings.Join(r.touches, "\x00")
	p, ok := parts[key]
	if !ok {
		some := &ast.StructLit{}
		p.data = map[string]any{}
		for _, d := range t.expr.Elts {
			if f, ok := d.(*ast.Field); ok && slices.Contains(r.touches, syntax.LabelOf(f.Label)) {
				some.Elts = append(some.Elts, f)
				p.data[syntax.LabelOf(f.Label)] = t.data[syntax.LabelOf(f.Label)]
			}
		}
		p.value = r.ctx.BuildExpr(some)
		parts[key] = p
	}
	u := p.value.Unify(r.check)
	if u.Validate(cue.Concrete(true), cue.Final()) != nil {
		return false
	}
	fits := true
	t.added(u, nil, p.data, func([]string) { fits = false })
	return fits
}

// added calls found for the fields that a check has and the cluster doesn't.
func (t *Target) added(u cue.Value, at []string, data any, found func(labels []string)) {
	switch data := data.(type) {
	case map[string]any:
		it, err := u.Fields()
		if err != nil {
			return
		}
		for it.Next() {
			name := it.Selector().Unquoted()
			inner, ok := data[name]
			if !ok {
				leaves(it.Value(), syntax.With(at, name), found)
				continue
			}
			t.added(it.Value(), syntax.With(at, name), inner, found)
		}
	case []any:
		it, err := u.List()
		if err != nil {
			return
		}
		for i := 0; it.Next() && i < len(data); i++ {
			t.added(it.Value(), syntax.With(at, fmt.Sprintf("[%d]", i)), data[i], found)
		}
	}
}

// leaves calls found for the fields of a value that hold no others.
func leaves(v cue.Value, at []string, found func(labels []string)) {
	it, err := v.Fields()
	if err != nil {
		found(at)
		return
	}
	some := false
	for it.Next() {
		some = true
		leaves(it.Value(), syntax.With(at, it.Selector().Unquoted()), found)
	}
	if !some {
		found(at)
	}
}

// labels splits the path of an error into what the cluster has and the rest.
func (t *Target) labels(path []string) (has, rest []string) {
	var v any = t.data
	for i, l := range path {
		if ls := finding.Labels(l); len(ls) == 1 {
			l = ls[0]
		}
		ok := false
		switch in := v.(type) {
		case map[string]any:
			v, ok = in[l]
		case []any:
			if n, err := strconv.Atoi(l); err == nil && n < len(in) {
				v, ok, l = in[n], true, "["+l+"]"
			}
		}
		if !ok {
			return has, path[i:]
		}
		has = append(has, l)
	}
	return has, nil
}

// hiddenLabel reports whether a label is of a hidden field or a definition.
func hiddenLabel(l string) bool { return strings.HasPrefix(l, "_") || strings.HasPrefix(l, "#") }

// visible returns the labels before the first hidden one.
func visible(labels []string) []string {
	var out []string
	for _, l := range labels {
		if hiddenLabel(l) {
			break
		}
		if ls := finding.Labels(l); len(ls) == 1 {
			l = ls[0]
		}
		out = append(out, l)
	}
	return out
}

// missing is the refusal of a cluster that lacks a field.
func (t *Target) missing(labels []string) refusal {
	out := t.refusal(labels)
	out.expected = "a field " + finding.Path(labels...)
	if len(labels) == 5 && labels[0] == "effective" && labels[3] == "flags" {
		out.expected = "a node that is started with --" + labels[4]
	}
	return out
}

// refusal is the refusal of a field. That of an effective flag is at the field that sets
// the flag.
func (t *Target) refusal(labels []string) refusal {
	out := refusal{field: finding.Path(labels...)}
	if len(labels) > 1 && labels[0] == "nodes" {
		out.node = labels[1]
	}
	if len(labels) == 0 || labels[0] != "effective" {
		return out
	}
	out.field = ""
	if len(labels) < 3 {
		return out
	}
	out.node, out.field = labels[2], finding.Path("nodes", labels[2])
	if len(labels) < 4 || labels[3] != "flags" {
		return out
	}
	if out.field = "flags"; len(labels) > 4 {
		if field, ok := t.fields[finding.Path(labels[:5]...)]; ok {
			out.field = field
		} else {
			out.field = finding.Path("flags", labels[4])
		}
	}
	return out
}
