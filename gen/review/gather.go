package review

import (
	"cmp"
	"slices"
	"strings"
)

// gathered is a change with what is needed to join it with the same of other nodes.
type gathered struct {
	Change
	effect  string // its name for gen/flags, if that isn't Name
	generic Change // Name, Old and New without the node's own name and address
	differs bool   // the nodes' values aren't the same but for these
}

// groupKey is what changes have in common that are shown as one.
type groupKey struct {
	kind, name, effect, way, export, reason string
	own, had, has                           bool
	old, new                                string
	was, is                                 Origin
}

// changes gathers changes.
type changes struct {
	groups []*gathered
	index  map[groupKey]*gathered
	own    func(*Change) bool
}

func newChanges(own func(*Change) bool) *changes {
	return &changes{index: map[groupKey]*gathered{}, own: own}
}

// add adds a change of a node, or of the cluster if n is nil.
func (cs *changes) add(g gathered, n *pair) {
	g.Own = cs.own != nil && cs.own(&g.Change)
	g.generic = g.Change
	if n != nil {
		g.generic.Name = n.generic(g.Name)
		g.generic.Old, g.generic.New = n.genericValue(g.Old, n.old), n.genericValue(g.New, n.now)
		if g.Old != nil && g.New != nil && g.generic.Old.Text == g.generic.New.Text {
			g.generic = g.Change // the node's own name or address is what differs
		}
	}
	k := groupKey{
		kind: g.Kind, name: g.generic.Name, effect: g.effect, way: g.Way, export: g.Export, reason: g.Reason,
		own: g.Own, had: g.Old != nil, has: g.New != nil,
	}
	if g.Old != nil {
		k.old, k.was = g.generic.Old.Text, g.Old.Origin
	}
	if g.New != nil {
		k.new, k.is = g.generic.New.Text, g.New.Origin
	}
	if n == nil {
		k.effect += "\x00cluster" // a cluster's change is none of its nodes'
		cs.put(k, &g)
		return
	}
	first, ok := cs.index[k]
	if !ok {
		cs.put(k, &g)
		first = &g
	}
	first.Nodes = append(first.Nodes, n.name())
	first.differs = first.differs || first.Name != g.Name || textOf(first.Old) != textOf(g.Old) || textOf(first.New) != textOf(g.New)
}

func (cs *changes) put(k groupKey, g *gathered) {
	if _, twice := cs.index[k]; !twice {
		cs.index[k] = g
	}
	cs.groups = append(cs.groups, g)
}

// all returns the changes with their effects, the riskiest first. minor is that of the new
// version of Kubernetes.
func (cs *changes) all(minor int) []Change {
	out := make([]Change, 0, len(cs.groups))
	for _, g := range cs.groups {
		if g.differs { // then also the effect is about what they have in common
			g.Name, g.Old, g.New = g.generic.Name, g.generic.Old, g.generic.New
		}
		g.Effect = effectOf(g, minor)
		slices.Sort(g.Nodes)
		g.Nodes = slices.Compact(g.Nodes)
		out = append(out, g.Change)
	}
	slices.SortStableFunc(out, func(a, b Change) int {
		return cmp.Or(
			cmp.Compare(RiskLevel(b.Risk), RiskLevel(a.Risk)),
			slices.Compare(a.Classes, b.Classes), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name),
			slices.Compare(a.Nodes, b.Nodes), cmp.Compare(textOf(a.Old), textOf(b.Old)), cmp.Compare(textOf(a.New), textOf(b.New)),
		)
	})
	return out
}

// RiskLevel orders risks: a higher one is riskier.
func RiskLevel(risk string) int { return slices.Index([]string{"low", "medium", "high"}, risk) }

func textOf(v *Value) string {
	if v == nil {
		return ""
	}
	return v.Text
}

// pair is a node on both sides; one of them may be nil.
type pair struct{ old, now *Node }

func (p *pair) name() string {
	if p.now != nil {
		return p.now.Name
	}
	return p.old.Name
}

// generic replaces the names and addresses of both sides.
func (p *pair) generic(text string) string {
	for _, n := range []*Node{p.now, p.old} {
		if n != nil {
			text = withoutOwn(text, n)
		}
	}
	return text
}

func (p *pair) genericValue(v *Value, of *Node) *Value {
	if v == nil || of == nil {
		return v
	}
	out := *v
	out.Text = withoutOwn(v.Text, of)
	return &out
}

// withoutOwn replaces a node's own name and addresses.
func withoutOwn(text string, n *Node) string {
	text = replaceWord(text, n.Name, "<node>")
	for _, a := range n.Addresses {
		text = replaceWord(text, a, "<address>")
	}
	return text
}

// replaceWord replaces a word, but not where it is a part of a longer one.
func replaceWord(text, word, by string) string {
	if word == "" || !strings.Contains(text, word) {
		return text
	}
	var b strings.Builder
	before := byte(' ')
	for {
		i := strings.Index(text, word)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		if i > 0 {
			before = text[i-1]
		}
		b.WriteString(text[:i])
		rest := text[i+len(word):]
		if inWord(before) || rest != "" && inWord(rest[0]) {
			b.WriteString(word)
		} else {
			b.WriteString(by)
		}
		before, text = word[len(word)-1], rest
	}
}

func inWord(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '.' || c == '_' || c >= 0x80
}
