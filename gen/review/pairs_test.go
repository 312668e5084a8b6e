package review_test

import (
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
)

func one(name, dir, address string) *review.Cluster {
	return &review.Cluster{Name: name, Dir: dir, Kubernetes: "v1.37.1", Nodes: []review.Node{{Name: "n", Addresses: []string{address}}}}
}

// TestPairs: what is a cluster on the other side.
func TestPairs(t *testing.T) {
	fault := map[string][]finding.Finding{"cue/a": {{Rule: "cue-type", Message: "it is wrong"}}}
	for name, c := range map[string]struct {
		base, head review.Sources
		want       string // name, old name and state of each
		untouched  string
		notes      int
	}{
		"same":           {review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, "", "a", 0},
		"left out":       {review.Sources{Same: []string{"b", "a"}}, review.Sources{Same: []string{"a", "b"}}, "", "a b", 0},
		"new":            {review.Sources{}, review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, "a  new", "", 0},
		"gone":           {review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, review.Sources{}, "a  gone", "", 0},
		"renamed":        {review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, review.Sources{Clusters: []*review.Cluster{one("b", "cue/a", "10.0.0.9")}}, "b a renamed", "", 0},
		"moved, renamed": {review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, review.Sources{Clusters: []*review.Cluster{one("b", "cue/b", "10.0.0.1")}}, "b a renamed", "", 0},
		"moved":          {review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, review.Sources{Clusters: []*review.Cluster{one("a", "cue/b", "10.0.0.1")}}, "a  changed", "", 0},
		"another":        {review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, review.Sources{Clusters: []*review.Cluster{one("b", "cue/b", "10.0.0.2")}}, "a  gone, b  new", "", 0},
		"faulty now":     {review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, review.Sources{Faults: fault}, "a  faulty", "", 0},
		"faulty before":  {review.Sources{Faults: fault}, review.Sources{Clusters: []*review.Cluster{one("a", "cue/a", "10.0.0.1")}}, "a  faulty", "", 0},
		"faulty twice":   {review.Sources{Faults: fault}, review.Sources{Faults: fault}, "", "", 1},
		"faulty and new": {review.Sources{}, review.Sources{Faults: fault}, "cue/a  faulty", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			d := review.Compare(&c.base, &c.head, nil)
			var got []string
			for _, one := range d.Clusters {
				got = append(got, one.Name+" "+one.OldName+" "+string(one.State))
			}
			if text := strings.Join(got, ", "); text != c.want || strings.Join(d.Untouched, " ") != c.untouched || len(d.Notes) != c.notes {
				t.Errorf("%q, untouched %v, notes %q", text, d.Untouched, d.Notes)
			}
		})
	}
}

// TestOwn: a flag that only kcmgen's defaults set is kcmgen's own change if their generation
// differs, and a default of Kubernetes alone is no change.
func TestOwn(t *testing.T) {
	old, now := one("a", "cue/a", "10.0.0.1"), one("a", "cue/a", "10.0.0.1")
	old.Defaults, now.Defaults = "2026.1", "2026.2"
	old.Nodes[0].Flags = []review.Flag{{Name: "profiling", Value: "true", Origin: review.ByDefault}, {Name: "v", Value: "2", Origin: review.ByFlag}}
	now.Nodes[0].Flags = []review.Flag{{Name: "profiling", Value: "false", Origin: review.ByDefault}, {Name: "v", Value: "4", Origin: review.ByFlag}}
	own := map[string]bool{}
	for _, c := range between([]*review.Cluster{old}, []*review.Cluster{now}).Clusters[0].Changes {
		own[c.Name] = c.Own
	}
	if !own["profiling"] || own["v"] {
		t.Errorf("%v", own)
	}
	now = one("a", "cue/a", "10.0.0.1")
	old = one("a", "cue/a", "10.0.0.1")
	old.Kubernetes = "v1.20.1"
	d := between([]*review.Cluster{old}, []*review.Cluster{now}).Clusters[0]
	if len(d.Changes) != 1 || d.Changes[0].Kind != review.OfVersion || d.Upgrade == nil {
		t.Errorf("an upgrade of a cluster without flags: %+v", d.Changes)
	}
}
