package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

var errNoName = errors.New("no such directory, and no cluster of this CUE module has that name")

// ErrNoModule is the error of a cluster's name outside any CUE module.
var ErrNoModule = errors.New("no such directory, and this is not inside a CUE module, whose clusters have names")

// IsName reports whether the argument could only be a cluster's name, and no cluster
// has it.
func (e *NoDirError) IsName() bool { return e.Err == errNoName || e.Err == ErrNoModule }

// place is a directory to load as a package.
type place struct {
	dir, root string // of the package, of its module
	arg       int    // index of the argument that named it
	deep      bool   // found by a pattern or a name: it may be no cluster's
	name      string // of the cluster that was asked for; "" for any
}

// finder finds the places that arguments name.
type finder struct {
	*loader
	places []place
	seen   map[string]bool
	deep   map[int]string // directories of the arguments that are patterns
	named  map[int]bool   // arguments that are names
	// shared maps directories to the directories below them with the same package.
	shared map[string][]string
	res    *Result
}

func (f *finder) argument(i int, arg string) error {
	dir, deep := strings.CutSuffix(filepath.ToSlash(arg), "/...")
	if arg == "..." {
		dir, deep = ".", true
	}
	called := dir // as the user wrote it
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(f.cwd, filepath.FromSlash(dir))
	}
	fi, err := os.Stat(dir)
	switch {
	case !deep && spec.IsName(arg) && (errors.Is(err, fs.ErrNotExist) || err == nil && fi.IsDir() && !hasCUE(dir)):
		return f.name(i, arg)
	case err != nil:
		return &NoDirError{called, errors.Unwrap(err)}
	case !fi.IsDir():
		return &NoDirError{called, errors.New("it is a file; a cluster is named by the directory of its package")}
	}
	root, ok := moduleRoot(dir)
	switch {
	case !ok:
		f.add(noModule(f.rel(dir)))
	case deep:
		return f.below(place{dir: dir, root: root, arg: i, deep: true})
	case !hasCUE(dir):
		f.add(f.noCluster(dir, "no CUE files in this directory"))
	default:
		f.place(place{dir: dir, root: root, arg: i})
	}
	return nil
}

// name looks for a cluster by its name in the module around cwd.
func (f *finder) name(i int, name string) error {
	root, ok := moduleRoot(f.cwd)
	if !ok {
		return &NoDirError{name, ErrNoModule}
	}
	if f.named == nil {
		f.named = map[int]bool{}
	}
	f.named[i] = true
	return f.below(place{dir: root, root: root, arg: i, deep: true, name: name})
}

// below adds all packages from p.dir down, as CUE's own pattern does, except those that
// packages below them include: CUE unifies a package with the files of the same package
// name in the directories above it.
func (f *finder) below(p place) error {
	if f.deep == nil {
		f.deep = map[int]string{}
	}
	if p.name == "" {
		f.deep[p.arg] = p.dir
	}
	var dirs []string
	err := walk(p.dir, func(dir string, _ []string) { dirs = append(dirs, dir) }, func(dir string, err error) {
		if p.name == "" {
			f.res.Skipped = append(f.res.Skipped, Skipped{f.rel(dir), errors.Unwrap(err).Error()})
		}
	})
	if err != nil {
		return err
	}
	parents := f.sharedWithBelow(dirs)
	for _, dir := range dirs {
		if parents[dir] != nil {
			if p.name == "" && !f.seen[dir] {
				f.share(dir, parents[dir])
				f.seen[dir] = true
			}
			continue
		}
		p.dir = dir
		if p.name == "" {
			f.place(p)
			continue
		}
		// Only a name that isn't a literal needs an evaluation.
		switch name, plain := f.rough.clusterName(p); {
		case plain && name == p.name:
			f.place(place{dir: dir, root: p.root, arg: p.arg})
		case !plain:
			f.place(p)
		}
	}
	return nil
}

func (f *finder) share(dir string, below []string) {
	if f.shared == nil {
		f.shared = map[string][]string{}
	}
	f.shared[dir] = below
}

// unusedShared returns the shared directories that no cluster includes.
func (f *finder) unusedShared(outcomes []outcome) []Skipped {
	used := map[string]bool{}
	for i, o := range outcomes {
		used[f.places[i].dir] = o.isCluster || len(o.findings) > 0
	}
	var out []Skipped
	for dir, below := range f.shared {
		if !slices.ContainsFunc(below, func(b string) bool { return used[b] }) {
			out = append(out, Skipped{f.rel(dir), "shared by the packages below it, of which none is a cluster"})
		}
	}
	return out
}

func (f *finder) place(p place) {
	key := p.dir + "\x00" + p.name
	if !f.seen[p.dir] && !f.seen[key] {
		f.seen[key] = true
		if p.name == "" {
			f.seen[p.dir] = true
		}
		f.places = append(f.places, p)
	}
}

func (f *finder) add(found finding.Finding) { f.res.Findings = append(f.res.Findings, found) }

// ModuleRoot returns the root of the CUE module around a directory, relative if dir is.
// It returns a NoModuleError if there is none.
func ModuleRoot(dir string) (string, error) {
	root, ok := moduleRoot(dir)
	if !ok {
		return "", &NoModuleError{dir}
	}
	if abs, err := filepath.Abs(dir); err == nil && !filepath.IsAbs(dir) {
		if rel, err := filepath.Rel(abs, root); err == nil {
			return filepath.Join(dir, rel), nil
		}
	}
	return root, nil
}

// NoModuleError is the error of a directory outside any CUE module.
type NoModuleError struct{ Dir string }

func (e *NoModuleError) Error() string { return e.Dir + " is not inside a CUE module" }

func moduleRoot(dir string) (string, bool) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false
	}
	for {
		if fi, err := os.Stat(filepath.Join(dir, "cue.mod")); err == nil && fi.IsDir() {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// sharedWithBelow maps directories to the directories below them with the same package.
func (l *loader) sharedWithBelow(dirs []string) map[string][]string {
	packages := map[string]map[string]bool{}
	for _, dir := range dirs {
		packages[dir] = l.rough.packages(dir)
	}
	out := map[string][]string{}
	for _, dir := range dirs {
		for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
			for name := range packages[dir] {
				if packages[up][name] {
					out[up] = append(out[up], dir)
					break
				}
			}
		}
	}
	return out
}
