package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"cuelang.org/go/cue/ast"
	cueerrors "cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/mod/modfile"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// MaxFile is the maximum size of a CUE file in bytes; 5,000 nodes take half a megabyte.
// maxSum is the maximum of all files that a Load reads.
const (
	MaxFile = 10 << 20
	maxSum  = 64 << 20
)

// fileCache caches the CUE files of directories. CUE gets these instead of the files on
// disk, since it would wait for a fifo, and read a device without end. A fileCache is
// safe for concurrent use.
type fileCache struct {
	budget  *regular.Budget
	mu      sync.Mutex
	dirs    map[string]*directory
	modules map[string]parsedModule      // by the contents of their files
	sums    map[string][sha256.Size]byte // by name
}

func newFileCache(budget *regular.Budget) *fileCache {
	return &fileCache{budget: budget, dirs: map[string]*directory{}, modules: map[string]parsedModule{}, sums: map[string][sha256.Size]byte{}}
}

// sum returns the SHA-256 of a file of the cache.
func (s *fileCache) sum(name string, data []byte) [sha256.Size]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum, ok := s.sums[name]
	if !ok {
		sum = sha256.Sum256(data)
		s.sums[name] = sum
	}
	return sum
}

// parsedModule is a parsed cue.mod/module.cue.
type parsedModule struct {
	file *modfile.File // not to be changed
	err  error
}

// module parses a module's file; each is parsed once.
func (s *fileCache) module(name string, data []byte) (*modfile.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := name + "\x00" + string(data)
	m, ok := s.modules[key]
	if !ok {
		m.file, m.err = modfile.ParseNonStrict(data, name)
		s.modules[key] = m
	}
	return m.file, m.err
}

// directory is what CUE would read in a directory.
type directory struct {
	files   map[string][]byte // its CUE files by absolute name
	library map[string]bool   // of these, those that import packages of CUE's own
	hidden  []string          // names that CUE would open and must not
	imports []string
	faults  []fault
}

// fault is a file that can't be read in bounded time and space.
type fault struct {
	name string
	err  error
}

// directory reads a directory; it returns nil if it can't.
func (s *fileCache) directory(dir string) *directory {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.dirs[dir]
	if !ok {
		f = s.look(dir)
		s.dirs[dir] = f
	}
	return f
}

func (s *fileCache) look(dir string) *directory {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // loading reports it
	}
	f := &directory{files: map[string][]byte{}, library: map[string]bool{}}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.IsDir() {
			continue
		}
		if filepath.Ext(name) != ".cue" || hidden(e.Name()) {
			if mustHide(name) {
				f.hidden = append(f.hidden, name)
			}
			continue
		}
		data, err := s.budget.Read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			f.faults = append(f.faults, fault{name, errors.New("the link leads nowhere")})
		case err != nil:
			f.faults = append(f.faults, fault{name, unnamed(err)})
		default:
			imports, err := importsOf(name, data)
			if err != nil {
				f.faults = append(f.faults, fault{name, err})
				continue
			}
			f.files[name] = data
			f.imports = append(f.imports, imports...)
			f.library[name] = slices.ContainsFunc(imports, isLibrary)
		}
	}
	return f
}

// knownExts are the extensions by which CUE knows types of files. It opens such files,
// needlessly here.
var knownExts = []string{
	".cue", ".json", ".jsonl", ".ldjson", ".ndjson", ".yaml", ".yml", ".toml", ".txt", ".go",
	".proto", ".textproto", ".textpb", ".pb", ".binpb", ".wasm", ".xml",
}

// mustHide reports whether CUE would open something that isn't a regular file. A link
// to a directory may be a package.
func mustHide(name string) bool {
	fi, err := os.Stat(name)
	switch {
	case err != nil:
		return true
	case fi.IsDir():
		return slices.Contains(knownExts, filepath.Ext(name))
	}
	return !fi.Mode().IsRegular()
}

// maxImports is the maximum size in bytes of a file's begin with its imports, and their
// maximum number: several directories are read for each.
const (
	maxImportBytes = 1 << 20
	maxImports     = 1000
)

var errImports = fmt.Errorf("it begins with more than %d imports, or with more than %d MB of imports or of one label", maxImports, maxImportBytes>>20)

// importsOf returns the import paths of a file; none if it has errors, which loading
// reports.
func importsOf(name string, data []byte) ([]string, error) {
	file, err := parser.ParseFile(name, data[:min(len(data), maxImportBytes)], parser.ImportsOnly)
	if file == nil || err != nil {
		switch first := syntaxError(err); {
		case len(data) <= maxImportBytes:
			return nil, nil
		case first == nil || first.Position().Offset() > maxImportBytes/2 || strings.Contains(first.Error(), "not terminated"):
			return nil, errImports // it may be where the rest was cut off
		default:
			return nil, fmt.Errorf("line %d: %s", first.Position().Line(), syntax.OneLine(first))
		}
	}
	var out []string
	for imported := range file.ImportSpecs() {
		if p, err := strconv.Unquote(imported.Path.Value); err == nil {
			out = append(out, ast.ParseImportPath(p).Path)
		}
	}
	if len(out) > maxImports {
		return nil, errImports
	}
	return out, nil
}

