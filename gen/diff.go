package gen

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/page"
	"github.com/kcmgen/kcmgen/gen/review/show"
	"github.com/kcmgen/kcmgen/gen/review/trees"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// DiffOptions are the options of Diff. Args are the clusters to compare, by name or by
// directory; none are all.
type DiffOptions struct {
	Request
	// Base and Head are revisions of git, directories of a CUE module, or directories of
	// review trees. Base is HEAD if it is "", and Head the working directory.
	Base, Head string
}

// Compared is the outcome of Diff.
type Compared struct {
	*review.Difference
	heads []*review.Cluster // those that were asked for by name, in the newer state
	now   time.Time
	// unknown means that a package has errors on both sides, and other files.
	unknown bool
}

// Diff compares two states of clusters. What can't be evaluated on one side is a part of the
// difference. The error is an OptionError if a side or a cluster names nothing.
func Diff(ctx context.Context, o DiffOptions) (*Compared, error) {
	cwd, err := os.Getwd()
	if err == nil {
		cwd, err = filepath.EvalSymlinks(cwd) // git names the work tree so
	}
	if err != nil {
		return nil, err
	}
	d := &differ{o: o, cwd: cwd, index: &facts.Index{}}
	return d.diff(ctx)
}

func (d *differ) diff(ctx context.Context) (_ *Compared, err error) {
	defer d.close()
	err = both(func() (err error) {
		d.base, err = d.open(d.o.Base, "HEAD")
		return err
	}, func() (err error) {
		d.head, err = d.open(d.o.Head, ".")
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := d.leave(ctx); err != nil {
		return nil, err
	}
	// Both sides take the same time, and as much of it as both processors have.
	g, gctx := errgroup.WithContext(ctx)
	for _, s := range []*side{d.base, d.head} {
		g.Go(func() error { return s.read(gctx, d) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := d.noModule(); err != nil {
		return nil, err
	}
	if err := d.choose(); err != nil {
		return nil, err
	}
	out := &Compared{review.Compare(&d.base.Sources, &d.head.Sources, d.base.upgradeNotes), nil, d.o.Now, d.unknown()}
	if len(d.o.Args) > 0 {
		out.heads = d.head.Clusters
	}
	d.acknowledged(out.Difference)
	out.Shared = d.shared()
	out.Notes = append(out.Notes, slices.Concat(d.base.notes, d.head.notes)...)
	return out, nil
}

// both calls two functions at the same time, and returns the error of the first that has one.
func both(a, b func() error) error {
	ended := make(chan error)
	go func() { ended <- b() }()
	err := a()
	return cmp.Or(err, <-ended)
}

// differ is one run of Diff.
type differ struct {
	o          DiffOptions
	cwd        string
	index      *facts.Index
	whole      bool // every package is evaluated, for tests
	base, head *side
	sameIn     map[string]string // directories of what isn't evaluated, by name
}

func (d *differ) close() {
	end := func(s *side) func() error {
		return func() error {
			if s == nil || s.snapshot == nil {
				return nil
			}
			return s.snapshot.Close()
		}
	}
	_ = both(end(d.base), end(d.head)) // temporary directories
}

// open finds what a name means: a directory if it is written as one, else a revision, and a
// directory if git doesn't know it.
func (d *differ) open(name, otherwise string) (*side, error) {
	if name == "" {
		name = otherwise
	}
	slashed := filepath.ToSlash(name)
	written := slashed == "." || slashed == ".." || filepath.IsAbs(name) || strings.HasPrefix(slashed, "./") || strings.HasPrefix(slashed, "../") || strings.HasSuffix(slashed, "/")
	if written {
		return d.directory(name)
	}
	snapshot, err := OpenRevision(d.at(), name, d.index)
	if err == nil {
		return &side{Sources: review.Sources{Side: review.Side{Name: name, Commit: snapshot.Revision.Commit}}, snapshot: snapshot}, nil
	}
	unknown := is[*RevisionError](err) || errors.Is(err, facts.ErrNoGit)
	if fi, serr := os.Stat(filepath.Join(d.cwd, name)); unknown && serr == nil && fi.IsDir() {
		return d.directory(name)
	}
	return nil, err
}

// at returns the directory whose module is compared: the one that is named as a side, or the
// working directory.
func (d *differ) at() string {
	for _, name := range []string{d.o.Base, d.o.Head} {
		dir := name
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(d.cwd, name)
		}
		if fi, err := os.Stat(filepath.Join(dir, "cue.mod")); name != "" && err == nil && fi.IsDir() {
			if real, err := filepath.EvalSymlinks(dir); err == nil {
				return real
			}
		}
	}
	return d.cwd
}

func (d *differ) directory(name string) (*side, error) {
	s := &side{Sources: review.Sources{Side: review.Side{Name: name}}, dir: name}
	if trees.Is(name) {
		return s, nil
	}
	if _, err := os.Stat(name); err != nil {
		_, err = OpenDirectory(d.cwd, name, d.index) // which says what is wrong
		return nil, err
	}
	root, err := config.ModuleRoot(filepath.Join(d.cwd, name))
	if filepath.IsAbs(name) {
		root, err = config.ModuleRoot(name)
	}
	if here, herr := filepath.Abs(name); err == nil && herr == nil && name != "." && filepath.Clean(root) != here {
		return nil, badOption(fmt.Sprintf("%s lies in the module %s, whose states are compared as a whole: name the cluster with --cluster %s", name, shownDir(d.cwd, root), spec.ShellWord(name)))
	}
	s.snapshot, err = OpenDirectory(d.cwd, name, d.index)
	return s, err
}

func shownDir(cwd, dir string) string {
	if rel, err := filepath.Rel(cwd, dir); err == nil && len(rel) < len(dir) {
		return rel
	}
	return dir
}

// unknown reports whether a package has errors on both sides, and isn't the same.
func (d *differ) unknown() bool {
	sums := func(s *side, dir string) (out [sha256.Size]byte) {
		for _, dep := range s.depends {
			if dep.Dir == dir {
				out = dep.Sum
			}
		}
		return out
	}
	for dir := range d.base.Faults {
		if _, both := d.head.Faults[dir]; both && sums(d.base, dir) != sums(d.head, dir) {
			return true
		}
	}
	return false
}

// noModule returns an error if no side has a CUE module: nothing was compared then, which isn't
// the same as no difference.
func (d *differ) noModule() error {
	lacks := func(s *side) bool { return s.snapshot != nil && s.snapshot.Lacks != "" }
	if !lacks(d.base) || !lacks(d.head) {
		return nil
	}
	return &OptionError{&config.NoModuleError{Dir: d.cwd}}
}

// leave decides which packages need no evaluation, because all that they depend on is the
// same on both sides.
func (d *differ) leave(ctx context.Context) error {
	if d.base.snapshot == nil || d.head.snapshot == nil || d.whole {
		return nil
	}
	look := func(s *side) func() error {
		return func() (err error) {
			s.left = map[string]bool{}
			s.depends, s.found, err = s.snapshot.depends(ctx, d.o.Request)
			return err
		}
	}
	if err := both(look(d.base), look(d.head)); err != nil {
		return err
	}
	others := d.othersDiffer()
	d.sameIn = map[string]string{}
	names := map[string]int{} // a name that two clusters have is a finding
	for _, new := range d.head.depends {
		names[new.Name]++
	}
	then := map[[2]string]string{} // directories of the base by what is the same
	for dir, old := range d.base.depends {
		then[[2]string{d.below(d.base, dir), string(old.Sum[:])}] = dir
	}
	for now, new := range d.head.depends {
		dir, same := then[[2]string{d.below(d.head, now), string(new.Sum[:])}]
		if !same || new.Name == "" || names[new.Name] > 1 || others && (new.Names || new.Embeds) {
			continue
		}
		d.base.left[dir], d.head.left[now] = true, true
		d.sameIn[new.Name] = new.Dir
		d.base.Same, d.head.Same = append(d.base.Same, new.Name), append(d.head.Same, new.Name)
	}
	slices.Sort(d.base.Same)
	slices.Sort(d.head.Same)
	return nil
}

// othersDiffer reports whether files may differ that clusters can name, besides CUE.
func (d *differ) othersDiffer() bool {
	counts := func(p string) bool { return path.Ext(p) != ".cue" }
	base, head := d.base.snapshot, d.head.snapshot
	switch {
	case base.Revision != nil && head.Revision != nil:
		return base.Revision.Differs(head.Revision, counts)
	case base.Revision != nil && facts.FindRoot(head.dir) == facts.FindRoot(d.cwd):
		return base.Revision.DiffersNow(d.index, counts)
	case head.Revision != nil && facts.FindRoot(base.dir) == facts.FindRoot(d.cwd):
		return head.Revision.DiffersNow(d.index, counts)
	}
	return true
}

// below returns a directory of a side below what both sides have in common: the root of the
// repository, or the directories that are compared.
func (d *differ) below(s *side, dir string) string {
	root := s.snapshot.dir
	if s.snapshot.Revision == nil && (d.base.snapshot.Revision != nil || d.head.snapshot.Revision != nil) {
		if at := facts.FindRoot(d.cwd); at != "" {
			root = at
		}
	}
	if abs, err := filepath.Abs(root); err == nil {
		root = abs
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return dir
	}
	return filepath.ToSlash(rel)
}

// acknowledged adds the findings of the organisation's own rules about changes. Review trees
// have no rules.
func (d *differ) acknowledged(diff *review.Difference) {
	for i := range diff.Clusters {
		one := &diff.Clusters[i]
		c := d.head.specs[one.Name]
		if c == nil {
			continue
		}
		found := one.Unacknowledged(c.Own.Rules)
		for j := range found {
			found[j].Pos = d.head.inModule(c, found[j].Pos)
			found[j] = c.Embedded.Finding(found[j])
		}
		one.Come = append(one.Come, finding.EnsureMessages(found)...)
	}
}

// choose leaves the clusters that the arguments name.
func (d *differ) choose() error {
	if len(d.o.Args) == 0 {
		return nil
	}
	used := map[string]bool{}
	wants := func(name, dir string) bool {
		some := false
		for _, arg := range d.o.Args {
			at := strings.TrimPrefix(path.Clean(filepath.ToSlash(arg)), "./")
			if arg == name || dir != "" && (at == dir || strings.HasSuffix(at, "/"+dir)) {
				used[arg], some = true, true
			}
		}
		return some
	}
	var names []string
	for _, s := range []*side{d.base, d.head} {
		for _, c := range s.Clusters {
			names = append(names, c.Name)
		}
		names = append(names, s.Same...)
		s.Clusters = slices.DeleteFunc(s.Clusters, func(c *review.Cluster) bool { return !wants(c.Name, c.Dir) })
		s.Same = slices.DeleteFunc(s.Same, func(name string) bool { return !wants(name, d.sameIn[name]) })
		maps.DeleteFunc(s.Faults, func(dir string, _ []finding.Finding) bool { return !wants("", dir) })
	}
	for _, arg := range d.o.Args {
		if !used[arg] {
			text := fmt.Sprintf("--cluster %s: neither %s nor %s has such a cluster", arg, d.base.Name, d.head.Name)
			if near := spec.Nearest(arg, names); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			}
			return badOption(text)
		}
	}
	return nil
}

// DiffFormats are the formats of a difference besides text and json.
func DiffFormats() []string { return []string{"markdown", "html"} }

// commentLimit is the size of a comment in bytes: of the 65,536 characters that GitHub takes,
// the rest is for what a pipeline adds, such as the address of a page.
const commentLimit = 65_000

// Write writes the difference in a format.
func (c *Compared) Write(w io.Writer, format string) error {
	if format == "html" {
		return page.Write(w, c.Difference, c.heads, page.Options{Class: classTitle})
	}
	return show.Write(w, c.Difference, format, show.Options{Limit: commentLimit})
}

func classTitle(id string) string {
	c, _ := flags.ClassOf(id)
	return c.Title
}

// Differs reports whether anything differs, or can't be compared though its files differ.
func (c *Compared) Differs() bool { return len(c.Clusters) > 0 || c.unknown }

// Fails reports whether something has an error in the newer state that it hadn't in the older
// one.
func (c *Compared) Fails() bool {
	return slices.ContainsFunc(c.Clusters, func(d review.ClusterDifference) bool { return finding.Failed(d.Come) })
}
