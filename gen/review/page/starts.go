package page

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/kcmgen/kcmgen/gen/review"
)

// startView is the unit or manifest of nodes that have the same one, but for their own
// names and addresses: its lines, or those that differ.
type startView struct {
	Path  string
	Mark  mark
	Nodes nodeSet
	Node  string // whose lines they are
	Alike bool   // the others' differ in their own names and addresses
	Lines []lineView
	More  int // lines that aren't shown
}

// lineView is a line with its sign: "+", "−", " ", or "@" for a gap.
type lineView struct{ Class, Sign, Text string }

// Bounds of what is shown of units and manifests.
const (
	mostLines  = 1500
	mostStarts = 30
)

// starts returns the units and manifests. If there are two sides, those that don't differ
// are left out. left is the number of nodes whose own aren't shown.
func (s section) starts(ps []pair, ss *sets) (out []startView, left int) {
	type alike struct {
		pair
		nodes []string
	}
	var order []string
	groups := map[string]*alike{}
	for _, p := range ps {
		var was, is string
		if p.old != nil {
			was = p.oldOwn.Replace(p.old.Start + "\x00" + p.old.Text)
		}
		if p.new != nil {
			is = p.newOwn.Replace(p.new.Start + "\x00" + p.new.Text)
		}
		if p.old != nil && p.new != nil && p.old.Text == p.new.Text {
			continue
		}
		key := was + "\x00\x01" + is
		if groups[key] == nil {
			groups[key] = &alike{pair: p}
			order = append(order, key)
		}
		groups[key].nodes = append(groups[key].nodes, p.name())
	}
	for i, key := range order {
		g := groups[key]
		if i >= mostStarts {
			left += len(g.nodes)
			continue
		}
		n := cmp.Or(g.new, g.old)
		v := startView{Path: n.Start, Node: n.Name, Nodes: ss.of(g.nodes), Alike: len(g.nodes) > 1, Mark: markOf(review.Changed)}
		switch {
		case g.old == nil && s.old == nil:
			v.Mark = markOf("")
		case g.old == nil:
			v.Mark = markOf(review.Added)
		case g.new == nil:
			v.Mark = markOf(review.Removed)
		}
		v.Lines = linesOf(g.pair)
		if len(v.Lines) > mostLines {
			v.More = len(v.Lines) - mostLines
			v.Lines = v.Lines[:mostLines]
		}
		out = append(out, v)
	}
	return out, left
}

func linesOf(p pair) []lineView {
	switch {
	case p.old == nil:
		return plainLines("", " ", p.new.Text)
	case p.new == nil:
		return plainLines("del", "−", p.old.Text)
	}
	text := string(diff.Diff("old", []byte(p.old.Text), "new", []byte(p.new.Text)))
	var out []lineView
	for i, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case i < 3 || l == "": // the names of the sides
		case l[0] == '+':
			out = append(out, lineView{"ins", "+", l[1:]})
		case l[0] == '-':
			out = append(out, lineView{"del", "−", l[1:]})
		case l[0] == '@':
			out = append(out, lineView{"gap", "@", hunk(l)})
		default:
			out = append(out, lineView{"", " ", l[1:]})
		}
	}
	return out
}

// hunk says where the lines below "@@ -a,b +c,d @@" are.
func hunk(l string) string {
	var a, b, c, d int
	if _, err := fmt.Sscanf(l, "@@ -%d,%d +%d,%d @@", &a, &b, &c, &d); err != nil {
		return l
	}
	return fmt.Sprintf("from line %d", max(c, 1))
}

func plainLines(class, sign, text string) []lineView {
	var out []lineView
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		out = append(out, lineView{class, sign, l})
	}
	return out
}
