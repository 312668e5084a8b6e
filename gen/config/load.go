// Package config turns CUE into clusters: it loads packages, unifies them with the
// schema, and explains errors, with positions.
package config

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
	"github.com/kcmgen/kcmgen/internal/watch"
)

// Result is the result of Load.
type Result struct {
	Clusters []*spec.Cluster // sorted by name
	Skipped  []Skipped
	Findings []finding.Finding // errors in the CUE; Clusters lacks their clusters
	// ByDir are the findings by the absolute directory of their package: names of clusters
	// can be computed, duplicate, or secret.
	ByDir map[string][]finding.Finding
}

// Skipped is a package without a cluster, and why it was skipped.
type Skipped struct {
	Dir    string `json:"dir"`
	Reason string `json:"reason"`
}

// NoDirError is the error of an argument that names no directory and no cluster.
type NoDirError struct {
	Name string
	Err  error
}

func (e *NoDirError) Error() string { return fmt.Sprintf("reading cluster: %s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *NoDirError) Unwrap() error { return e.Err }

// Options of Load.
type Options struct {
	// Version of this program, to compare with that of a vendored vocabulary.
	Version string
	// Progress, if it isn't nil, is called after each package. Calls don't overlap.
	Progress func(done, total int)
	// Overlay are files that replace those on disk, by absolute name.
	Overlay map[string][]byte
	// Kept keeps evaluations between runs, of the program that Program identifies. Nothing
	// is kept without one of them.
	Kept    Kept
	Program string
	// Rules has what the organisation's own rules need; nil: they aren't applied.
	Rules *RuleOptions
	// Leave are packages that aren't evaluated, by their absolute directory: the caller knows
	// of them what it needs.
	Leave map[string]bool
	// Found is what DependsOf found for the same arguments; nil: Load looks itself.
	Found *Found
	// Limits of the evaluation of one package; DefaultLimits, where a field is 0.
	Limits Limits
}

// Load evaluates the packages that args name, relative to the directory cwd. An
// argument is a directory, one followed by /... for all packages below it, or the name
// of a cluster in the CUE module around cwd. Without arguments it evaluates every
// package of that module. Packages are evaluated in parallel. No registry is used.
//
// Errors in the CUE are findings. Load returns a NoDirError for an argument that names
// nothing, a NoModuleError outside a module, and errors of reading.
//
// A package that takes too much time or memory is a finding too, if it is evaluated in a
// child; otherwise Load returns a LimitError, and the program must end.
func Load(ctx context.Context, cwd string, args []string, o Options) (*Result, error) {
	l := newLoader(cwd, o)
	ctx, cancel := context.WithCancel(ctx)
	var res *Result
	err := l.watch.Run(ctx, func() (err error) {
		res, err = l.load(ctx, args)
		return err
	})
	cancel()
	l.children.Lock() // they are killed now, if any are left, and no more are started
	defer l.children.Unlock()
	if err != nil {
		return nil, err
	}
	return res, nil
}

func (l *loader) load(ctx context.Context, args []string) (*Result, error) {
	var f *finder
	var err error
	if before := l.opts.Found; before != nil {
		f, args = before.finder, before.args
		f.loader = l
	} else if f, args, err = l.find(args); err != nil {
		return nil, err
	}
	res := f.res
	outcomes, err := l.evaluate(ctx, f.places)
	if err != nil {
		return nil, err
	}
	if err := res.collect(l, args, f, outcomes); err != nil {
		return nil, err
	}
	slices.SortStableFunc(res.Clusters, func(a, b *spec.Cluster) int { return strings.Compare(a.Name, b.Name) })
	res.sameNames()
	res.Findings = finding.EnsureMessages(res.Findings)
	return res, nil
}

// find finds the packages that args name; all of the module if there are none. It also
// returns the arguments that it looked for.
func (l *loader) find(args []string) (*finder, []string, error) {
	if len(args) == 0 {
		root, ok := moduleRoot(l.cwd)
		if !ok {
			return nil, nil, &NoModuleError{l.cwd}
		}
		args = []string{root + "/..."}
	}
	f := &finder{loader: l, seen: map[string]bool{}, res: &Result{ByDir: map[string][]finding.Finding{}}}
	for i, arg := range args {
		if err := f.argument(i, arg); err != nil {
			return nil, nil, err
		}
	}
	return f, args, nil
}

// loader is the state that the steps of a Load share.
type loader struct {
	cwd    string
	opts   Options
	cache  *fileCache // of all files that CUE reads
	rough  roughFiles
	copies copies

	watch    *watch.Watch
	children sync.Mutex // held while there are children
	serves   bool       // in a child
}

func newLoader(cwd string, o Options) *loader {
	o.Limits = o.Limits.orDefault()
	out := &loader{
		cwd: cwd, opts: o, cache: newFileCache(regular.NewBudget(MaxFile, maxSum)), rough: roughFiles{}, copies: copies{of: map[string]readCopy{}},
		watch: watch.New(o.Limits.OfProcess()),
	}
	if o.Found != nil {
		out.cache, out.rough = o.Found.loader.cache, o.Found.loader.rough
	}
	return out
}

// collect adds the outcomes to the result. It returns an error for an argument that is
// the name of no cluster.
func (res *Result) collect(l *loader, args []string, f *finder, outcomes []outcome) error {
	found := map[int]bool{} // arguments with a cluster or a finding
	copies := map[string]bool{}
	for i, o := range outcomes {
		p := f.places[i]
		if o.other {
			continue
		}
		found[p.arg] = found[p.arg] || o.isCluster || len(o.findings) > 0
		res.addFindings(o.dir(p), slices.Concat(o.differs, o.findings)...)
		for _, d := range o.differs { // once for shared files
			if d.Cluster != "" || !copies[d.Pos.File] {
				copies[d.Pos.File] = true
				res.Findings = append(res.Findings, d)
			}
		}
		res.Findings = append(res.Findings, o.findings...)
		if o.skipped != "" {
			res.Skipped = append(res.Skipped, l.skipped(p, o.skipped)...)
		}
		if o.cluster != nil && l.opts.Rules != nil && !o.cluster.Own.Applied {
			f := notApplied(o.cluster)
			res.Findings = append(res.Findings, f)
			res.addFindings(o.dir(p), f)
		}
		if o.cluster != nil {
			res.Clusters = append(res.Clusters, o.cluster)
		}
	}
	res.Skipped = append(res.Skipped, f.unusedShared(outcomes)...)
	slices.SortStableFunc(res.Skipped, func(a, b Skipped) int { return strings.Compare(a.Dir, b.Dir) })
	for i, arg := range args {
		if dir, deep := f.deep[i]; deep && !found[i] && len(res.Findings) == 0 {
			res.Findings = append(res.Findings, l.noCluster(dir, "no package below this directory has a field \"cluster\""))
		}
		if f.named[i] && !found[i] {
			return &NoDirError{arg, errNoName}
		}
	}
	return nil
}

// addFindings adds findings to those of a package's directory.
func (res *Result) addFindings(dir string, found ...finding.Finding) {
	if len(found) > 0 {
		res.ByDir[dir] = append(res.ByDir[dir], finding.EnsureMessages(found)...)
	}
}

// sameNames adds findings for clusters with the same name.
func (res *Result) sameNames() {
	cs := res.Clusters
	for i := 1; i < len(cs); i++ {
		a, b := cs[i-1], cs[i]
		if a.Name != b.Name {
			continue
		}
		f := finding.Finding{
			Rule: "cluster-name-duplicate", Severity: finding.Error, Cluster: b.Name, Field: "name",
			Pos: b.Source.At("name"), Also: []finding.Pos{a.Source.At("name")},
			Message:  fmt.Sprintf("two clusters have the name %q", b.Name),
			Expected: "names that differ: each is a directory below out/",
			Hint:     "rename one, or name the directory of the one you mean",
		}
		f = b.Embedded.Finding(a.Embedded.Finding(f))
		res.Findings = append(res.Findings, f)
		res.addFindings(a.Dir, f)
		res.addFindings(b.Dir, f)
	}
}

// rel makes a path relative to cwd if that is shorter.
func (l *loader) rel(path string) string {
	if own, ok := ownSchema(path); ok {
		return own
	}
	if r, err := filepath.Rel(l.cwd, path); err == nil && len(r) < len(path) {
		return r
	}
	return path
}

func (l *loader) noCluster(dir, why string) finding.Finding {
	return finding.Finding{
		Rule: "cue-no-cluster", Severity: finding.Error, Pos: finding.Pos{File: l.rel(dir)},
		Message:  why,
		Expected: "cluster: schemas.#Cluster & {…}",
		Hint:     "name the directory of a cluster's package, or a directory above it followed by /...",
	}
}

func noModule(dir string) finding.Finding {
	return finding.Finding{
		Rule: "cue-module", Severity: finding.Error, Pos: finding.Pos{File: dir},
		Message:  "not inside a CUE module",
		Expected: "a directory cue.mod here or above",
		Hint:     "type: kcmgen init DIR",
	}
}
