package page

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/review"
)

// rangesView is the address ranges of one family, drawn to one scale, and a table of them.
type rangesView struct {
	ID            string
	Family        string
	Width, Height int
	Desc          string
	Bars          []bar
	Shared        []area
	Gauges        []gauge
	Note          string
}

// bar is a range in the picture.
type bar struct {
	Use    string
	Mark   mark
	X, W   int
	TextY  int
	Y      int
	Text   string
	Full   string
	Prefix string
	Size   string
	At     string
}

// area is where two ranges have the same addresses.
type area struct {
	X, W, Y, H int
	Text       string
}

// gauge says how much of a range is used and planned. Its bar is linear.
type gauge struct {
	Use           string
	TextY, Y      int
	Used, Planned int // pixels
	Text, Full    string
	Over          bool // it is more than there is
}

// oneRange is a range with its side.
type oneRange struct {
	review.Range
	prefix    netip.Prefix
	from, end *big.Int // end is the first address behind it
	mark      mark
	nodes     int
}

// newRanges returns a picture for each family of addresses, and the ranges that have no
// place in one: values that are no prefixes, because they are hidden.
func newRanges(id string, s section) (out []*rangesView, rest []string) {
	all, rest := rangesOf(s)
	for _, family := range []string{"IPv4", "IPv6"} {
		var of []oneRange
		for _, r := range all {
			if r.prefix.Addr().Is4() == (family == "IPv4") {
				of = append(of, r)
			}
		}
		if len(of) > 0 {
			v := &rangesView{ID: id + "-" + strings.ToLower(family), Family: family, Width: wide}
			v.draw(of)
			out = append(out, v)
		}
	}
	return out, rest
}

func rangesOf(s section) (all []oneRange, rest []string) {
	add := func(c *review.Cluster, r review.Range, m mark) {
		p, err := netip.ParsePrefix(r.Prefix)
		if err != nil {
			rest = append(rest, fmt.Sprintf("%s: %s (%s)", r.Use, r.Prefix, m.Word))
			return
		}
		p = p.Masked()
		from := new(big.Int).SetBytes(p.Addr().AsSlice())
		size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
		all = append(all, oneRange{r, p, from, size.Add(size, from), m, len(c.Nodes)})
	}
	has := func(c *review.Cluster, r review.Range) bool {
		return slices.ContainsFunc(c.Ranges, func(o review.Range) bool { return o.Use == r.Use && o.Prefix == r.Prefix })
	}
	if s.new != nil {
		for _, r := range s.new.Ranges {
			m := markOf("")
			if s.old != nil && !has(s.old, r) {
				m = markOf(review.Added)
			}
			add(s.new, r, m)
		}
	}
	if s.old != nil {
		for _, r := range s.old.Ranges {
			if s.new == nil || !has(s.new, r) {
				add(s.old, r, markOf(review.Removed))
			}
		}
	}
	rank := []string{"pods", "services", "nodes"}
	slices.SortStableFunc(all, func(a, b oneRange) int {
		return cmp.Compare(slices.Index(rank, a.Use), slices.Index(rank, b.Use))
	})
	return all, rest
}

// scale maps addresses to the picture's width. Between two neighbouring ends of ranges, the
// width grows with the logarithm of the number of addresses, so that a /12 and a /24 can
// both be seen; what no range has is a narrow gap. Order, nesting and overlap are exact.
type scale struct {
	ends   []*big.Int
	starts []float64 // of the part that begins at each end
}

const gapWidth = 12

func newScale(all []oneRange) scale {
	var s scale
	for _, r := range all {
		s.ends = append(s.ends, r.from, r.end)
	}
	slices.SortFunc(s.ends, (*big.Int).Cmp)
	s.ends = slices.CompactFunc(s.ends, func(a, b *big.Int) bool { return a.Cmp(b) == 0 })
	parts := len(s.ends) - 1
	weights, gaps, sum := make([]float64, parts), 0, 0.0
	for i := range parts {
		taken := slices.ContainsFunc(all, func(r oneRange) bool {
			return r.from.Cmp(s.ends[i]) <= 0 && s.ends[i+1].Cmp(r.end) <= 0
		})
		if !taken {
			gaps++
			continue
		}
		size, _ := new(big.Float).SetInt(new(big.Int).Sub(s.ends[i+1], s.ends[i])).Float64()
		weights[i] = 3 + math.Log2(size)
		sum += weights[i]
	}
	gap := min(gapWidth, wide/2/float64(max(gaps, 1)))
	room := wide - gap*float64(gaps)
	x := 0.0
	for _, w := range weights {
		s.starts = append(s.starts, x)
		if w == 0 {
			x += gap
		} else {
			x += room * w / sum
		}
	}
	s.starts = append(s.starts, wide)
	return s
}

