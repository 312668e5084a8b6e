package command

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// config returns the command lines that a document configures; none if it configures none.
func config(set *text.Set, doc *yamltext.Node) []Command {
	if doc.Get("kind").Str() == "List" && doc.Get("items").Is(yamltext.List) {
		var out []Command
		for _, item := range doc.Get("items").List() {
			out = append(out, configured(set, item)...)
		}
		return out
	}
	if doc.Is(yamltext.List) {
		if patched, ok := talosPatch(opened(set, doc)); ok {
			return fromTalos(set, patched)
		}
	}
	return configured(set, doc)
}

var (
	// filledIn matches a variable that a program such as envsubst or Terraform fills in.
	filledIn = lazy.Regexp(`\$\{[^{}$\n]{1,200}\}`)
	// wholeVariable matches a value that is one variable, without braces.
	wholeVariable = lazy.Regexp(`^\$[A-Za-z_][A-Za-z0-9_]*$`)
)

// opened returns a document with holes for the variables in it, which nothing that reads such a
// configuration knows: something else fills them in before.
func opened(set *text.Set, n *yamltext.Node) *yamltext.Node {
	switch {
	case n == nil:
		return nil
	case n.Is(yamltext.Scalar):
		if t := openedText(set, n.Text); t.String() != n.Text.String() {
			out := *n
			out.Text, out.Tag = t, "str"
			return &out
		}
	case n.Is(yamltext.List):
		out := *n
		out.Items = make([]*yamltext.Node, len(n.Items))
		for i, item := range n.Items {
			out.Items[i] = opened(set, item)
		}
		return &out
	case n.Is(yamltext.Map):
		out := *n
		out.Pairs = make([]yamltext.Pair, len(n.Pairs))
		for i, p := range n.Pairs {
			out.Pairs[i] = yamltext.Pair{Key: openedText(set, p.Key), Value: opened(set, p.Value)}
		}
		return &out
	}
	return n
}

func openedText(set *text.Set, t text.Text) text.Text {
	s := t.String()
	switch {
	case !strings.Contains(s, "$"):
		return t
	case wholeVariable().MatchString(s):
		return set.Hole("", s, t.At(0))
	}
	var b text.Builder
	from := 0
	for _, m := range filledIn().FindAllStringIndex(s, -1) {
		if strings.ContainsAny(s[m[0]:m[1]], text.Reserved) {
			continue
		}
		b.Write(t.Slice(from, m[0]))
		b.Write(set.Hole("", s[m[0]:m[1]], t.At(m[0])))
		from = m[1]
	}
	b.Write(t.From(from))
	return b.Text()
}

// configured tries the forms. Each recognises a document by its kind, or by keys that only
// it has.
func configured(set *text.Set, doc *yamltext.Node) []Command {
	if !doc.Is(yamltext.Map) {
		return nil
	}
	filled := opened(set, doc)
	for _, form := range []func(*text.Set, *yamltext.Node) []Command{
		fromKubeadm, fromKind, fromClusterAPI, fromKops, fromGardener, fromOpenShift, fromRancher,
		fromK3s, fromRKE1, fromTalos, fromPuppet, fromKubespray,
	} {
		if out := form(set, filled); len(out) > 0 {
			return out
		}
	}
	return fromCompose(set, doc) // it has variables of its own
}

// isKind reports whether a document is of one of a group's kinds.
func isKind(doc *yamltext.Node, group string, kinds ...string) bool {
	return strings.HasPrefix(doc.Get("apiVersion").Str(), group+"/") && slices.Contains(kinds, doc.Get("kind").Str())
}

// maker makes a command of what a document says.
type maker struct {
	set *text.Set
	c   Command
}

func newMaker(set *text.Set, doc *yamltext.Node, form Form) *maker {
	return &maker{set, Command{Form: form, At: doc.Place()}}
}

func (m *maker) done() []Command { return []Command{m.c} }

// formField is the rule for what a form doesn't have, or has otherwise.
const formField = "form-field"

func (m *maker) note(at text.At, format string, args ...any) {
	m.c.Notes = append(m.c.Notes, Note{At: at, Rule: formField, Message: m.set.Show(text.Literal(fmt.Sprintf(format, args...), at))})
}

