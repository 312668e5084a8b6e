package gen

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Said is an event that is one line to a person.
type Said interface{ Line() string }

// Line implements Said.
func (e LeftOut) Line() string { return e.Cluster + ": left out: it has errors" }

// Line implements Said.
func (NothingWritten) Line() string { return "kcmgen: nothing was written" }

// Line implements Said.
func (e Recovered) Line() string { return e.Cluster + ": " + e.Text }

// Line implements Said.
func (e TwoRenames) Line() string {
	return e.Out + ": its file system can't exchange two directories, so two renames replaced the old tree; a run that is ended between them leaves it to the next one to put the old tree back"
}

// Line implements Said.
func (e Unclaimed) Line() string {
	return fmt.Sprintf("kept %s: no cluster here is called %s any more", finding.PlainName(e.Dir), finding.PlainName(e.Name))
}

// Line is the outcome of an export to a person.
func (e *Exported) Line() string {
	if len(e.Changes) == 0 {
		return e.Cluster.Name + ": nothing changed, nothing written"
	}
	return fmt.Sprintf("%s: wrote %s", e.Dir, tree.Counts(e.Changes))
}

// Notes returns what a person should know of an export, one line each.
func (e *Exported) Notes() []string {
	var out []string
	note := func(format string, args ...any) { out = append(out, e.Cluster.Name+": "+fmt.Sprintf(format, args...)) }
	for _, o := range e.Others {
		switch name := finding.PlainName(o.Path); {
		case o.Removed:
			note("removed %s: kcmgen didn't write it", name)
		case o.Key:
			note("kept %s: kcmgen didn't write it, and --prune leaves keys alone", name)
		default:
			note("kept %s: kcmgen didn't write it (--prune removes it)", name)
		}
	}
	for _, c := range e.Accepted {
		note("accepted: %s", c)
	}
	for _, word := range e.Needless {
		note("--accept %s: there was nothing to accept", word)
	}
	for _, it := range e.Made {
		note("made pki/%s: %s", it.ID, it.Reason)
		if short := it.CutNote(); short != "" {
			note("pki/%s: %s", it.ID, short)
		}
	}
	for _, n := range e.Nodes {
		note("%s", e.Note(n))
	}
	if owners := e.Owners(); len(owners) > 0 {
		note("on the hosts, the pod's files belong to user %s: deploy sees to it; copied by hand, they need the owner that %s has", strings.Join(owners, ", "), filepath.Join(e.Dir, "manifest.json"))
	}
	for _, i := range e.Images {
		switch {
		case i.Makes:
			note("%s isn't what the cluster says now: %s renews it", i.Path, e.Renewal(i.Arch))
		case i.Removed:
			note("removed %s: the cluster makes no such image any more", i.Path)
		default:
			note("kept %s: the cluster makes no such image any more (--prune removes it)", i.Path)
		}
	}
	return out
}

// ShownLines returns a block of lines for each node: the flags in one column, and the
// fields that set them in the next.
func ShownLines(all []Shown) []string {
	width := 0
	for _, s := range all {
		width = max(width, len(s.Flag)+len(s.Value)+3)
	}
	width = min(width, 60)
	var out []string
	for i, s := range all {
		if i == 0 || all[i-1].Self != s.Self {
			out = append(out, finding.Printable(s.Cluster)+" "+finding.Printable(s.Node))
		}
		from := s.Field
		if p := s.Pos.String(); p != "" {
			from += "  " + p
		}
		out = append(out, fmt.Sprintf("  %-*s  %s", width, finding.Printable("--"+s.Flag+"="+s.Value), finding.Printable(from)))
	}
	return out
}

// Lines describes a build to a person.
func (a Build) Lines() []string {
	revision := a.Revision
	if a.Modified != nil && *a.Modified {
		revision += ", modified"
	}
	out := []string{"kcmgen " + a.Version}
	for _, l := range [][2]string{
		{"revision", revision}, {"time", a.Time}, {"go", a.Go}, {"platform", a.Platform}, {"cue", a.CUE}, {"cfssl", a.CFSSL},
	} {
		if l[1] != "" {
			out = append(out, fmt.Sprintf("  %-9s %s", l[0], l[1]))
		}
	}
	return out
}

// Line describes a program to a person.
func (p CheckedProgram) Line() string {
	did := "have"
	if p.Fetched {
		did = "fetched"
	}
	return fmt.Sprintf("%s: %s: %s sha256:%s, %d bytes", p.Cluster, p.Arch, did, p.SHA256, p.Size)
}

// Line describes an image to a person.
func (m MadeImage) Line() string { return fmt.Sprintf("%s %s %d bytes", m.File, m.Digest, m.Size) }

// SkippedLines says which directories were skipped, and why.
func SkippedLines(skipped []Skipped) []string {
	var out []string
	for _, s := range skipped {
		out = append(out, fmt.Sprintf("skipped %s: %s", finding.PlainName(s.Dir), s.Reason))
	}
	return out
}
