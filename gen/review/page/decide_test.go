package page

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/review"
)

func clusterOf(nodes int, ranges ...review.Range) *review.Cluster {
	return &review.Cluster{Name: "c", Ranges: ranges, Nodes: make([]review.Node, nodes)}
}

// TestScale: whatever the ranges are, order, nesting and overlap are seen, each range has a
// width, and the picture is as wide as it is said to be.
func TestScale(t *testing.T) {
	for _, all := range [][]string{
		{"10.0.0.0/8"},
		{"10.0.0.0/12", "10.16.0.0/24", "192.168.0.0/16"},
		{"10.0.0.0/8", "10.128.0.0/24"},
		{"0.0.0.0/0", "255.255.255.255/32", "0.0.0.0/32"},
		{"fd00::/8", "fd00::/108", "2001:db8::/32"},
		{"::/0", "::/128"},
		{"10.0.0.0/24", "10.0.1.0/24", "10.0.3.0/24"},
	} {
		var ranges []review.Range
		for _, p := range all {
			ranges = append(ranges, review.Range{Use: "pods", Prefix: p})
		}
		rs, rest := rangesOf(section{new: clusterOf(1, ranges...)})
		if len(rest) != 0 || len(rs) != len(all) {
			t.Fatalf("%v: %v, %v", all, rs, rest)
		}
		s := newScale(rs)
		if s.at(s.ends[0]) != 0 || s.at(s.ends[len(s.ends)-1]) != wide {
			t.Errorf("%v: from %d to %d", all, s.at(s.ends[0]), s.at(s.ends[len(s.ends)-1]))
		}
		for _, a := range rs {
			if s.at(a.end)-s.at(a.from) < 2 {
				t.Errorf("%v: %s is %d pixels wide", all, a.Prefix, s.at(a.end)-s.at(a.from))
			}
			for _, b := range rs {
				drawn := s.at(a.from) < s.at(b.end) && s.at(b.from) < s.at(a.end)
				if drawn != a.prefix.Overlaps(b.prefix) {
					t.Errorf("%v: %s and %s are drawn with overlap %v", all, a.Prefix, b.Prefix, drawn)
				}
				if a.from.Cmp(b.from) < 0 && s.at(a.from) >= s.at(b.from) {
					t.Errorf("%v: %s isn't drawn left of %s", all, a.Prefix, b.Prefix)
				}
			}
		}
	}
}

