package page

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/review"
)

// hostsView is the picture of the hosts and of the apiservers that they connect to, and a
// table of the same.
type hostsView struct {
	ID            string
	Width, Height int
	Desc          string
	Boxes         []box
	Lines         []line
	Rows          []hostRow
	Note          string
}

// box is a host, several of them, or an apiserver.
type box struct {
	X, Y, W, H int
	Class      string // "host" or "endpoint"
	Mark       mark
	Full       string // what the box says, not cut
	Texts      []boxText
	Dots       []dot
}

type boxText struct {
	X, Y  int
	Class string
	Text  string
}

// dot stands for one host of several.
type dot struct{ X, Y int }

type line struct {
	X1, Y1, X2, Y2 int
	Was            bool // it connects there before the change only
}

type hostRow struct {
	Mark      mark
	Name      string
	OldName   string
	Addresses string
	Layout    string
	Endpoint  string
	Was       string // the endpoint before
}

// The picture's measures. It is as wide as the smallest phone, so that its texts are never
// scaled down.
const (
	wide     = 328
	boxWidth = 140
	boxGap   = 10
	perRow   = 16 // dots
	dotStep  = 8
	single   = 9    // hosts that get a box of their own
	mostDots = 1024 // in one box
)

// group is hosts that are drawn alike.
type group struct {
	nodes    []pair
	endpoint string // label
	was      string // label of the endpoint before, if it was another one
	layout   string
	state    review.State
}

func newHosts(id string, ps []pair) *hostsView {
	if len(ps) == 0 {
		return nil
	}
	v := &hostsView{ID: id, Width: wide}
	for _, p := range ps {
		v.Rows = append(v.Rows, rowOf(p))
	}
	groups := grouped(ps)
	v.draw(groups)
	var said []string
	for _, g := range groups {
		said = append(said, g.sentence())
		if len(said) == 12 && len(groups) > 12 {
			said = append(said, fmt.Sprintf("And %d groups of hosts more.", len(groups)-12))
			break
		}
	}
	v.Desc = strings.Join(said, " ")
	return v
}

func rowOf(p pair) hostRow {
	n := cmp.Or(p.new, p.old)
	r := hostRow{
		Mark: markOf(p.state), Name: n.Name, Addresses: strings.Join(n.Addresses, ", "),
		Layout: layoutWord(n.Layout), Endpoint: n.Endpoint,
	}
	if p.new != nil && p.old != nil {
		if p.old.Endpoint != n.Endpoint {
			r.Was = p.old.Endpoint
		}
		if p.old.Name != n.Name {
			r.OldName = p.old.Name
		}
	}
	return r
}

func layoutWord(layout string) string {
	if layout == "staticPod" {
		return "static pod"
	}
	return layout
}

// endpointLabel names the apiserver of a node. One on the node itself is the same for all,
// if there are many nodes.
func endpointLabel(n *review.Node, many bool) string {
	u, err := url.Parse(n.Endpoint)
	if err != nil || u.Host == "" {
		return n.Endpoint
	}
	if many {
		addr, err := netip.ParseAddr(u.Hostname())
		if err == nil && addr.IsLoopback() || slices.Contains(n.Addresses, u.Hostname()) || u.Hostname() == n.Name {
			return "on each host:" + u.Port()
		}
	}
	return u.Host
}

// grouped returns the hosts as they are drawn: a few each on its own, many by what they
// have in common.
func grouped(ps []pair) []group {
	many := len(ps) > single
	var out []group
	at := map[[4]string]int{}
	for _, p := range ps {
		n := cmp.Or(p.new, p.old)
		g := group{endpoint: endpointLabel(n, many), layout: layoutWord(n.Layout), state: p.state}
		if p.new != nil && p.old != nil && p.old.Endpoint != p.new.Endpoint {
			g.was = endpointLabel(p.old, many)
		}
		key := [4]string{g.endpoint, g.was, g.layout, string(g.state)}
		i, ok := at[key]
		if !ok || !many {
			i = len(out)
			at[key] = i
			out = append(out, g)
		}
		out[i].nodes = append(out[i].nodes, p)
	}
	slices.SortStableFunc(out, func(a, b group) int { return cmp.Compare(a.endpoint, b.endpoint) })
	return out
}

