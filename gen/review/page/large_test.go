package page_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/page"
)

// TestLarge: 1,000 nodes give a page that a phone opens. Nodes with equal values are one
// row, and each is named.
func TestLarge(t *testing.T) {
	got := write(t, large(1000), nil, page.Options{})
	if len(got) > 2_000_000 {
		t.Errorf("the page has %d bytes", len(got))
	}
	for _, want := range []string{
		"node-0002, node-0004 and 498 more", // in the change, a link
		"500 nodes: node-0002 to node-1000", // the list
		"all 1,000 nodes",
		"on the first; each node has its own name or address",
		"500 hosts",
	} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for i := range 1000 {
		if name := fmt.Sprintf("<bdi>node-%04d</bdi>", i+1); !bytes.Contains(got, []byte(name)) {
			t.Errorf("the page lacks %s", name)
		}
	}
	// One row for a flag that all share, one for a flag with two values.
	if n := strings.Count(string(got), "--concurrent-number-07-syncs"); n > 3 {
		t.Errorf("a flag that all nodes share is there %d times", n)
	}
}

// TestBound: what doesn't fit is listed, and the page says so.
func TestBound(t *testing.T) {
	var heads []*review.Cluster
	for i := range 50 {
		c := oldCluster()
		c.Name = fmt.Sprintf("cluster-number-%d", i)
		heads = append(heads, c)
	}
	all := write(t, nil, heads, page.Options{})
	some := write(t, nil, heads, page.Options{Bytes: 100_000})
	if len(all) < 300_000 || len(some) > 150_000 {
		t.Errorf("%d bytes, and %d with a bound of 100,000", len(all), len(some))
	}
	for i := range 50 {
		if !strings.Contains(string(some), fmt.Sprintf("<bdi>cluster-number-%d</bdi>", i)) {
			t.Errorf("cluster %d isn't listed", i)
		}
	}
	if strings.Contains(string(all), "are only listed") || !strings.Contains(string(some), "clusters are only listed") {
		t.Error("only the page that lacks clusters should say so")
	}
	for _, anchor := range strings.Split(string(some), `href="#`)[1:] {
		id, _, _ := strings.Cut(anchor, `"`)
		if !strings.Contains(string(some), `id="`+id+`"`) {
			t.Errorf("a link leads to %s, which isn't there", id)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{3, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := large(n)
			b.ReportAllocs()
			for b.Loop() {
				if err := page.Write(io.Discard, d, nil, page.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
