package page

import (
	"cmp"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
)

// clusterView is all that a page says of one cluster.
type clusterView struct {
	ID         string
	Name       string
	OldName    string
	Mark       mark
	Diff       bool
	Dir        string
	Kubernetes string
	From       string // the version before, if it is another one
	Upgrade    *review.Upgrade
	Risks      []riskView
	NoChange   bool
	Findings   []findingsView
	Hosts      *hostsView
	Ranges     []*rangesView
	Hidden     []string // ranges that can't be drawn
	Certs      *certsView
	Tables     []*tableView
	Starts     []startView
	StartsLeft int
	Sets       []setView
}

// riskView is the changes of one risk.
type riskView struct {
	riskCount
	Changes []changeView
}

type changeView struct {
	review.Change
	Shown  risk
	Titles []string // of its classes
	On     nodeSet
	From   string // origin of the new value, in words
	Was    string // origin of the old one, if it is another
	// Exports says what the next export does.
	Exports string
}

// findingsView is findings with one mark. Those behind the first are folded.
type findingsView struct {
	Title       string
	N           int
	First, Rest []findingView
}

type findingView struct {
	finding.Finding
	Mark mark
}

const openFindings = 20

func newCluster(s section, id string, o Options) *clusterView {
	c := cmp.Or(s.new, s.old)
	v := &clusterView{ID: id, Name: s.name(), Mark: markOf(""), Diff: s.diff != nil}
	ps := s.pairs()
	var names []string
	for _, p := range ps {
		if p.new != nil || s.new == nil {
			names = append(names, p.name())
		}
	}
	slices.Sort(names)
	ss := newSets(id, names)
	if d := s.diff; d != nil {
		v.OldName, v.Mark, v.Upgrade = d.OldName, markOf(d.State), d.Upgrade
		v.Risks = byRisk(d.Changes, ss, o)
		v.NoChange = len(d.Changes) == 0
		v.findings(d)
	} else if c != nil {
		v.Findings = findingsOf("", "Findings", c.Findings)
	}
	if c == nil {
		return v
	}
	v.Dir, v.Kubernetes = c.Dir, c.Kubernetes
	if s.old != nil && s.old.Kubernetes != c.Kubernetes {
		v.From = s.old.Kubernetes
	}
	v.Hosts = newHosts(id+"-hosts", ps)
	v.Ranges, v.Hidden = newRanges(id+"-ranges", s)
	v.Certs = newCerts(id+"-certificates", s, ss, o.Now)
	v.Tables = s.tables(id, ps, ss)
	v.Starts, v.StartsLeft = s.starts(ps, ss)
	v.Sets = ss.views()
	return v
}

func (v *clusterView) findings(d *review.ClusterDifference) {
	come := "Findings that come with the change"
	if d.State == review.Faulty {
		come = "One side can't be evaluated"
	}
	v.Findings = append(findingsOf(review.Added, come, d.Come),
		findingsOf(review.Removed, "Findings that the change settles", d.Gone)...)
}

// findingMark is the colour and the sign of a finding: what is settled is good news, and
// what comes isn't.
func findingMark(f finding.Finding, state review.State) mark {
	m := mark{"changed", "!", string(f.Severity)}
	if state == review.Added {
		m.Sign = "+"
	}
	switch {
	case state == review.Removed:
		m.ID, m.Sign = "new", "−"
	case f.Severity == finding.Error && f.Waived == "":
		m.ID = "gone"
	}
	return m
}

// findingsOf returns findings that come, go, or (without a state) are there.
func findingsOf(state review.State, title string, all []finding.Finding) []findingsView {
	if len(all) == 0 {
		return nil
	}
	v := findingsView{Title: title, N: len(all)}
	for i, f := range all {
		if one := (findingView{f, findingMark(f, state)}); i < openFindings {
			v.First = append(v.First, one)
		} else {
			v.Rest = append(v.Rest, one)
		}
	}
	return []findingsView{v}
}

func byRisk(changes []review.Change, ss *sets, o Options) []riskView {
	var out []riskView
	for _, n := range counts(changes) {
		r := riskView{riskCount: n}
		for _, c := range changes {
			if riskOf(c.Risk) == n.risk {
				r.Changes = append(r.Changes, changeOf(c, n.risk, ss, o))
			}
		}
		out = append(out, r)
	}
	return out
}

func changeOf(c review.Change, r risk, ss *sets, o Options) changeView {
	v := changeView{Change: c, Shown: r, On: ss.of(c.Nodes), Exports: exports(c)}
	for _, id := range c.Classes {
		title := id
		if o.Class != nil {
			title = cmp.Or(o.Class(id), id)
		}
		v.Titles = append(v.Titles, title)
	}
	if c.New != nil {
		v.From = originWord(c.New.Origin)
	}
	if c.Old != nil && (c.New == nil || c.Old.Origin != c.New.Origin) {
		v.Was = originWord(c.Old.Origin)
	}
	return v
}

// exports says what the next export does about a certificate or a key.
func exports(c review.Change) string {
	text := ""
	switch c.Export {
	case "":
		return ""
	case review.Makes:
		text = "The next export makes another"
		if c.Old == nil {
			text = "The next export makes it"
		}
	case review.Keeps:
		text = "The next export keeps the one that there is"
	case review.Refuses:
		text = "The next export refuses this, unless it is accepted"
	default:
		text = "The next export: " + c.Export
	}
	if c.Reason != "" {
		text += ": " + c.Reason
	}
	return text + "."
}
