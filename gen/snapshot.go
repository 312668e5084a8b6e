package gen

import (
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

// Snapshot is a state of clusters to compare with another: a revision of git in a temporary
// directory, or a directory as it is. Several may be open at the same time. Its clusters can
// be evaluated until Close.
type Snapshot struct {
	Name string // as the user wrote it
	// Revision is the revision of git; nil for a directory.
	Revision *facts.Revision
	// Lacks says in words why there are no clusters, once Load found none; "" otherwise.
	Lacks string

	here  string // the working directory
	dir   string // the root of the files
	cwd   string // the working directory's place among them
	index *facts.Index
}

// OpenRevision extracts a revision of the git repository around cwd, an absolute directory.
// index is what git tracks today, which snapshots may share. The error is an OptionError if
// there is no such repository or revision; a RevisionError is in it for the latter.
func OpenRevision(cwd, name string, index *facts.Index) (*Snapshot, error) {
	rev, err := facts.FindRevision(cwd, name)
	if unknown := (*RevisionError)(nil); errors.Is(err, facts.ErrNoGit) || errors.As(err, &unknown) {
		return nil, &OptionError{err}
	}
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(rev.Root, cwd)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, badOption("the working directory lies outside of the work tree " + rev.Root)
	}
	dir, err := os.MkdirTemp("", "kcmgen-since-")
	if err != nil {
		return nil, err
	}
	s := &Snapshot{Revision: rev, Name: name, here: cwd, dir: dir, index: index}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		s.dir = real
	}
	s.cwd = filepath.Join(s.dir, rel)
	err = rev.Extract(s.dir)
	if err == nil {
		err = os.MkdirAll(s.cwd, 0o700)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// OpenDirectory returns the clusters in a directory, relative to cwd, as they are. Arguments
// of Load are relative to the directory. The error is an OptionError if there is no such
// directory.
func OpenDirectory(cwd, name string, index *facts.Index) (*Snapshot, error) {
	dir := name
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(cwd, dir)
	}
	fi, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, badOption(fmt.Sprintf("there is no directory %q", name))
	case err != nil:
		return nil, err
	case !fi.IsDir():
		return nil, badOption(fmt.Sprintf("%q is not a directory", name))
	}
	return &Snapshot{Name: name, here: cwd, dir: dir, cwd: dir, index: index}, nil
}

// Close removes what OpenRevision extracted. A directory of the user stays.
func (s *Snapshot) Close() error {
	if s.Revision == nil {
		return nil
	}
	return os.RemoveAll(s.dir)
}

// Load evaluates and vets the clusters that the request names, as Load does, and shows all
// findings. Positions and directories are those of the snapshot's files: There and Shown
// translate them. Files that a revision doesn't track, such as keys, and trees in out/ are
// those of today.
func (s *Snapshot) Load(ctx context.Context, r Request) (*Loaded, error) {
	nodes, err := readNodeLists(r.Nodes, r.Stdin)
	if err != nil {
		return nil, err
	}
	l, err := s.load(ctx, r, nodes)
	if err != nil {
		return nil, err
	}
	l.All = l.Findings
	return l, nil
}

// load evaluates the clusters of the same arguments or, if one of them names nothing in a
// revision, all of their modules, which may have them under another name.
func (s *Snapshot) load(ctx context.Context, r Request, nodes nodeLists) (*Loaded, error) {
	look, err := s.look(r, nodes)
	if err != nil {
		return nil, err
	}
	then := Request{Args: s.args(r.Args), KeepIn: r.KeepIn, Version: r.Version, Now: r.Now, leave: r.leave, found: r.found, stateless: r.stateless}
	modules, all := s.modules(r.Args)
	if all {
		if l, err := then.load(ctx, s.cwd, anything, look); !namesNothing(err) {
			return l, err
		}
	}
	if len(modules) > 0 {
		then.Args = modules
		if l, err := then.load(ctx, s.cwd, anything, look); !namesNothing(err) {
			return l, err
		}
	}
	s.Lacks = "there is no CUE module here"
	return &Loaded{}, nil
}

