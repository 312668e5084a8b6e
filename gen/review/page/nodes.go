package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/review"
)

// pair is a node on both sides; nil where there is none.
type pair struct {
	old, new *review.Node
	state    review.State // "" of one whose generation stays the same

	oldOwn, newOwn *ownTexts
}

func (p pair) name() string { return cmp.Or(p.new, p.old).Name }

// pairs returns the nodes of a section by name: those that there are, then those that are
// gone.
func (s section) pairs() []pair {
	olds, news := map[string]*review.Node{}, map[string]bool{}
	for i := range nodesOf(s.old) {
		olds[s.old.Nodes[i].Name] = &s.old.Nodes[i]
	}
	type was struct {
		state review.State
		name  string
	}
	states := map[string]was{}
	if s.diff != nil {
		for _, n := range s.diff.Nodes {
			states[n.Name] = was{n.State, n.OldName}
		}
	}
	var out []pair
	for i := range nodesOf(s.new) {
		n := &s.new.Nodes[i]
		st := states[n.Name]
		from := cmp.Or(st.name, n.Name)
		p := pair{old: olds[from], new: n, state: st.state}
		if p.old == nil && s.old != nil {
			p.state = cmp.Or(p.state, review.Added)
		}
		delete(olds, from)
		news[n.Name] = true
		p.oldOwn, p.newOwn = own(p.old), own(p.new)
		out = append(out, p)
	}
	for i := range nodesOf(s.old) {
		if n := &s.old.Nodes[i]; olds[n.Name] == n {
			out = append(out, pair{old: n, state: review.Removed, oldOwn: own(n)})
		}
	}
	return out
}

func nodesOf(c *review.Cluster) []review.Node {
	if c == nil {
		return nil
	}
	return c.Nodes
}

// sets names sets of nodes. A set that is too long to be repeated is listed once in a
// cluster's section, so that a page grows with the number of nodes and not with its
// product with the number of flags.
type sets struct {
	prefix string // of the ids
	all    []string
	known  map[string]int
	long   [][]string
}

// NodeSet is a set of nodes as it is shown: its text and, of a long one, the id of the list.
type nodeSet struct {
	Text string
	List string
}

// inline is the number of nodes that are named each time.
const inline = 4

func newSets(prefix string, all []string) *sets {
	return &sets{prefix: prefix, all: all, known: map[string]int{}}
}

// of returns how a set is shown. nodes are sorted.
func (s *sets) of(nodes []string) nodeSet {
	switch n := len(nodes); {
	case n == 0:
		return nodeSet{}
	case n == 1 || n <= inline && n < len(s.all):
		return nodeSet{Text: list(nodes)}
	case slices.Equal(nodes, s.all):
		return nodeSet{Text: fmt.Sprintf("all %s nodes", number(n))}
	case n <= inline:
		return nodeSet{Text: list(nodes)}
	}
	key := strings.Join(nodes, "\x00")
	i, ok := s.known[key]
	if !ok {
		i = len(s.long)
		s.known[key] = i
		s.long = append(s.long, nodes)
	}
	text := strings.Join(nodes[:2], ", ") + " and " + number(len(nodes)-2) + " more"
	return nodeSet{text, fmt.Sprintf("%s-nodes-%d", s.prefix, i+1)}
}

// setView is a long set, listed.
type setView struct {
	ID    string
	Title string
	Nodes string
}

func (s *sets) views() []setView {
	var out []setView
	for i, nodes := range s.long {
		out = append(out, setView{
			fmt.Sprintf("%s-nodes-%d", s.prefix, i+1),
			count(len(nodes), "node") + ": " + nodes[0] + " to " + nodes[len(nodes)-1],
			strings.Join(nodes, ", "),
		})
	}
	return out
}

// ownTexts are a node's own name and addresses. Values in which placeholders stand for them
// can be compared between nodes. A nil one replaces nothing.
type ownTexts struct {
	texts    []string // the longest first
	replacer *strings.Replacer
}

// own returns the texts of a node; nil for no node.
func own(n *review.Node) *ownTexts {
	if n == nil {
		return nil
	}
	// Neither a unit nor a flag can hold a zero byte.
	type sub struct{ text, by string }
	subs := []sub{{n.Name, "\x00name"}}
	for i, a := range n.Addresses {
		subs = append(subs, sub{a, fmt.Sprintf("\x00address %d", i)})
	}
	slices.SortStableFunc(subs, func(a, b sub) int { return cmp.Compare(len(b.text), len(a.text)) })
	o := &ownTexts{}
	var pairs []string
	for _, s := range subs {
		if s.text != "" {
			o.texts = append(o.texts, s.text)
			pairs = append(pairs, s.text, s.by)
		}
	}
	// In one pass: what one replacement wrote is no text for the next.
	o.replacer = strings.NewReplacer(pairs...)
	return o
}

// Replace puts the placeholders into a value. Most values have none of the texts, and
// looking for them is much faster than replacing.
func (o *ownTexts) Replace(value string) string {
	if o != nil && slices.ContainsFunc(o.texts, func(t string) bool { return strings.Contains(value, t) }) {
		return o.replacer.Replace(value)
	}
	return value
}
