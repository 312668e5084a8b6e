package gen

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/kept"
	"github.com/kcmgen/kcmgen/gen/readback"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/watch"
)

// Request says which clusters to load, and how.
type Request struct {
	// Args are directories, patterns or names for config.Load, relative to the working
	// directory.
	Args []string
	// Out is the directory of the clusters' trees; "" is the default, out in the CUE
	// module of each.
	Out string
	// Overlay holds contents that replace those of files on disk, by absolute name.
	Overlay map[string][]byte
	// KeepIn is the directory where evaluations are kept between runs; "" keeps none.
	KeepIn string
	// Nodes are files with the nodes of clusters that exist, each as CLUSTER=FILE, or one
	// FILE for one cluster. "-" is Stdin.
	Nodes   []string
	Stdin   io.Reader
	Version string // of kcmgen
	Now     time.Time
	Selection
	Progress

	leave     map[string]bool // packages that aren't evaluated, by absolute directory
	found     *config.Found   // by depends
	stateless bool            // what an export made isn't looked at
}

// maxKept is the maximum size of all evaluations that are kept, in bytes: those of some
// thousand clusters.
const maxKept = 64 << 20

// Progress has callbacks for the progress of a run. Each may be nil.
type Progress struct {
	// Step is called with the number of clusters that passed a stage. Calls don't
	// overlap.
	Step func(stage string, done, total int)
	// Waiting is called before waiting for a directory that another run has locked.
	Waiting func(dir string)
	// Fetching is called before a program is downloaded.
	Fetching func(cluster, origin string)
}

func (p Progress) step(stage string) func(done, total int) {
	if p.Step == nil {
		return nil
	}
	return func(done, total int) { p.Step(stage, done, total) }
}

// OptionError is a request that makes no sense: arguments that name nothing, or options
// that exclude each other.
type OptionError struct{ Err error }

func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *OptionError) Unwrap() error { return e.Err }

func badOption(text string) error { return &OptionError{errors.New(text)} }

// Loaded are the clusters of a request, vetted.
type Loaded struct {
	Clusters []*Vetted
	Skipped  []config.Skipped
	Findings []finding.Finding            // those that the request selects
	All      []finding.Finding            // of every selection
	Since    *Since                       // what Selection.NewSince meant; nil without it
	Notes    []string                     // on that, for people
	Faults   []finding.Finding            // errors in the CUE; their clusters are missing
	Of       map[string][]finding.Finding // the same by the absolute directory of the package

	selection Selection
}

// Load evaluates and vets clusters in parallel. Errors in clusters are findings; Load
// returns an error for what can't be read, and an OptionError if the request names
// nothing.
func Load(ctx context.Context, r Request) (*Loaded, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	nodes, err := readNodeLists(r.Nodes, r.Stdin)
	if err != nil {
		return nil, err
	}
	index := &facts.Index{}
	all, err := r.load(ctx, cwd, nodes.fit, func(c *spec.Cluster) (*Vetted, error) {
		return VetIn(c, r.outFor(cwd, c), index, nodes.ofCluster(c), r.Now), nil
	})
	if err != nil {
		return nil, err
	}
	return all, all.sift(ctx, r, cwd, nodes)
}

// load evaluates clusters, named relative to cwd, and looks at each once fit finds no error.
func (r Request) load(ctx context.Context, cwd string, fit func(*config.Result) error, look func(*spec.Cluster) (*Vetted, error)) (*Loaded, error) {
	limits, err := Limits()
	if err != nil {
		return nil, err
	}
	o := config.Options{Version: r.Version, Progress: r.step("evaluated"), Overlay: r.Overlay, Limits: limits, Rules: ownRules, Leave: r.leave, Found: r.found}
	if r.KeepIn != "" {
		if dir, err := kept.Open(r.KeepIn, maxKept, r.Now); err == nil { // without it, it only takes longer
			defer dir.Close()
			o.Kept, o.Program = dir, kept.Program()
		}
	}
	res, err := config.Load(ctx, cwd, r.Args, o)
	if err != nil {
		return nil, asOption(err)
	}
	if err := fit(res); err != nil {
		return nil, err
	}
	all := &Loaded{Skipped: res.Skipped, Findings: res.Findings, Faults: res.Findings, Of: res.ByDir}
	if all.Clusters, err = lookAtAll(ctx, r, res.Clusters, limits, look); err != nil {
		return nil, err
	}
	for _, v := range all.Clusters {
		all.Findings = append(all.Findings, v.Findings...)
	}
	return all, nil
}

