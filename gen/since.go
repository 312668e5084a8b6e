package gen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/finding/report"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Since is an earlier revision that findings were compared with.
type Since struct {
	Revision string `json:"revision"` // as it was asked for
	Commit   string `json:"commit"`
	Older    int    `json:"older"` // findings that it has too, which would be shown
}

// newSince returns the findings that a revision lacks. It evaluates the revision's clusters
// as they were, in a temporary directory, with the same rules and at the same time; files
// that git doesn't track, such as keys, are those of today.
func (l *Loaded) newSince(ctx context.Context, r Request, cwd string, nodes nodeLists) ([]finding.Finding, error) {
	rev, err := facts.FindRevision(cwd, r.NewSince)
	if errors.Is(err, facts.ErrNoGit) {
		return nil, badOption(fmt.Sprintf("--new-since: %v", err))
	}
	if unknown := (*RevisionError)(nil); errors.As(err, &unknown) {
		return nil, &OptionError{fmt.Errorf("--new-since: %w", err)}
	}
	if err != nil {
		return nil, fmt.Errorf("--new-since: %w", err)
	}
	b, err := newBase(rev, r, cwd)
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(b.dir) }()
	then, err := b.load(ctx, nodes)
	if err != nil {
		return nil, fmt.Errorf("--new-since %s: %w", r.NewSince, err)
	}
	past := report.Past{Clusters: then.names(), Places: report.Places{Dir: b.cwd, Root: b.dir}, Renamed: rev.Renamed}
	for _, f := range then.Findings {
		f.Message = strings.ReplaceAll(f.Message, b.dir, rev.Root)
		past.Findings = append(past.Findings, f)
	}
	found := past.New(l.Findings, l.names(), report.Places{Dir: cwd, Root: rev.Root})
	counts := func(f finding.Finding) bool { return f.Waived == "" && r.takes(f.Rule, f.Severity) }
	l.Since = &Since{r.NewSince, rev.Commit, count(l.Findings, counts) - count(found, counts)}
	l.note(b, then)
	return found, nil
}

func count(fs []finding.Finding, counts func(finding.Finding) bool) int {
	n := 0
	for _, f := range fs {
		if counts(f) {
			n++
		}
	}
	return n
}

// note adds what a reader has to know about the comparison.
func (l *Loaded) note(b *base, then *Loaded) {
	at := l.Since.Revision
	if b.lacks != "" {
		l.Notes = append(l.Notes, fmt.Sprintf("%s at %s, so every finding counts as new", b.lacks, at))
	}
	var faulty []string
	for _, dir := range slices.Sorted(maps.Keys(then.Of)) {
		if finding.Failed(then.Of[dir]) {
			faulty = append(faulty, b.shown(dir))
		}
	}
	if n := len(faulty); n > 0 {
		const most = 5
		l.Notes = append(l.Notes, fmt.Sprintf("%s can't be evaluated at %s, so the findings of the rules there count as new",
			strings.Join(append(faulty[:min(n, most):min(n, most)], more(n-most)...), ", "), at))
	}
	if l.Since.Older > 0 {
		l.Notes = append(l.Notes, fmt.Sprintf("not shown: %d that %s has too", l.Since.Older, at))
	}
}

func more(n int) []string {
	if n <= 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d more", n)}
}

// base is a revision in a temporary directory.
type base struct {
	*facts.Revision
	request Request
	here    string // the working directory
	dir     string // the root of the revision's files
	cwd     string // the working directory's place there
	lacks   string // what the revision doesn't have, in words
}

func newBase(rev *facts.Revision, r Request, cwd string) (*base, error) {
	rel, err := filepath.Rel(rev.Root, cwd)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, badOption(fmt.Sprintf("--new-since: the working directory lies outside of the work tree %s", rev.Root))
	}
	dir, err := os.MkdirTemp("", "kcmgen-since-")
	if err != nil {
		return nil, err
	}
	b := &base{Revision: rev, request: r, here: cwd, dir: dir}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		b.dir = real
	}
	b.cwd = filepath.Join(b.dir, rel)
	err = rev.Extract(b.dir)
	if err == nil {
		err = os.MkdirAll(b.cwd, 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

// load evaluates the revision's clusters: those of the same arguments or, if one of them
// names nothing there, all of their modules, which may have them under another name.
func (b *base) load(ctx context.Context, nodes nodeLists) (*Loaded, error) {
	index, err := b.Index(b.dir)
	if err != nil {
		return nil, err
	}
	now := &facts.Index{}
	look := func(c *spec.Cluster) (*Vetted, error) {
		if err := b.Complete(b.dir, c, now); err != nil {
			return nil, err
		}
		out := cmp.Or(b.request.Out, outOf(b.here, &spec.Cluster{Dir: b.there(c.Dir)}))
		return VetIn(c, out, index, nodes.ofCluster(c), b.request.Now), nil
	}
	then := Request{Args: b.args(b.request.Args), KeepIn: b.request.KeepIn, Version: b.request.Version, Now: b.request.Now}
	modules, all := b.modules()
	if all {
		if l, err := then.load(ctx, b.cwd, anything, look); !namesNothing(err) {
			return l, err
		}
	}
	if len(modules) > 0 {
		then.Args = modules
		if l, err := then.load(ctx, b.cwd, anything, look); !namesNothing(err) {
			return l, err
		}
	}
	b.lacks = "there is no CUE module here"
	return &Loaded{}, nil
}

// modules returns patterns for the modules of the arguments that the revision has, and
// whether it has all. Without this check, CUE would look for a module around the temporary
// directory.
func (b *base) modules() (patterns []string, all bool) {
	roots := slices.Sorted(maps.Keys(moduleRoots(b.request.Args)))
	for _, root := range roots {
		dir := b.then(root)
		if fi, err := os.Stat(filepath.Join(dir, "cue.mod")); err == nil && fi.IsDir() {
			patterns = append(patterns, dir+"/...")
		}
	}
	return patterns, len(patterns) == len(roots)
}

// namesNothing reports whether arguments name nothing.
func namesNothing(err error) bool {
	var dir *config.NoDirError
	var module *config.NoModuleError
	return errors.As(err, &dir) || errors.As(err, &module)
}

// args returns arguments that name the same in the revision's files.
func (b *base) args(args []string) []string {
	var out []string
	for _, arg := range args {
		if filepath.IsAbs(arg) {
			arg = b.then(arg)
		}
		out = append(out, arg)
	}
	return out
}

// then returns the place of a file of today among the revision's files.
func (b *base) then(name string) string { return replaceRoot(name, b.Root, b.dir) }

// there is the reverse of then.
func (b *base) there(name string) string { return replaceRoot(name, b.dir, b.Root) }

func replaceRoot(name, from, to string) string {
	if rel, err := filepath.Rel(from, name); err == nil && filepath.IsLocal(rel) {
		return filepath.Join(to, rel)
	}
	return name
}

// shown returns a directory of the revision relative to the working directory.
func (b *base) shown(dir string) string {
	if rel, err := filepath.Rel(b.cwd, dir); err == nil {
		return filepath.ToSlash(rel)
	}
	return b.there(dir)
}

// anything is a check of clusters that finds no error.
func anything(*config.Result) error { return nil }
