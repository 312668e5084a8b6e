package gen

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/trees"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade/steps"
)

// side is one of the states.
type side struct {
	review.Sources
	snapshot *Snapshot // nil: review trees in the directory
	dir      string
	depends  map[string]config.Depends
	found    *config.Found
	left     map[string]bool // packages that aren't evaluated
	specs    map[string]*spec.Cluster
	notes    []string
}

// read describes the clusters of a side.
func (s *side) read(ctx context.Context, d *differ) (err error) {
	if s.snapshot == nil {
		s.Clusters, err = trees.Read(s.dir)
		return err
	}
	r := d.o.Request
	r.Args, r.leave, r.found, r.stateless = nil, s.left, s.found, true
	l, err := s.snapshot.Load(ctx, r)
	if err != nil {
		return err
	}
	s.Clusters = make([]*review.Cluster, len(l.Clusters))
	s.Faults = map[string][]finding.Finding{}
	failed := make([][]finding.Finding, len(l.Clusters))
	errs := newWork(len(l.Clusters), nil, nil).run(ctx, func(error) bool { return true }, func(i int, _ func(Event)) error {
		v := l.Clusters[i]
		c, err := describe(v.Cluster, s.snapshot.cwd)
		if err != nil { // its findings say why
			failed[i] = s.failed(v, err)
			return nil
		}
		c.Cluster.Findings = s.today(v.Findings)
		s.Clusters[i] = c.Cluster
		return nil
	})
	for i, v := range l.Clusters {
		if failed[i] != nil {
			s.Faults[belowModule(v.Cluster.Dir)] = failed[i]
		}
	}
	s.Clusters = slices.DeleteFunc(s.Clusters, func(c *review.Cluster) bool { return c == nil })
	s.specs = map[string]*spec.Cluster{}
	for _, v := range l.Clusters {
		s.specs[v.Cluster.Embedded.Redact(v.Cluster.Name)] = v.Cluster
	}
	for dir, found := range l.Of {
		if finding.Failed(found) {
			s.Faults[belowModule(dir)] = s.today(found)
		}
	}
	if rev := s.snapshot.Revision; rev != nil {
		for _, sub := range rev.Submodules {
			if root, err := config.ModuleRoot(s.snapshot.cwd); err == nil {
				if rel, err := filepath.Rel(root, filepath.Join(s.snapshot.dir, filepath.FromSlash(sub))); err == nil && filepath.IsLocal(rel) {
					s.notes = append(s.notes, fmt.Sprintf("%s: the submodule %s isn't read, so its clusters aren't compared", s.Name, finding.PlainName(sub)))
				}
			}
		}
		for _, link := range rev.Dropped {
			s.notes = append(s.notes, fmt.Sprintf("%s: the link %s leads out of the repository, and isn't followed", s.Name, finding.PlainName(link)))
		}
	}
	if s.snapshot.Lacks != "" {
		s.notes = append(s.notes, s.snapshot.Lacks+" at "+s.Name)
	}
	return withoutCanceled(errs)
}

// failed returns the findings of a cluster that can't be rendered: those of the rules, which
// mostly say why, or else the error.
func (s *side) failed(v *Vetted, err error) []finding.Finding {
	if finding.Failed(v.Findings) {
		return s.today(v.Findings)
	}
	c := v.Cluster
	return []finding.Finding{c.Embedded.Finding(finding.Finding{
		Rule: "value-unsafe", Severity: finding.Error, Cluster: c.Name, Pos: s.place(c.Source.At("")), Message: "the cluster can't be rendered: " + err.Error(),
	})}
}

// upgradeNotes returns what kcmgen upgrade says of a cluster of this side that goes to the
// version of another state.
func (s *side) upgradeNotes(old, now *review.Cluster) []string {
	c := s.specs[old.Name]
	to, err := spec.ParseVersion(now.Kubernetes)
	if c == nil || err != nil {
		return nil
	}
	plan, err := steps.New(c, to)
	if err != nil {
		return []string{err.Error()}
	}
	var out []string
	for _, step := range plan.Steps {
		for _, e := range step.Edits {
			text := fmt.Sprintf("v1.%d: %s", step.Minor, e)
			if e.Reason != "" {
				text += ": " + e.Reason
			}
			out = append(out, c.Embedded.Redact(text))
		}
		for _, n := range step.Notes {
			out = append(out, c.Embedded.Redact(fmt.Sprintf("v1.%d: %s", step.Minor, n.Text)))
		}
	}
	return out
}

// today returns findings that name files where they lie in the work tree.
func (s *side) today(found []finding.Finding) []finding.Finding {
	out := slices.Clone(found)
	for i := range out {
		for _, text := range []*string{&out[i].Message, &out[i].Expected, &out[i].Hint} {
			*text = strings.ReplaceAll(*text, s.snapshot.dir, s.snapshot.There(s.snapshot.dir))
		}
		out[i].Pos = s.place(out[i].Pos)
		out[i].Also = slices.Clone(out[i].Also)
		for j := range out[i].Also {
			out[i].Also[j] = s.place(out[i].Also[j])
		}
	}
	return out
}

// place returns a position relative to the working directory's place on this side.
func (s *side) place(at finding.Pos) finding.Pos {
	if filepath.IsAbs(at.File) {
		at.File = s.snapshot.Shown(at.File)
	}
	return at
}

// inModule returns a position below the root of a cluster's module as others are shown.
func (s *side) inModule(c *spec.Cluster, at finding.Pos) finding.Pos {
	if at.File == "" {
		return at
	}
	root, err := config.ModuleRoot(c.Dir)
	if err != nil {
		return at
	}
	at.File = s.snapshot.Shown(filepath.Join(root, filepath.FromSlash(at.File)))
	return at
}

// belowModule returns a package's directory below the root of its module, with slashes.
func belowModule(dir string) string {
	root, err := config.ModuleRoot(dir)
	if err != nil {
		return filepath.ToSlash(dir)
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return filepath.ToSlash(dir)
	}
	return filepath.ToSlash(rel)
}
