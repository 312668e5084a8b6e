package review_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/review"
)

// many is the plain cluster with a number of nodes.
func many(n int) string {
	var nodes strings.Builder
	for i := range n {
		fmt.Fprintf(&nodes, "\t\t\"cp-%04d\": address: \"10.%d.%d.%d\"\n", i, 1+i/10000, i/100%100, i%100+1)
	}
	before, rest, _ := strings.Cut(plainCluster, "\t\t\"cp-1\"")
	_, after, _ := strings.Cut(rest, "\"10.0.0.13\"\n")
	return strings.Replace(before+nodes.String()+after, `nodes: ["10.0.0.0/24"]`, `nodes: ["10.0.0.0/12"]`, 1)
}

// changed are changes of every kind at once.
func changed(text string) string {
	return strings.Replace(text, "// more", `flags: {v: 4, "node-monitor-grace-period": "60s"}
	pki: profiles: serving: expiry: "720h"
	apiserver: port: 7443
	unit: Service: MemoryMax: "1G"`, 1)
}

// BenchmarkCompare compares a cluster of 1,000 nodes of which each host gets something else.
func BenchmarkCompare(b *testing.B) {
	old, now := []*review.Cluster{describe(b, many(1000))}, []*review.Cluster{describe(b, changed(many(1000)))}
	for b.Loop() {
		d := between(old, now)
		if len(d.Clusters) != 1 || len(d.Clusters[0].Nodes) != 1000 {
			b.Fatalf("%+v", d)
		}
	}
}

// BenchmarkEvaluate is what one side of such a comparison takes before it.
func BenchmarkEvaluate(b *testing.B) {
	text := many(1000)
	for b.Loop() {
		describe(b, text)
	}
}

// TestManyNodes: a change of a thousand nodes is one change.
func TestManyNodes(t *testing.T) {
	d := compare(t, many(30), changed(many(30)))
	if len(d.Clusters) != 1 {
		t.Fatalf("%+v", d)
	}
	for _, c := range d.Clusters[0].Changes {
		if len(c.Nodes) != 0 && len(c.Nodes) != 30 {
			t.Errorf("%s %s is of %d nodes: %v", c.Kind, c.Name, len(c.Nodes), c)
		}
		if c.Name == "endpoint" && (c.Old.Text != "https://<address>:6443" || c.New.Text != "https://<address>:7443") {
			t.Errorf("endpoint: %+v → %+v", c.Old, c.New)
		}
	}
	if n := len(d.Clusters[0].Changes); n > 12 {
		t.Errorf("%d changes", n)
	}
}