// lookAtAll looks at clusters in parallel, within limits: an evaluated cluster can be large.
func lookAtAll(ctx context.Context, r Request, clusters []*spec.Cluster, l config.Limits, look func(*spec.Cluster) (*Vetted, error)) ([]*Vetted, error) {
	out := make([]*Vetted, len(clusters))
	guard := watch.New(l.OfProcess())
	w := newWork(len(clusters), nil, r.step("vetted"))
	err := guard.Run(ctx, func() error {
		return errors.Join(w.run(ctx, func(error) bool { return true }, func(i int, _ func(Event)) error {
			defer guard.Begin(DirOf(clusters[i]))()
			var err error
			out[i], err = look(clusters[i])
			return err
		})...)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// asOption makes an OptionError of an argument that can't name a cluster.
func asOption(err error) error {
	var dir *config.NoDirError
	var module *config.NoModuleError
	if errors.As(err, &module) || errors.As(err, &dir) && dir.IsName() {
		return &OptionError{err}
	}
	return err
}

// withoutFaulty removes the clusters that have an error, and returns their names. It
// doesn't compare names in findings, which may be redacted.
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

// OutDir returns the directory of the clusters' trees: the one that is named, or out in
// the CUE module of the clusters in args. It doesn't depend on the working directory:
// another place would mean another CA. It returns an OptionError if the clusters lie in
// several modules.
func OutDir(named string, args []string) (string, error) {
	return homeOf(named, args, "out", "name a directory for their trees with --out")
}

// homeOf returns a directory of trees: the one that is named, or that of the default name in
// the CUE module of the clusters in args. hint is for clusters of several modules.
func homeOf(named string, args []string, name, hint string) (string, error) {
	if named != "" {
		return named, nil
	}
	roots := moduleRoots(".", args)
	switch len(roots) {
	case 0:
		return name, nil // Load returns an error: no module
	case 1:
		for _, root := range roots {
			return filepath.Join(root, name), nil
		}
	}
	return "", badOption("these clusters lie in several CUE modules: " + hint)
}

// moduleRoots returns the roots of the CUE modules of arguments by their absolute names, as
// relative as the arguments or the working directory.
func moduleRoots(cwd string, args []string) map[string]string {
	roots := map[string]string{}
	for _, arg := range args {
		dir := filepath.Clean(strings.TrimSuffix(filepath.ToSlash(arg), "..."))
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(cwd, dir)
		}
		if fi, err := os.Stat(dir); err != nil || !fi.IsDir() {
			dir = cwd // a cluster's name, or an error that Load returns
		}
		addRoot(roots, dir)
	}
	if len(args) == 0 {
		addRoot(roots, cwd)
	}
	return roots
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

// outFor returns the directory of a cluster's tree that vet looks at; "" for none.
func (r Request) outFor(cwd string, c *spec.Cluster) string {
	if r.stateless {
		return ""
	}
	return cmp.Or(r.Out, outOf(cwd, c))
}

// outOf returns the default directory of a cluster's tree, relative to cwd if that is
// shorter, or "" without a module.
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

// IsDefaultOut reports whether out is where commands look for a cluster's tree without
// --out.
func IsDefaultOut(c *spec.Cluster, out string) bool {
	dir, err := OutDir("", []string{DirOf(c)})
	return err == nil && filepath.Clean(dir) == filepath.Clean(out)
}

// DirOf returns a cluster's directory as an argument: "./dir" below the working
// directory, absolute elsewhere.
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

// CompareLayouts compares what each node starts as a unit and as a static pod, if that is
// asked for.
func (l *Loaded) CompareLayouts(asked bool) ([]Layouts, error) {
	var out []Layouts
	if !asked {
		return nil, nil
	}
	for _, v := range l.Clusters {
		all, err := readback.CompareLayouts(v.Cluster)
		if err != nil {
			return nil, err
		}
		out = append(out, all...)
	}
	return out, nil
}

// Report is the outcome in the form of JSON.
func (l *Loaded) Report(both []Layouts) any {
	doc := struct {
		Clusters []string          `json:"clusters"`
		Skipped  []Skipped         `json:"skipped"`
		Findings []finding.Finding `json:"findings"`
		Since    *Since            `json:"newSince,omitempty"`
		Layouts  []Layouts         `json:"layouts,omitempty"`
		Nodes    []*NodesSeen      `json:"nodes,omitempty"`
		Rules    []ownRule         `json:"rules,omitempty"`
	}{[]string{}, append([]Skipped{}, l.Skipped...), append([]finding.Finding{}, l.Findings...), l.Since, both, l.nodesSeen(), l.ownRules()}
	doc.Clusters = append(doc.Clusters, l.names()...)
	return doc
}
