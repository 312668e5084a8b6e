package report

import (
	"github.com/kcmgen/kcmgen/gen/finding"
)

// Past is what an earlier state had.
type Past struct {
	Findings []finding.Finding
	Clusters []string // names, without those that could not be evaluated
	Places
	// Renamed are the files that have another path since, by the path from the root.
	Renamed map[string]string
}

// New returns the findings that an earlier state lacks, in order. Each finding of the past
// accounts for one of the present: of the same cluster, or of a renamed one, in the same
// file or a renamed one. Moved lines and other words make no difference. A finding whose
// waiver is gone, or whose severity differs, is new.
func (p Past) New(now []finding.Finding, clusters []string, at Places) []finding.Finding {
	then := names(p.Findings, p.Clusters)
	present := names(now, clusters)
	before := make([]trace, len(p.Findings))
	for i, f := range p.Findings {
		before[i] = traceOf(f, p.Places, present)
		if to, ok := p.Renamed[before[i].file]; ok {
			before[i].file = to
		}
	}
	after := make([]trace, len(now))
	for i, f := range now {
		after[i] = traceOf(f, at, then)
	}
	for _, key := range []func(trace) (trace, bool){exactly, reworded, moved} {
		left := map[trace]int{}
		for i := range before {
			if k, ok := key(before[i]); ok && !before[i].used {
				left[k]++
			}
		}
		taken := map[trace]int{}
		for i := range after {
			if k, ok := key(after[i]); ok && !after[i].used && taken[k] < left[k] {
				taken[k]++
				after[i].used = true
			}
		}
		for i := range before {
			if k, ok := key(before[i]); ok && !before[i].used && taken[k] > 0 {
				taken[k]--
				before[i].used = true
			}
		}
	}
	var out []finding.Finding
	for i, f := range now {
		if !after[i].used {
			out = append(out, f)
		}
	}
	return out
}

// trace is what tells whether two findings of different states are the same.
type trace struct {
	rule, cluster, node, field, message, file string
	severity                                  finding.Severity
	waived, used                              bool
}

// anotherCluster stands for a cluster that the other state doesn't have: it may have been
// renamed.
const anotherCluster = "\x00"

func traceOf(f finding.Finding, at Places, others map[string]bool) trace {
	out := trace{
		rule: f.Rule, cluster: f.Cluster, node: withoutPlaces(f.Node), field: withoutPlaces(f.Field), message: withoutPlaces(f.Message),
		severity: f.Severity, waived: f.Waived != "",
	}
	out.file, _ = at.Path(f.Pos.File)
	if f.Cluster != "" && !others[f.Cluster] {
		out.cluster = anotherCluster
	}
	return out
}

// exactly is for the same finding.
func exactly(t trace) (trace, bool) { return t, true }

// reworded is for a finding whose message has another value.
func reworded(t trace) (trace, bool) {
	if t.field != "" {
		t.message = ""
	}
	return t, true
}

// moved is for a finding of the same cluster in another file.
func moved(t trace) (trace, bool) {
	t.file, t.message = "", ""
	return t, t.cluster != anotherCluster && t.cluster != "" && t.field != ""
}

// names returns the names of clusters: those that were evaluated, and those of findings.
func names(fs []finding.Finding, clusters []string) map[string]bool {
	out := map[string]bool{}
	for _, c := range clusters {
		out[c] = true
	}
	for _, f := range fs {
		out[f.Cluster] = true
	}
	return out
}