// isLibrary reports whether an import path is a package of CUE's own, such as strings.
func isLibrary(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// syntaxError returns the first error of a parser; nil if there is none.
func syntaxError(err error) cueerrors.Error {
	if all := cueerrors.Errors(err); len(all) > 0 {
		return all[0]
	}
	return nil
}

// reach collects all files that CUE may read for packages of a module.
type reach struct {
	cache *fileCache
	root  string
	over  map[string][]byte   // replaces files on disk, by absolute name
	inDir map[string][]string // the names in over by directory
	seen  map[string]bool
	out   map[string]load.Source
	files map[string][]byte // those on disk, by absolute name; nil for a hidden one
	fault []fault
}

// reach follows the imports of packages. over replaces files on disk.
func (l *loader) reach(root string, dirs []string, over map[string][]byte) *reach {
	r := &reach{
		cache: l.cache, root: root, over: over, inDir: map[string][]string{},
		seen: map[string]bool{}, out: map[string]load.Source{}, files: map[string][]byte{},
	}
	for name, data := range over {
		r.inDir[filepath.Dir(name)] = append(r.inDir[filepath.Dir(name)], name)
		r.out[name] = load.FromBytes(data)
	}
	r.dir(filepath.Join(root, "cue.mod"))
	for _, dir := range dirs {
		r.dir(dir)
	}
	r.dropUnused()
	return r
}

// dir adds the files of a directory and of those above it, up to the module's root, as
// CUE reads them too, and then what they import.
func (r *reach) dir(dir string) {
	var imports []string
	for ; !r.seen[dir]; dir = filepath.Dir(dir) {
		r.seen[dir] = true
		if f := r.cache.directory(dir); f != nil {
			imports = append(imports, r.take(f)...)
		}
		for _, name := range r.inDir[dir] {
			more, _ := importsOf(name, r.over[name]) // kcmgen's own
			imports = append(imports, more...)
		}
		if dir == r.root || dir == filepath.Dir(dir) {
			break
		}
	}
	for _, path := range imports {
		r.path(path)
	}
}

func (r *reach) take(f *directory) []string {
	maps.Copy(r.files, f.files)
	for _, name := range f.hidden {
		r.files[name] = nil
	}
	for name, data := range f.files {
		if _, own := r.over[name]; !own {
			r.out[name] = load.FromBytes(data)
		}
	}
	for _, name := range f.hidden {
		if _, own := r.over[name]; !own {
			r.out[name] = load.FromString("")
		}
	}
	for _, fault := range f.faults {
		if _, own := r.over[fault.name]; !own {
			r.fault = append(r.fault, fault)
			r.out[fault.name] = load.FromString("")
		}
	}
	return f.imports
}

// path adds all directories that an import path may stand for: those in cue.mod, and,
// since the module's name may be any prefix of the path, those below the root.
func (r *reach) path(path string) {
	if !fs.ValidPath(path) || r.seen["import "+path] {
		return
	}
	r.seen["import "+path] = true
	at := filepath.FromSlash(path)
	for _, sub := range []string{"pkg", "usr", "gen"} {
		r.dir(filepath.Join(r.root, "cue.mod", sub, at))
	}
	for rest := at; ; {
		_, after, more := strings.Cut(rest, string(filepath.Separator))
		if !more {
			break
		}
		rest = after
		r.dir(filepath.Join(r.root, rest))
	}
}

// unreadable returns the findings of files that can't be read.
func (r *reach) unreadable(l *loader) []finding.Finding {
	var out []finding.Finding
	for _, fault := range r.fault {
		out = append(out, finding.Finding{
			Rule: "cue-unreadable", Severity: finding.Error, Pos: finding.Pos{File: l.rel(fault.name)},
			Message: fault.err.Error(), Expected: "a file of CUE",
		})
	}
	slices.SortFunc(out, func(a, b finding.Finding) int { return strings.Compare(a.Pos.File, b.Pos.File) })
	return out
}

// config returns the configuration with which CUE loads packages from dir.
func (r *reach) config(dir string) *load.Config {
	return &load.Config{
		Dir: dir, ModuleRoot: r.root, Overlay: maps.Clone(r.out),
		ParseFile: parseFile, Env: []string{"CUE_REGISTRY=none"},
	}
}
