// Package config turns CUE into clusters: it loads packages, unifies them with
// the schema, and explains what doesn't fit with positions.
package config

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Result is what a set of packages holds.
type Result struct {
	Clusters []*spec.Cluster // sorted by name
	Skipped  []Skipped
	Findings []finding.Finding // faults in the CUE; their clusters are missing above
	// Of are the findings by the absolute directory of the package that has them: names
	// of clusters can be computed, twice the same, or not for showing.
	Of map[string][]finding.Finding
}

// Skipped is a package that is no cluster.
type Skipped struct {
	Dir    string `json:"dir"`
	Reason string `json:"reason"`
}

// NoDirError is an argument that names no directory and no cluster.
type NoDirError struct {
	Name string
	Err  error
}

func (e *NoDirError) Error() string { return fmt.Sprintf("reading cluster: %s: %v", e.Name, e.Err) }

// Unwrap is the cause.
func (e *NoDirError) Unwrap() error { return e.Err }

// Options of Load.
type Options struct {
	// Version of this program, to compare with that of a vendored vocabulary.
	Version string
	// Progress, if there is one, hears how many packages of how many are done.
	// It isn't called by two at once.
	Progress func(done, total int)
	// Overlay holds files that count instead of those on disk, by absolute name.
	Overlay map[string][]byte
}

// Load evaluates the packages that args name, seen from the directory cwd. An
// argument is a directory, one followed by /... for all packages below it, or the
// name of a cluster in the CUE module around cwd. None means every package of
// that module. Packages are evaluated in parallel. It reads files only: no
// registry is asked.
//
// Faults of the input come back as findings, not as an error; the error is for
// what can't be read.
func Load(ctx context.Context, cwd string, args []string, o Options) (*Result, error) {
	res := &Result{Of: map[string][]finding.Finding{}}
	l := &loader{cwd: cwd, opts: o, shelf: newShelf(regular.NewBudget(MaxFile, maxSum)), rough: roughFiles{}}
	if len(args) == 0 {
		root, ok := moduleRoot(cwd)
		if !ok {
			return nil, &NoModuleError{cwd}
		}
		args = []string{root + "/..."}
	}
	f := &finder{loader: l, seen: map[string]bool{}, res: res}
	for i, arg := range args {
		if err := f.argument(i, arg); err != nil {
			return nil, err
		}
	}
	outcomes, err := l.evaluate(ctx, f.places)
	if err != nil {
		return nil, err
	}
	if err := res.collect(l, args, f, outcomes); err != nil {
		return nil, err
	}
	slices.SortStableFunc(res.Clusters, func(a, b *spec.Cluster) int { return strings.Compare(a.Name, b.Name) })
	res.sameNames()
	res.Findings = finding.Worded(res.Findings)
	return res, nil
}

// loader is what the steps of a Load have in common.
type loader struct {
	cwd   string
	opts  Options
	shelf *shelf // of all files that CUE reads
	rough roughFiles
}

// collect puts the outcomes together in the order of the arguments.
func (res *Result) collect(l *loader, args []string, f *finder, outcomes []outcome) error {
	found := map[int]bool{} // arguments with a cluster or a fault
	copies := map[string]bool{}
	for i, o := range outcomes {
		p := f.places[i]
		if o.other {
			continue
		}
		found[p.arg] = found[p.arg] || o.isCluster || len(o.findings) > 0
		res.blame(o.dir(p), slices.Concat(o.differs, o.findings)...)
		for _, d := range o.differs { // of files that several share: once
			if d.Cluster != "" || !copies[d.Pos.File] {
				copies[d.Pos.File] = true
				res.Findings = append(res.Findings, d)
			}
		}
		res.Findings = append(res.Findings, o.findings...)
		if o.skipped != "" {
			res.Skipped = append(res.Skipped, Skipped{Dir: l.rel(p.dir), Reason: o.skipped})
		}
		if o.cluster != nil {
			res.Clusters = append(res.Clusters, o.cluster)
		}
	}
	res.Skipped = append(res.Skipped, f.sharedByNone(outcomes)...)
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

// blame notes whose findings these are.
func (res *Result) blame(dir string, found ...finding.Finding) {
	if len(found) > 0 {
		res.Of[dir] = append(res.Of[dir], finding.Worded(found)...)
	}
}

// sameNames adds the findings of clusters that have one name.
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
		res.blame(a.Dir, f)
		res.blame(b.Dir, f)
	}
}

// rel shortens a path for people: relative to cwd where that is shorter.
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
