package gen

import (
	"cmp"
	"io"
	"os"

	"github.com/kcmgen/kcmgen/gen/explain"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/finding/report"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// Formats are the names of the formats for findings that other programs read.
func Formats() []string { return report.Formats }

// Output says how findings are written.
type Output struct {
	Format string // one of Formats
	// Fails reports whether a finding fails the command.
	Fails  func(finding.Finding) bool
	Waived bool // waived findings are written too
}

// Write writes those of the findings that are shown in a format. It returns what a person
// should know, such as a limit of the format's readers.
func (l *Loaded) Write(w io.Writer, shown []finding.Finding, o Output) ([]string, error) {
	r := newReport(o)
	r.Findings, r.Shown = l.All, shown
	for _, v := range l.Clusters {
		c := v.Cluster
		var applied []string
		for _, rule := range vet.ClusterRules() {
			if l.selection.takes(rule.ID, rule.Severity) && (!rule.Profile || len(c.Policy) > 0) {
				applied = append(applied, rule.ID)
			}
		}
		for _, rule := range c.Own.Rules {
			if id := c.Embedded.Redact(rule.ID); l.selection.takes(id, rule.Severity) {
				applied = append(applied, id)
			}
		}
		r.Suites = append(r.Suites, report.Suite{Name: c.Embedded.Redact(c.Name), File: cmp.Or(c.Source.At("name").File, c.Dir), Rules: applied})
	}
	return r.Write(w, o.Format)
}

// WriteChecked writes findings about files that start kube-controller-manager today.
func WriteChecked(w io.Writer, files []string, found []finding.Finding, o Output) ([]string, error) {
	r := newReport(o)
	r.Findings, r.Shown = found, found
	for _, f := range files {
		r.Suites = append(r.Suites, report.Suite{Name: f, File: f})
	}
	return r.Write(w, o.Format)
}

// newReport returns a report without findings. Paths in it are relative to the root of the
// git repository around the working directory, or to this one.
func newReport(o Output) *report.Report {
	r := &report.Report{Version: ReadBuild().Version, Fails: o.Fails, Waived: o.Waived}
	r.Dir, _ = os.Getwd() // without one, names stay as they are
	r.Root = cmp.Or(facts.FindRoot(r.Dir), r.Dir)
	for _, rule := range explain.Rules() {
		r.Rules = append(r.Rules, report.Rule{
			ID: rule.ID, Severity: rule.Severity, Title: rule.Title,
			Help: rule.Why + "\n\nTo mend it: " + rule.Fix,
		})
	}
	return r
}

// names returns the names of the clusters, as findings have them.
func (l *Loaded) names() []string {
	var out []string
	for _, v := range l.Clusters {
		out = append(out, v.Cluster.Embedded.Redact(v.Cluster.Name))
	}
	return out
}
