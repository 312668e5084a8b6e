// Package report writes findings as the documents that other programs read: SARIF,
// commands of GitHub's workflows, GitLab's code quality, JUnit.
package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Formats are the names of the formats.
var Formats = []string{"sarif", "github", "gitlab", "junit"}

// Report is what a run found.
type Report struct {
	Version string // of kcmgen
	Rules   []Rule // those that may have findings; findings may have others
	Suites  []Suite
	// Findings are all that were found. Shown are those to write: the rest is left out by
	// a filter, and only keeps a rule from counting as passed.
	Findings, Shown []finding.Finding
	// Fails reports whether a finding ends the command with exit code 3.
	Fails func(finding.Finding) bool
	// Waived writes waived findings too.
	Waived bool
	Places
}

// Rule is a rule that findings refer to.
type Rule struct {
	ID       string
	Severity finding.Severity // by default
	Title    string           // in one line
	Help     string           // why, and what to do; "" for none
}

// Suite is something that was checked: a cluster, or a file.
type Suite struct {
	Name string // as findings call their cluster; the file, if they have none
	File string // that findings without a position belong to: a file or a directory
	// Rules are the ids of the rules that were applied to it.
	Rules []string
}

// Places turns names of files in findings into paths from the root of a repository, which
// is all that readers elsewhere know.
type Places struct {
	Dir  string // absolute; names in findings are relative to it
	Root string // absolute
}

// Path returns the path of a file from the root, with slashes. It returns false for a file
// that isn't below the root, and its absolute path.
func (p Places) Path(file string) (string, bool) {
	if file == "" {
		return "", false
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(p.Dir, file)
	}
	rel, err := filepath.Rel(p.Root, file)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(file), false
	}
	return filepath.ToSlash(rel), true
}

// ownPrefix begins the names of files inside kcmgen.
const ownPrefix = "kcmgen:"

// own returns the path of a file of kcmgen's own repository.
func own(file string) (string, bool) { return strings.CutPrefix(file, ownPrefix) }

// Write writes a report in one of Formats. It returns what a person should know: limits of
// the format's readers that this report passes.
func (r *Report) Write(w io.Writer, format string) ([]string, error) {
	b := bufio.NewWriter(w)
	var limits []string
	var err error
	switch format {
	case "sarif":
		limits, err = r.sarif(b)
	case "github":
		limits, err = r.github(b)
	case "gitlab":
		err = r.gitlab(b)
	case "junit":
		err = r.junit(b)
	default:
		err = fmt.Errorf("there is no format %q", format)
	}
	if err != nil {
		return nil, err
	}
	return limits, b.Flush()
}

// shown returns the findings to write.
func (r *Report) shown() []finding.Finding {
	if r.Waived {
		return r.Shown
	}
	return slices.DeleteFunc(slices.Clone(r.Shown), func(f finding.Finding) bool { return f.Waived != "" })
}

// item is a finding, once for all clusters that have it at one position.
type item struct {
	finding.Group
	path        string // from the root; absolute outside of it
	inside      bool   // the root
	fingerprint string
}

// items returns what is shown, in order.
func (r *Report) items() []item {
	groups := finding.Groups(r.shown())
	out := make([]item, len(groups))
	prints := fingerprints{}
	files := r.files()
	for i, g := range groups {
		file := g.Pos.File
		if _, inner := own(file); file == "" || inner {
			file = cmp.Or(files[g.Cluster], r.Root)
			g.Pos = finding.Pos{File: file}
		}
		out[i] = item{Group: g}
		out[i].path, out[i].inside = r.Path(file)
		out[i].fingerprint = prints.next(g.Finding, out[i].path)
	}
	return out
}

// files returns the files of the suites by their names.
func (r *Report) files() map[string]string {
	out := map[string]string{}
	for _, s := range r.Suites {
		out[s.Name] = s.File
	}
	return out
}

// lines returns what a finding says after its message: each is a label and a text.
func lines(f finding.Finding, clusters []string) []string {
	var out []string
	for _, d := range f.Details(clusters) {
		if d[0] != "see" {
			out = append(out, d[0]+": "+d[1])
		}
	}
	return out
}

// fails reports whether a finding fails the command.
func (r *Report) fails(f finding.Finding) bool {
	if r.Fails == nil {
		return f.Waived == "" && f.Severity == finding.Error
	}
	return r.Fails(f)
}