// named returns the argument --name=value, whose name has its places too.
func named(name, value text.Text, by string) Arg {
	return Arg{text.Join(text.Literal("--", name.At(0)), name, text.Literal("=", name.At(name.Len())), value), by}
}

func (m *maker) add(name, value text.Text) { m.c.Args = append(m.c.Args, named(name, value, "")) }

// derived adds an argument that comes from something else in the file, such as a network.
func (m *maker) derived(name string, value text.Text, by string) {
	if value.Len() == 0 {
		return
	}
	m.c.Args = append(m.c.Args, named(text.Literal(name, value.At(0)), value, by))
}

// networks keeps the networks of a cluster, and adds the flags for them that the user's own
// don't replace.
func (m *maker) networks(pods, services text.Text, by string) {
	m.c.Pods, m.c.Services = pods, services
	for _, f := range []struct {
		name  string
		value text.Text
	}{{"cluster-cidr", pods}, {"service-cluster-ip-range", services}} {
		if !m.has(f.name) {
			m.derived(f.name, f.value, by)
		}
	}
}

func (m *maker) has(name string) bool {
	return slices.ContainsFunc(m.c.Args, func(a Arg) bool { return strings.HasPrefix(a.String(), "--"+name+"=") })
}

// unknown notes that a part of the file stands for flags that aren't known here.
func (m *maker) unknown(n text.Text) {
	m.c.Partial = true
	m.note(n.At(0), "what %s stands for isn't known: it may be more flags", m.set.Show(n))
	m.c.Notes[len(m.c.Notes)-1].Rule = "value-unknown"
}

// flags adds the arguments of a map of names and values. empty is what passes a name without
// a value on as --name=.
func (m *maker) flags(n *yamltext.Node, empty string) {
	if n.IsHole() {
		m.unknown(n.Text)
		return
	}
	for name, value := range n.Each() {
		switch {
		case name.IsHole():
			m.unknown(name)
		case value.Is(yamltext.Scalar):
			m.add(name, value.Text)
		case value.Is(yamltext.Null):
			m.note(name.At(0), "%s has no value: %s passes --%s= on", name, empty, name)
			m.add(name, text.Text{})
		case value.Is(yamltext.List):
			for _, item := range value.List() {
				if item.Is(yamltext.Scalar) {
					m.add(name, item.Text)
				}
			}
		default:
			m.note(name.At(0), "the value of %s is a map, which is no value of a flag", name)
		}
	}
}

// joined returns a scalar, or the elements of a list with commas between them.
func joined(n *yamltext.Node) text.Text {
	if n.Is(yamltext.Scalar) {
		return n.Text
	}
	var out []text.Text
	for _, item := range n.List() {
		if v := item.Value(); v.Len() > 0 {
			if len(out) > 0 {
				out = append(out, text.Literal(",", v.At(0)))
			}
			out = append(out, v)
		}
	}
	return text.Join(out...)
}

// pairs returns a map's pairs as name=value, sorted, with commas between them, as the values
// of feature-gates are.
func pairs(n *yamltext.Node) text.Text {
	if n.Is(yamltext.Scalar) {
		return n.Text
	}
	var list []text.Text
	for name, value := range n.Each() {
		list = append(list, text.Join(name, text.Literal("=", name.At(name.Len())), value.Value()))
	}
	slices.SortStableFunc(list, func(a, b text.Text) int { return strings.Compare(a.String(), b.String()) })
	var b text.Builder
	for i, t := range list {
		if i > 0 {
			b.Byte(',', t.At(0))
		}
		b.Write(t)
	}
	return b.Text()
}

// sortArgs sorts by the name. What has the same name keeps its order.
func sortArgs(args []Arg) {
	slices.SortStableFunc(args, func(a, b Arg) int { return strings.Compare(argName(a), argName(b)) })
}

func argName(a Arg) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(a.String(), "--"), "=")
	return name
}

// first returns the first text that isn't empty.
func first(ts ...text.Text) text.Text {
	for _, t := range ts {
		if t.Len() > 0 {
			return t
		}
	}
	return text.Text{}
}