func TestRanges(t *testing.T) {
	old := clusterOf(3, review.Range{Use: "pods", Prefix: "10.0.0.0/16", Mask: 24}, review.Range{Use: "services", Prefix: "10.1.0.0/24"})
	head := clusterOf(3, review.Range{Use: "services", Prefix: "10.1.0.0/24"}, review.Range{Use: "pods", Prefix: "10.1.0.0/16", Mask: 24}, review.Range{Use: "nodes", Prefix: "[embedded]"}, review.Range{Use: "pods", Prefix: "fd00::/48", Mask: 64})
	views, hidden := newRanges("x", section{old: old, new: head})
	if len(views) != 2 || views[0].Family != "IPv4" || views[1].Family != "IPv6" || len(hidden) != 1 {
		t.Fatalf("%+v, hidden %v", views, hidden)
	}
	var got []string
	for _, b := range views[0].Bars {
		got = append(got, b.Text)
	}
	want := []string{"+ pods 10.1.0.0/16 (new)", "− pods 10.0.0.0/16 (gone)", "services 10.1.0.0/24"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	if len(views[0].Shared) != 1 || views[0].Shared[0].Text != "pods 10.1.0.0/16 and services 10.1.0.0/24 overlap" {
		t.Errorf("%+v", views[0].Shared)
	}
	if len(views[1].Shared) != 0 {
		t.Errorf("%+v", views[1].Shared)
	}
}

func TestGauge(t *testing.T) {
	for _, c := range []struct {
		r     review.Range
		nodes int
		want  string
		over  bool
	}{
		{review.Range{Use: "pods", Prefix: "10.0.0.0/16", Mask: 24}, 3, "pods: 3 used of 256 nodes (1.2 %)", false},
		{review.Range{Use: "pods", Prefix: "10.0.0.0/16", Mask: 24, Planned: 300}, 3, "✗ pods: 3 used, 300 planned of 256 nodes (1.2 %, 117 %)", true},
		{review.Range{Use: "pods", Prefix: "10.0.0.0/24", Mask: 24}, 2, "✗ pods: 2 used of 1 node (200 %)", true},
		{review.Range{Use: "pods", Prefix: "10.0.0.0/24", Mask: 16}, 1, "", false}, // no node has a range of it
		{review.Range{Use: "services", Prefix: "10.0.0.0/12"}, 1, "", false},
		{review.Range{Use: "services", Prefix: "10.0.0.0/12", Planned: 10}, 1, "services: 10 planned of 1,048,576 addresses (less than 0.01 %)", false},
		{review.Range{Use: "nodes", Prefix: "fd00::/64"}, 4, "nodes: 4 used of 2^64 addresses (less than 0.01 %)", false},
		{review.Range{Use: "nodes", Prefix: "10.0.0.0/28"}, 8, "nodes: 8 used of 16 addresses (50 %)", false},
	} {
		rs, _ := rangesOf(section{new: clusterOf(c.nodes, c.r)})
		g, ok := gaugeOf(rs[0])
		if g.Full != c.want || ok != (c.want != "") || g.Over != c.over {
			t.Errorf("%+v: %q, %v; expected %q", c.r, g.Full, g.Over, c.want)
		}
		if g.Used < 0 || g.Used > wide || g.Planned < 0 || g.Planned > wide {
			t.Errorf("%+v: %d and %d pixels", c.r, g.Used, g.Planned)
		}
	}
}

func TestLast(t *testing.T) {
	rs, _ := rangesOf(section{new: clusterOf(1, review.Range{Prefix: "10.1.2.3/20"}, review.Range{Prefix: "fd00::/120"}, review.Range{Prefix: "0.0.0.0/0"})})
	for i, want := range []string{"10.1.15.255", "fd00::ff", "255.255.255.255"} {
		if got := last(rs[i].end, rs[i].prefix); got != netip.MustParseAddr(want) {
			t.Errorf("%s ends with %s, expected %s", rs[i].Prefix, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range [][2]string{
		{number(0), "0"},
		{number(999), "999"},
		{number(1000), "1,000"},
		{number(1234567), "1,234,567"},
		{number(-1000), "-1,000"},
		{count(1, "node"), "1 node"},
		{count(2, "address"), "2 addresses"},
		{percent(0), "0 %"},
		{percent(0.00001), "less than 0.01 %"},
		{percent(0.0123), "1.2 %"},
		{percent(3.9), "390 %"},
		{fit("abc", 3), "abc"},
		{fit("abcd", 3), "ab…"},
		{fit("漢字漢字", 5), "漢字…"},
		{fit("a→b≠c", 5), "a→b≠c"},
		{fit("", 3), ""},
		{show("a\tb\nc"), "a\tb\nc"},
		{show("\u202ea\u2066"), `\u202ea\u2066`},
		{show("\xff"), `\xff`},
		{show("\x00\r"), `\x00\r`},
		{show("שלום"), "שלום"},
		{show(strings.Repeat("é", longest+2)), strings.Repeat("é", longest) + "… (4 more bytes)"},
		{list([]string{"a"}), "a"},
		{list([]string{"a", "b"}), "a and b"},
		{list([]string{"a", "b", "c"}), "a, b and c"},
		{inWords(8760 * time.Hour), "1 year"},
		{inWords(87600 * time.Hour), "10 years"},
		{inWords(72 * time.Hour), "3 days"},
		{inWords(90 * time.Minute), "90 minutes"},
		{inWords(1000 * 24 * time.Hour), "about 2.7 years"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q, expected %q", c[0], c[1])
		}
	}
}

func TestSets(t *testing.T) {
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf("n%03d", i))
	}
	s := newSets("c", all)
	for _, c := range []struct {
		nodes []string
		want  nodeSet
	}{
		{nil, nodeSet{}},
		{all[:1], nodeSet{Text: "n000"}},
		{all[:3], nodeSet{Text: "n000, n001 and n002"}},
		{all, nodeSet{Text: "all 1,000 nodes"}},
		{all[:10], nodeSet{"n000, n001 and 8 more", "c-nodes-1"}},
		{all[5:], nodeSet{"n005, n006 and 993 more", "c-nodes-2"}},
		{all[:10], nodeSet{"n000, n001 and 8 more", "c-nodes-1"}},
	} {
		if got := s.of(c.nodes); got != c.want {
			t.Errorf("%+v, expected %+v", got, c.want)
		}
	}
	if v := s.views(); len(v) != 2 || v[0].Nodes != strings.Join(all[:10], ", ") {
		t.Errorf("%+v", v)
	}
}

// TestOwn: a value in which each node has its own address is one value; another node's
// address isn't the node's own.
func TestOwn(t *testing.T) {
	at := func(name, address, bind string) review.Node {
		return review.Node{Name: name, Addresses: []string{address}, Flags: []review.Flag{{Name: "bind-address", Value: bind}}}
	}
	c := &review.Cluster{Nodes: []review.Node{at("a", "10.0.0.1", "10.0.0.1"), at("b", "10.0.0.11", "10.0.0.11"), at("c", "10.0.0.3", "10.0.0.1")}}
	s := section{new: c}
	values := s.tables("x", s.pairs(), newSets("x", []string{"a", "b", "c"}))[0].Same[0].Values
	if len(values) != 2 || !values[0].Own || values[0].Nodes.Text != "a and b" || values[1].Own || values[1].Nodes.Text != "c" {
		t.Errorf("%+v", values)
	}
}

// TestOwnOnce: a text that looks like a placeholder is replaced once, however many
// addresses there are.
func TestOwnOnce(t *testing.T) {
	n := review.Node{Name: "\x00"}
	for range 64 {
		n.Addresses = append(n.Addresses, "\x00address", "a", "d")
	}
	if got := own(&n).Replace("\x00addressad"); len(got) > 100 {
		t.Errorf("%d bytes", len(got))
	}
	if got := (*ownTexts)(nil).Replace("a"); got != "a" {
		t.Errorf("%q", got)
	}
}

// TestContrast: each text can be read on what is behind it, in both colour schemes and on
// paper: a ratio of at least 4.5 (WCAG 2.2, 1.4.3), and 3 for shapes (1.4.11). axe-core
// doesn't look at texts in pictures.
func TestContrast(t *testing.T) {
	schemes := regexp.MustCompile(`(?s):root \{(.*?)\}`).FindAllStringSubmatch(style, -1)
	if len(schemes) != 3 {
		t.Fatalf("%d colour schemes", len(schemes))
	}
	for i, scheme := range schemes {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(scheme[1], -1) {
			colours[m[1]] = m[2]
		}
		if len(colours) < 20 {
			t.Fatalf("%d colours in %s", len(colours), scheme[1])
		}
		for text, backs := range map[string]string{
			"text": "page card medium-bg changed-bg ins-bg del-bg", "minor": "page card", "link": "page card",
			"high": "high-bg page card", "medium": "medium-bg page card", "low": "low-bg page card",
			"del": "del-bg page card", "ins": "ins-bg page card", "changed": "changed-bg page card",
		} {
			for _, back := range strings.Fields(backs) {
				if r := contrast(t, colours[text], colours[back]); r < 4.5 {
					t.Errorf("scheme %d: %s on %s: %.2f", i, text, back, r)
				}
			}
		}
		for _, shape := range strings.Fields("pods services nodes ca leaf own") {
			for _, back := range []string{"page", "card"} {
				if r := contrast(t, colours[shape], colours[back]); r < 3 {
					t.Errorf("scheme %d: %s on %s: %.2f", i, shape, back, r)
				}
			}
		}
	}
	if r := contrast(t, "#777777", "#ffffff"); math.Abs(r-4.48) > 0.01 { // a known value
		t.Errorf("grey on white: %.3f", r)
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	light := func(colour string) float64 {
		sum := 0.0
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatal(err)
			}
			c := float64(n) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := light(a), light(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
