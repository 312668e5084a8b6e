package upgrade

import (
	"maps"
	"slices"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
)

// Files returns the absolute names of the changed files, sorted.
func (u *Run) Files() []string { return slices.Sorted(maps.Keys(u.Changed)) }

// Shown returns a file's name for messages.
func (u *Run) Shown(name string) string { return u.files.Shown(name) }

// Kept returns the positions of comments in a file that stay, though the field below
// them is removed.
func (u *Run) Kept(name string) []finding.Pos { return u.files.Kept(name) }

// Diff returns the change of a file as a unified diff.
func (u *Run) Diff(name string) []byte {
	shown := u.files.Shown(name)
	return diff.Diff(shown, u.files.Data(name), shown, u.Changed[name])
}

// Report is a Run as data.
type Report struct {
	Clusters []ClusterReport `json:"clusters"`
	Files    []FileReport    `json:"files"`
}

// EditReport is an edit with its position.
type EditReport struct {
	Pos    finding.Pos `json:"position"`
	Op     edit.Op     `json:"op"`
	Field  string      `json:"field,omitempty"`
	From   string      `json:"from,omitempty"`
	To     string      `json:"to,omitempty"`
	Reason string      `json:"reason,omitempty"`
}

// StepReport is the step to one minor version.
type StepReport struct {
	To    string       `json:"to"`
	Edits []EditReport `json:"edits"`
	Notes []Placed     `json:"notes"`
}

// ClusterReport is one cluster of a Report.
type ClusterReport struct {
	Cluster  string            `json:"cluster"`
	From     string            `json:"from"`
	To       string            `json:"to"`
	Steps    []StepReport      `json:"steps"`
	ByHand   []Placed          `json:"byHand"`
	Settle   []Placed          `json:"settle"`
	Findings []finding.Finding `json:"findings"` // that the edits would cause
}

// FileReport is a file that changes.
type FileReport struct {
	File  string   `json:"file"`
	Diff  string   `json:"diff"`
	Other []string `json:"alsoServes,omitempty"`
}

// Report returns the Run as data.
func (u *Run) Report() Report {
	doc := Report{[]ClusterReport{}, []FileReport{}}
	for _, c := range u.Clusters {
		out := ClusterReport{
			Cluster: c.Name(), From: c.Plan.From.String(), To: c.Plan.To.String(), Steps: []StepReport{},
			ByHand: append([]Placed{}, c.ByHand...), Settle: append([]Placed{}, c.Blocking...), Findings: append([]finding.Finding{}, c.Findings...),
		}
		for _, s := range c.Steps {
			step := StepReport{flags.MinorName(s.Minor), []EditReport{}, append([]Placed{}, s.Notes...)}
			for _, e := range s.Edits {
				step.Edits = append(step.Edits, EditReport{e.At, e.Op, e.Field, e.From, e.To, e.Reason})
			}
			out.Steps = append(out.Steps, step)
		}
		doc.Clusters = append(doc.Clusters, out)
	}
	for _, name := range u.Files() {
		doc.Files = append(doc.Files, FileReport{u.Shown(name), string(u.Diff(name)), u.Also[name]})
	}
	return doc
}
