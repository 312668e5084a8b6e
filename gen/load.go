package gen

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Request is which clusters a command is about, and what it is run with.
type Request struct {
	// Args are directories, patterns or names, seen from the working directory, as
	// config.Load takes them.
	Args []string
	// Out is the directory of the clusters' trees; "" is the default, out in the CUE
	// module of each.
	Out string
	// Overlay holds files that count instead of those on disk, by absolute name.
	Overlay map[string][]byte
	Version string // of this program
	Now     time.Time
	Progress
}

// Progress hears how a run gets on. Each field may be nil.
type Progress struct {
	// Step is told how many clusters have come through a stage. It isn't called by
	// two at once.
	Step func(stage string, done, total int)
	// Waiting is told of a directory that another run has locked.
	Waiting func(dir string)
	// Fetching is told where a program is about to be downloaded from.
	Fetching func(cluster, origin string)
}

func (p Progress) step(stage string) func(done, total int) {
	if p.Step == nil {
		return nil
	}
	return func(done, total int) { p.Step(stage, done, total) }
}

// OptionError is what a user asked for, where it makes no sense: words that name
// nothing, or options that don't go together.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *OptionError) Unwrap() error { return e.Err }

func badOption(text string) error { return &OptionError{errors.New(text)} }

// Loaded are the clusters of a request, vetted.
type Loaded struct {
	Clusters []*Vetted
	Skipped  []config.Skipped
	Findings []finding.Finding
	Faults   []finding.Finding            // those of the CUE, whose clusters are missing
	Of       map[string][]finding.Finding // of the CUE, by the absolute directory of the package
}

// Load evaluates and vets clusters, several at once. What is wrong with them are
// findings; the error is for what can't be read, and an OptionError where the request
// names nothing.
func Load(ctx context.Context, r Request) (*Loaded, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	res, err := config.Load(ctx, cwd, r.Args, config.Options{Version: r.Version, Progress: r.step("evaluated"), Overlay: r.Overlay})
	if err != nil {
		return nil, asOption(err)
	}
	all := &Loaded{Skipped: res.Skipped, Findings: res.Findings, Faults: res.Findings, Of: res.ByDir, Clusters: make([]*Vetted, len(res.Clusters))}
	index := &facts.Index{}
	w := newWork(len(res.Clusters), nil, r.step("vetted"))
	errs := w.run(ctx, func(error) bool { return true }, func(i int, _ func(Event)) error {
		all.Clusters[i] = VetIn(res.Clusters[i], cmp.Or(r.Out, outOf(cwd, res.Clusters[i])), index, r.Now)
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, v := range all.Clusters {
		all.Findings = append(all.Findings, v.Findings...)
	}
	return all, nil
}

// asOption makes an OptionError of a request that names no cluster there could be.
func asOption(err error) error {
	var dir *config.NoDirError
	var module *config.NoModuleError
	if errors.As(err, &module) || errors.As(err, &dir) && dir.IsName() {
		return &OptionError{err}
	}
	return err
}

// withoutFaulty takes out the clusters that have an error, by the findings of each:
// the names in those aren't shown where they are embedded. It returns their names.
func (l *Loaded) withoutFaulty() []string {
	var out []string
	l.Clusters = slices.DeleteFunc(l.Clusters, func(v *Vetted) bool {
		bad := finding.Failed(v.Findings) || finding.Failed(l.Of[v.Cluster.Dir])
		if bad {
			out = append(out, v.Cluster.Name)
		}
		return bad
	})
	return out
}

// OutDir is the directory of the clusters' trees: the one that is named, or out in the
// CUE module of the clusters that args name. It doesn't depend on where one stands:
// another place would mean another CA. It is an OptionError where they lie in several
// modules.
func OutDir(named string, args []string) (string, error) {
	if named != "" {
		return named, nil
	}
	roots := map[string]string{}
	for _, arg := range args {
		dir := strings.TrimSuffix(filepath.ToSlash(arg), "...")
		if fi, err := os.Stat(filepath.Clean(dir)); err != nil || !fi.IsDir() {
			dir = "." // a cluster's name, or for loading to explain
		}
		addRoot(roots, filepath.Clean(dir))
	}
	if len(args) == 0 {
		addRoot(roots, ".")
	}
	switch len(roots) {
	case 0:
		return "out", nil // loading will say that there is no module
	case 1:
		for _, root := range roots {
			return filepath.Join(root, "out"), nil
		}
	}
	return "", badOption("these clusters lie in several CUE modules: name a directory for their trees with --out")
}

func addRoot(roots map[string]string, dir string) {
	root, err := config.ModuleRoot(dir)
	if err != nil {
		return
	}
	if abs, err := filepath.Abs(root); err == nil {
		roots[abs] = root
	}
}

// outOf is where the tree of a cluster lies by default, as one calls it from the
// directory cwd; "" if it has no module.
func outOf(cwd string, c *spec.Cluster) string {
	root, err := config.ModuleRoot(c.Dir)
	if err != nil {
		return ""
	}
	dir := filepath.Join(root, "out")
	if rel, err := filepath.Rel(cwd, dir); err == nil && len(rel) < len(dir) {
		return rel
	}
	return dir
}

// IsUsualOut reports whether a cluster's tree lies where commands look for it that
// aren't told.
func IsUsualOut(c *spec.Cluster, out string) bool {
	usual, err := OutDir("", []string{DirOf(c)})
	return err == nil && filepath.Clean(usual) == filepath.Clean(out)
}

// DirOf is a cluster's directory as people type it.
func DirOf(c *spec.Cluster) string {
	cwd, err := os.Getwd()
	if err != nil {
		return c.Dir
	}
	rel, err := filepath.Rel(cwd, c.Dir)
	switch {
	case err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)):
		return c.Dir
	case rel == ".":
		return rel
	}
	return "." + string(filepath.Separator) + rel
}
