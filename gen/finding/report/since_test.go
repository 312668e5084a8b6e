package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// at is a finding: "RULE CLUSTER FILE:LINE FIELD MESSAGE", with - for nothing.
func at(text string) finding.Finding {
	w := strings.Fields(text)
	for i := range w {
		if w[i] == "-" {
			w[i] = ""
		}
	}
	file, line, _ := strings.Cut(w[2], ":")
	f := finding.Finding{Rule: w[0], Severity: finding.Error, Cluster: w[1], Field: w[3], Message: w[4]}
	f.Pos = finding.Pos{File: file, Line: len(line), Col: 1} // the line is of no importance
	if len(w) > 5 && w[5] == "waived" {
		f.Waived = "why"
	}
	if len(w) > 5 && w[5] == "warning" {
		f.Severity = finding.Warning
	}
	return f
}

// TestNew: what counts as new, and what doesn't.
func TestNew(t *testing.T) {
	for _, c := range []struct {
		name             string
		before, now, new []string
		renamed          map[string]string
	}{
		{name: "nothing before", now: []string{"a prod p.cue:1 f m"}, new: []string{"a prod p.cue:1 f m"}},
		{name: "the same", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1 f m"}},
		{name: "a moved line", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1111 f m"}},
		{name: "another value", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1 f n"}},
		{name: "another field", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1 g m"}, new: []string{"a prod p.cue:1 g m"}},
		{name: "another rule", before: []string{"a prod p.cue:1 f m"}, now: []string{"b prod p.cue:1 f m"}, new: []string{"b prod p.cue:1 f m"}},
		{name: "a second one", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1 f n", "a prod p.cue:1 f m"}, new: []string{"a prod p.cue:1 f n"}},
		{name: "without a field, by its message", before: []string{"s - p.cue:1 - m"}, now: []string{"s - p.cue:1 - n", "s - p.cue:1 - m"}, new: []string{"s - p.cue:1 - n"}},
		{name: "moved to another file of the cluster", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod q.cue:1 f m"}},
		{name: "another cluster's file", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1 f m", "a test t.cue:1 f m"}, new: []string{"a test t.cue:1 f m"}},
		{name: "a renamed cluster", before: []string{"a prod p.cue:1 f m"}, now: []string{"a live p.cue:1 f m"}},
		{name: "a renamed cluster in a renamed file", before: []string{"a prod p.cue:1 f m"}, now: []string{"a live l.cue:1 f m"}, renamed: map[string]string{"p.cue": "l.cue"}},
		{name: "one cluster gone, another new", before: []string{"a prod p.cue:1 f m"}, now: []string{"a live l.cue:1 f m"}, new: []string{"a live l.cue:1 f m"}},
		{name: "a second cluster with a shared file", before: []string{"a prod b.cue:1 f m"}, now: []string{"a also b.cue:1 f m", "a prod b.cue:1 f m"}, new: []string{"a also b.cue:1 f m"}},
		{name: "fixed in one cluster, new in another that was there", before: []string{"a prod b.cue:1 f m", "z test t.cue:1 f m"}, now: []string{"a test b.cue:1 f m", "z prod p.cue:1 g m"}, new: []string{"a test b.cue:1 f m", "z prod p.cue:1 g m"}},
		{name: "a waiver is gone", before: []string{"a prod p.cue:1 f m waived"}, now: []string{"a prod p.cue:1 f m"}, new: []string{"a prod p.cue:1 f m"}},
		{name: "a waiver is new", before: []string{"a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1 f m waived"}, new: []string{"a prod p.cue:1 f m waived"}},
		{name: "worse", before: []string{"a prod p.cue:1 f m warning"}, now: []string{"a prod p.cue:1 f m"}, new: []string{"a prod p.cue:1 f m"}},
		{name: "fewer", before: []string{"a prod p.cue:1 f m", "a prod p.cue:1 f m"}, now: []string{"a prod p.cue:1 f m"}},
	} {
		p := Past{Renamed: c.renamed, Places: Places{Dir: "/old", Root: "/old"}}
		for _, text := range c.before {
			p.Findings = append(p.Findings, at(text))
		}
		var now, want []finding.Finding
		for _, text := range c.now {
			now = append(now, at(text))
		}
		for _, text := range c.new {
			want = append(want, at(text))
		}
		if diff := cmp.Diff(want, p.New(now, nil, Places{Dir: "/new", Root: "/new"})); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}