func (s scale) at(n *big.Int) int {
	i, _ := slices.BinarySearchFunc(s.ends, n, (*big.Int).Cmp)
	return int(math.Round(s.starts[i]))
}

func (v *rangesView) draw(all []oneRange) {
	s := newScale(all)
	y := 0
	var said []string
	for _, r := range all {
		b := bar{
			Use: r.Use, Mark: r.mark, X: s.at(r.from), W: max(s.at(r.end)-s.at(r.from), 2), TextY: y + 13, Y: y + 19,
			Prefix: r.Prefix, Size: addresses(r.prefix), At: r.At,
		}
		b.Text = r.Use + " " + r.Prefix
		if r.mark.ID != "same" {
			b.Text = r.mark.Sign + " " + b.Text + " (" + r.mark.Word + ")"
		}
		b.Text = fit(b.Text, 48)
		b.Full = fmt.Sprintf("%s %s: %s, %s to %s", r.Use, r.Prefix, b.Size, r.prefix.Addr(), last(r.end, r.prefix))
		said = append(said, b.Full+" ("+r.mark.Word+").")
		v.Bars = append(v.Bars, b)
		y += 40
	}
	for _, a := range overlaps(all) {
		x := s.at(a.from)
		v.Shared = append(v.Shared, area{x, max(s.at(a.end)-x, 2), 0, y, a.text})
		said = append(said, a.text+".")
	}
	y += 6
	for _, r := range all {
		if g, ok := gaugeOf(r); ok {
			g.TextY, g.Y = y+13, y+19
			v.Gauges = append(v.Gauges, g)
			said = append(said, g.Full+".")
			y += 36
		}
	}
	v.Height, v.Desc = y, strings.Join(said, " ")
}

// addresses returns how many addresses a prefix has.
func addresses(p netip.Prefix) string {
	return large(math.Exp2(float64(p.Addr().BitLen()-p.Bits())), "address")
}

func last(end *big.Int, p netip.Prefix) netip.Addr {
	n := new(big.Int).Sub(end, big.NewInt(1))
	a, _ := netip.AddrFromSlice(n.FillBytes(make([]byte, p.Addr().BitLen()/8)))
	return a
}

type overlap struct {
	from, end *big.Int
	text      string
}

// overlaps returns where ranges overlap that there are after the change. Of two prefixes that do, one holds the
// other.
func overlaps(all []oneRange) []overlap {
	var out []overlap
	for i, a := range all {
		for _, b := range all[i+1:] {
			if !a.prefix.Overlaps(b.prefix) || a.mark.ID == "gone" || b.mark.ID == "gone" {
				continue
			}
			in := a
			if b.prefix.Bits() > a.prefix.Bits() {
				in = b
			}
			out = append(out, overlap{in.from, in.end, fmt.Sprintf("%s %s and %s %s overlap", a.Use, a.Prefix, b.Use, b.Prefix)})
		}
	}
	return out
}

// gaugeOf returns how much of a range is used: of pods the ranges of nodes, of nodes one
// address each. What services use isn't known, only what is planned.
func gaugeOf(r oneRange) (gauge, bool) {
	bits := float64(r.prefix.Addr().BitLen() - r.prefix.Bits())
	total, used, noun := math.Exp2(bits), 0, "address"
	switch {
	case r.mark.ID == "gone":
		return gauge{}, false
	case r.Use == "pods" && r.Mask >= r.prefix.Bits():
		total, used, noun = math.Exp2(float64(r.Mask-r.prefix.Bits())), r.nodes, "node"
	case r.Use == "nodes":
		used = r.nodes
	case r.Planned == 0:
		return gauge{}, false
	}
	g := gauge{Use: r.Use, Used: pixels(float64(used) / total), Planned: pixels(float64(r.Planned) / total)}
	var parts, shares []string
	largest := 0.0
	add := func(n int, word string) {
		share := float64(n) / total
		parts, shares = append(parts, number(n)+" "+word), append(shares, percent(share))
		largest = max(largest, share)
	}
	if r.Use != "services" {
		add(used, "used")
	}
	if r.Planned > 0 {
		add(r.Planned, "planned")
	}
	said := r.Use + ": " + strings.Join(parts, ", ") + " of " + large(total, noun)
	if g.Over = largest > 1; g.Over {
		said = "✗ " + said
	}
	g.Text = fit(said+" ("+percent(largest)+")", 50)
	g.Full = said + " (" + strings.Join(shares, ", ") + ")"
	return g, true
}

func pixels(share float64) int {
	if share == 0 {
		return 0
	}
	return int(max(2, min(share, 1)*wide))
}

func large(n float64, noun string) string {
	if n > 1<<40 {
		return fmt.Sprintf("2^%.0f %s", math.Log2(n), plural(noun))
	}
	if n == 1 {
		return "1 " + noun
	}
	return number(int(n)) + " " + plural(noun)
}