// look returns the check of one cluster.
func (s *Snapshot) look(r Request, nodes nodeLists) (func(*spec.Cluster) (*Vetted, error), error) {
	if s.Revision == nil {
		return func(c *spec.Cluster) (*Vetted, error) {
			return VetIn(c, r.outFor(s.here, c), s.index, nodes.ofCluster(c), r.Now), nil
		}, nil
	}
	index, err := s.Revision.Index(s.dir)
	if err != nil {
		return nil, err
	}
	return func(c *spec.Cluster) (*Vetted, error) {
		if err := s.Revision.Complete(s.dir, c, s.index); err != nil {
			return nil, err
		}
		return VetIn(c, r.outFor(s.here, &spec.Cluster{Dir: s.There(c.Dir)}), index, nodes.ofCluster(c), r.Now), nil
	}, nil
}

// depends returns what the clusters depend on that the request names, without evaluating
// them.
func (s *Snapshot) depends(ctx context.Context, r Request) (map[string]config.Depends, *config.Found, error) {
	args := []string(nil)
	if modules, all := s.modules(nil); !all {
		if args = modules; len(args) == 0 {
			return nil, nil, nil
		}
	}
	out, found, err := config.DependsOf(ctx, s.cwd, args, config.Options{Version: r.Version, Rules: ownRules})
	if namesNothing(err) {
		return nil, nil, nil
	}
	return out, found, err
}

// modules returns patterns for the modules of the arguments that the snapshot has, and
// whether it has all. Without this check, CUE would look for a module around the temporary
// directory. Around a user's directory it may.
func (s *Snapshot) modules(args []string) (patterns []string, all bool) {
	if s.Revision == nil {
		return nil, true
	}
	roots := slices.Sorted(maps.Keys(moduleRoots(s.here, args)))
	for _, root := range roots {
		dir := s.then(root)
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

// args returns arguments that name the same in the snapshot's files.
func (s *Snapshot) args(args []string) []string {
	var out []string
	for _, arg := range args {
		if filepath.IsAbs(arg) {
			arg = s.then(arg)
		}
		out = append(out, arg)
	}
	return out
}

// past returns the snapshot's findings, for a comparison with those of today.
func (s *Snapshot) past(l *Loaded) report.Past {
	past := report.Past{Clusters: l.names(), Places: report.Places{Dir: s.cwd, Root: s.dir}}
	if s.Revision != nil {
		past.Renamed = s.Revision.Renamed
	}
	for _, f := range l.Findings {
		f.Message = strings.ReplaceAll(f.Message, s.dir, s.There(s.dir))
		past.Findings = append(past.Findings, f)
	}
	return past
}

// faulty returns the directories with clusters that can't be evaluated, as Shown writes
// them.
func (s *Snapshot) faulty(l *Loaded) []string {
	var out []string
	for _, dir := range slices.Sorted(maps.Keys(l.Of)) {
		if finding.Failed(l.Of[dir]) {
			out = append(out, s.Shown(dir))
		}
	}
	return out
}

// then returns the place of a file of today among the revision's files.
func (s *Snapshot) then(name string) string {
	if s.Revision == nil {
		return name
	}
	return replaceRoot(name, s.Revision.Root, s.dir)
}

// There returns where a file of the snapshot lies in the work tree. A directory's files lie
// where they are.
func (s *Snapshot) There(name string) string {
	if s.Revision == nil {
		return name
	}
	return replaceRoot(name, s.dir, s.Revision.Root)
}

func replaceRoot(name, from, to string) string {
	if rel, err := filepath.Rel(from, name); err == nil && filepath.IsLocal(rel) {
		return filepath.Join(to, rel)
	}
	return name
}

// Shown returns a file of the snapshot relative to the working directory's place among its
// files.
func (s *Snapshot) Shown(name string) string {
	if rel, err := filepath.Rel(s.cwd, name); err == nil {
		return filepath.ToSlash(rel)
	}
	return s.There(name)
}

// anything is a check of clusters that finds no error.
func anything(*config.Result) error { return nil }
