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
		out = append(out, p)
	}
	for i := range nodesOf(s.old) {
		if n := &s.old.Nodes[i]; olds[n.Name] == n {
			out = append(out, pair{old: n, state: review.Removed})
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

// Placeholders of what differs from node to node by nature. They are no text that a value
// can have.
const (
	ownName    = "\x00name\x00"
	ownAddress = "\x00address\x00"
)

// own returns a function that puts placeholders where a node's own name and addresses are,
// so that values of several nodes can be compared.
func own(n *review.Node) *strings.Replacer {
	if n == nil {
		return strings.NewReplacer()
	}
	type sub struct{ text, by string }
	subs := []sub{{n.Name, ownName}}
	for i, a := range n.Addresses {
		subs = append(subs, sub{a, fmt.Sprintf("%s%d\x00", ownAddress, i)})
	}
	slices.SortStableFunc(subs, func(a, b sub) int { return cmp.Compare(len(b.text), len(a.text)) })
	var args []string
	for _, s := range subs {
		if s.text != "" {
			args = append(args, s.text, s.by)
		}
	}
	return strings.NewReplacer(args...)
}
