package review

import (
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/finding/report"
)

// movedFindings returns the findings that come and those that go, as --new-since tells them:
// by rule, cluster, node, field, severity and waiver, and by message if there is no field.
// The files that they are in don't count, because the sides may lie in different
// directories. x may be nil.
func movedFindings(old, now []finding.Finding, x *differ) (come, gone []finding.Finding) {
	then, present := numbered(old), numbered(now)
	var clusters []string
	if x != nil {
		clusters = []string{x.now.Name}
		for i := range then {
			f := &then[i]
			if f.Cluster == x.old.Name {
				f.Cluster = x.now.Name
			}
			if to, ok := x.renamed[f.Node]; ok {
				f.Node = to
			}
		}
	}
	come = chosen(now, report.Past{Findings: then, Clusters: clusters}.New(present, clusters, report.Places{}))
	gone = chosen(old, report.Past{Findings: present, Clusters: clusters}.New(then, clusters, report.Places{}))
	return come, gone
}

// numbered returns findings whose position is their number: that finds them again, and
// doesn't count when findings are compared.
func numbered(fs []finding.Finding) []finding.Finding {
	out := slices.Clone(fs)
	for i := range out {
		out[i].Pos = finding.Pos{Line: i + 1}
	}
	return out
}

func chosen(from, numbered []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, f := range numbered {
		out = append(out, from[f.Pos.Line-1])
	}
	return out
}
