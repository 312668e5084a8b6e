package page

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/review"
)

// section is a cluster of a page: one that differs, or one as it is.
type section struct {
	diff     *review.ClusterDifference // nil of one as it is
	old, new *review.Cluster           // nil where there is none
}

func (s section) name() string {
	if s.diff != nil {
		return s.diff.Name
	}
	return s.new.Name
}

func sections(d *review.Difference, heads []*review.Cluster) []section {
	var out []section
	seen := map[string]bool{}
	if d != nil {
		for i := range d.Clusters {
			c := &d.Clusters[i]
			seen[c.Name] = true
			out = append(out, section{c, c.Old, c.New})
		}
	}
	for _, c := range heads {
		if c != nil && !seen[c.Name] {
			seen[c.Name] = true
			out = append(out, section{nil, nil, c})
		}
	}
	return out
}

// summary is what stands at the top of a page.
type summary struct {
	Title     string
	Diff      bool // two sides were compared
	Base      review.Side
	Head      review.Side
	Sentence  string
	Counts    []riskCount
	Clusters  []clusterRow
	Untouched []string
	Shared    []review.SharedFile
	Notes     []string
	LeftOut   int // clusters that aren't described
}

// clusterRow is a cluster in the summary's table.
type clusterRow struct {
	Anchor string // "" of a cluster that is left out
	Name   string
	State  mark
	Counts []riskCount
	Come   int // findings
	Gone   int
	Hosts  string
}

// riskCount is the number of changes of one risk.
type riskCount struct {
	risk
	N int
}

// risk is how a risk is shown: with a colour, a shape and a word.
type risk struct{ ID, Shape, Word string }

var risks = []risk{{"high", "▲", "high risk"}, {"medium", "◆", "medium risk"}, {"low", "●", "low risk"}}

// other is shown for a risk that has no name here.
var other = risk{"other", "?", "unknown risk"}

func riskOf(id string) risk {
	for _, r := range risks {
		if r.ID == id {
			return r
		}
	}
	return other
}

func counts(changes []review.Change) []riskCount {
	var out []riskCount
	for _, r := range append(slices.Clone(risks), other) {
		n := 0
		for _, c := range changes {
			if riskOf(c.Risk) == r {
				n++
			}
		}
		if n > 0 {
			out = append(out, riskCount{r, n})
		}
	}
	return out
}

// mark is how a state is shown: with a colour, a sign and a word.
type mark struct{ ID, Sign, Word string }

func markOf(s review.State) mark {
	switch s {
	case review.Added:
		return mark{"new", "+", "new"}
	case review.Removed:
		return mark{"gone", "−", "gone"}
	case review.Renamed:
		return mark{"changed", "≠", "renamed"}
	case review.Faulty:
		return mark{"gone", "✗", "faulty"}
	case review.Changed:
		return mark{"changed", "≠", "changed"}
	default:
		return mark{"same", "=", "as it is"}
	}
}

func summarize(d *review.Difference, all []section, o Options) *summary {
	p := &summary{Title: o.Title}
	var changes []review.Change
	nodes := 0
	for i, s := range all {
		row := clusterRow{Anchor: fmt.Sprintf("cluster-%d", i+1), Name: s.name(), State: markOf("")}
		if c := cmp.Or(s.new, s.old); c != nil {
			row.Hosts = count(len(c.Nodes), "node")
			nodes += len(c.Nodes)
		}
		if s.diff != nil {
			row.State, row.Counts = markOf(s.diff.State), counts(s.diff.Changes)
			row.Come, row.Gone = len(s.diff.Come), len(s.diff.Gone)
			changes = append(changes, s.diff.Changes...)
		}
		p.Clusters = append(p.Clusters, row)
	}
	if d == nil {
		p.Title = cmp.Or(p.Title, "Clusters")
		p.Sentence = fmt.Sprintf("%s with %s.", count(len(all), "cluster"), count(nodes, "node"))
		return p
	}
	p.Diff, p.Base, p.Head = true, d.Base, d.Head
	p.Title = cmp.Or(p.Title, "Changes from "+d.Base.Name+" to "+d.Head.Name)
	p.Counts, p.Untouched, p.Shared, p.Notes = counts(changes), d.Untouched, d.Shared, d.Notes
	p.Sentence = sentence(d, changes)
	return p
}

func sentence(d *review.Difference, changes []review.Change) string {
	if len(d.Clusters) == 0 {
		return "No cluster differs: no host gets other files."
	}
	verb := "differs"
	if len(d.Clusters) > 1 {
		verb = "differ"
	}
	out := fmt.Sprintf("%s %s, by %s.", count(len(d.Clusters), "cluster"), verb, count(len(changes), "change"))
	if n := len(d.Untouched); n > 0 {
		stays := "stays as it is"
		if n > 1 {
			stays = "stay as they are"
		}
		out += fmt.Sprintf(" %s %s.", count(n, "other cluster"), stays)
	}
	return out
}