func (g group) title() string {
	if len(g.nodes) == 1 {
		return g.nodes[0].name()
	}
	return count(len(g.nodes), "host")
}

func (g group) sentence() string {
	verb := "connects"
	if len(g.nodes) > 1 {
		verb = "connect"
	}
	s := fmt.Sprintf("%s (%s) %s to %s", g.title(), g.layout, verb, g.endpoint)
	if g.was != "" {
		s += ", before to " + g.was
	}
	if g.state != "" {
		s += " (" + markOf(g.state).Word + ")"
	}
	return s + "."
}

func (v *hostsView) draw(groups []group) {
	y := 0
	middles := map[string][]int{} // of an endpoint: the heights of its hosts
	var order []string
	type edge struct {
		y   int
		to  string
		was bool
	}
	var edges []edge
	connect := func(y int, to string, was bool) {
		if _, ok := middles[to]; !ok {
			order = append(order, to)
		}
		middles[to] = append(middles[to], y)
		edges = append(edges, edge{y, to, was})
	}
	for _, g := range groups {
		b := hostBox(g, y)
		v.Boxes = append(v.Boxes, b)
		middle := b.Y + b.H/2
		connect(middle, g.endpoint, false)
		if g.was != "" {
			connect(middle, g.was, true)
		}
		y += b.H + boxGap
	}
	v.Height = y - boxGap
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(mean(middles[a]), mean(middles[b])) })
	right, next := map[string]int{}, 0
	for _, to := range order {
		const high = 44
		top := max(next, mean(middles[to])-high/2)
		b := box{X: wide - boxWidth, Y: top, W: boxWidth, H: high, Class: "endpoint", Full: "kube-apiserver at " + show(to)}
		b.Texts = []boxText{{b.X + 8, top + 18, "strong", "kube-apiserver"}, {b.X + 8, top + 34, "value", fit(to, 20)}}
		v.Boxes = append(v.Boxes, b)
		right[to] = top + high/2
		next = top + high + boxGap
		v.Height = max(v.Height, top+high)
	}
	for _, e := range edges {
		v.Lines = append(v.Lines, line{boxWidth, e.y, wide - boxWidth, right[e.to], e.was})
		if e.was {
			v.Note = "A dashed line is a connection that ends with the change."
		}
	}
}

func mean(all []int) int {
	sum := 0
	for _, n := range all {
		sum += n
	}
	return sum / len(all)
}

func hostBox(g group, y int) box {
	b := box{Y: y, W: boxWidth, H: 44, Class: "host", Mark: markOf(g.state)}
	name, first := g.title(), ""
	if n := cmp.Or(g.nodes[0].new, g.nodes[0].old); len(g.nodes) == 1 && len(n.Addresses) > 0 {
		first = n.Addresses[0]
	}
	b.Full = show(strings.TrimSuffix(g.sentence(), "."))
	b.Texts = []boxText{{8, y + 18, "strong", fit(name, 16)}}
	if g.state != "" {
		b.H += 16
		b.Texts = append(b.Texts, boxText{8, y + 50, "mark " + b.Mark.ID, b.Mark.Sign + " " + b.Mark.Word})
	}
	text := g.layout
	if first != "" {
		text = first
		b.Full += ", " + first
	}
	b.Texts = append(b.Texts, boxText{8, y + 34, "value", fit(text, 20)})
	if n := len(g.nodes); n > 1 && n <= mostDots {
		top := y + b.H
		for i := range n {
			b.Dots = append(b.Dots, dot{8 + i%perRow*dotStep, top + i/perRow*dotStep})
		}
		b.H += (n-1)/perRow*dotStep + dotStep + 6
	}
	return b
}
