package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
	"cuelang.org/go/mod/modfile"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/vendoring"
	"github.com/kcmgen/kcmgen/internal/regular"
	"github.com/kcmgen/kcmgen/schemas"
)

// schemaPath is the import path of the vocabulary, kcmgen's schema.
const schemaPath = schemas.Path

// parseFile parses a CUE file unless it is too large.
func parseFile(name string, src any, cfg parser.Config) (*ast.File, error) {
	if b, ok := src.([]byte); ok && len(b) > MaxFile {
		at := token.NewFile(name, -1, len(b)).Pos(0, token.NoRelPos)
		return nil, errors.Newf(at, "file is too large: %d MB, at most %d", len(b)>>20, MaxFile>>20)
	}
	return parser.ParseFile(name, src, cfg)
}

// overlay returns this program's vocabulary for a module that has none, or only a part
// of one, under the names that a vendored copy would have.
func (l *loader) overlay(root string) map[string][]byte {
	dir := filepath.Join(root, filepath.FromSlash(vendoring.Dir))
	if ProvidesSchema(root) {
		if c := l.copies.read(dir); c.err != nil || !c.Partial {
			return nil
		}
	}
	return replacement(dir)
}

// Vendored reads the copy of the vocabulary in a directory.
func Vendored(dir string) ([]vendoring.File, error) {
	return vendoring.Read(boundedDir{dir, regular.NewBudget(MaxFile, maxSum)})
}

// boundedDir is an fs.FS of a directory with regular files only, within a budget.
type boundedDir struct {
	dir    string
	budget *regular.Budget
}

// Open is fs.FS.Open.
func (b boundedDir) Open(name string) (fs.File, error) {
	at := filepath.Join(b.dir, filepath.FromSlash(name))
	if fi, err := os.Stat(at); err == nil && fi.IsDir() {
		return os.Open(at)
	}
	data, err := b.budget.Read(at)
	if err != nil {
		return nil, err
	}
	return &openFile{bytes.NewReader(data), at, int64(len(data))}, nil
}

// ReadFile is fs.ReadFileFS.ReadFile.
func (b boundedDir) ReadFile(name string) ([]byte, error) {
	return b.budget.Read(filepath.Join(b.dir, filepath.FromSlash(name)))
}

func sources(dir string) map[string][]byte {
	out := map[string][]byte{}
	for _, f := range vendoring.Ours() {
		out[filepath.Join(dir, filepath.FromSlash(f.Name))] = f.Data
	}
	return out
}

// ProvidesSchema reports whether a module has the vocabulary: it is kcmgen's own, has it
// as a dependency, or holds a copy.
func ProvidesSchema(root string) bool {
	if f := readModule(root); f != nil {
		if isOurs(f.Module) || slices.ContainsFunc(slices.Collect(maps.Keys(f.Deps)), isOurs) {
			return true
		}
	}
	return hasCUE(filepath.Join(root, filepath.FromSlash(vendoring.Dir)))
}

// isOurs reports whether a module path, with or without a version, is kcmgen's.
func isOurs(module string) bool {
	before, _, _ := strings.Cut(module, "@")
	return before == path.Dir(schemaPath)
}

// readModule reads a module's file; it returns nil if it can't, which the loader reports.
func readModule(root string) *modfile.File {
	name := filepath.Join(root, "cue.mod", "module.cue")
	data, err := regular.Read(name, MaxFile)
	if err != nil {
		return nil
	}
	f, err := modfile.ParseNonStrict(data, name)
	if err != nil {
		return nil
	}
	return f
}

// moduleLanguage is the version of CUE's language in new modules.
const moduleLanguage = "v0.15.0"

// CheckModule returns an error unless a path is valid for a CUE module.
func CheckModule(module string) error {
	_, err := modfile.Parse(fmt.Appendf(nil, "module: %q\nlanguage: version: %q\n", module, moduleLanguage), "cue.mod/module.cue")
	return err
}

// replacement returns files that replace the copy of the vocabulary in dir with this
// program's.
func replacement(dir string) map[string][]byte {
	out := map[string][]byte{}
	for _, f := range vendoring.Ours() { // files that only the copy has become empty
		directory := filepath.Join(dir, filepath.FromSlash(path.Dir(f.Name)))
		for _, name := range cueFiles(directory) {
			out[name] = []byte("package " + packageName(f.Name) + "\n")
		}
	}
	for name, source := range sources(dir) {
		out[name] = source
	}
	return out
}

// packageName returns the package of a file of the vocabulary.
func packageName(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return path.Base(schemaPath)
}

// ownSchema reports whether a file is part of the overlay and not on disk, and returns a
// name to show.
func ownSchema(name string) (string, bool) {
	_, rest, own := strings.Cut(name, filepath.FromSlash(vendoring.Dir)+string(filepath.Separator))
	if own {
		_, err := os.Stat(name)
		own = os.IsNotExist(err)
	}
	return "kcmgen:schemas/" + filepath.ToSlash(rest), own
}

// changedDefaults reports values that differ between the cluster's copy of the
// vocabulary and this program's. They are errors if the copy was edited.
func changedDefaults(theirs, ours []byte, ex *explainer, d *drift) []finding.Finding {
	var a, b any
	if json.Unmarshal(theirs, &a) != nil || json.Unmarshal(ours, &b) != nil {
		return nil // reported already
	}
	var out []finding.Finding
	differences(nil, a, b, func(labels []string, was, is any) {
		field := finding.Path(labels...)
		f := finding.Finding{
			Rule: "schema-default", Severity: finding.Warning, Cluster: ex.cluster, Field: field, Pos: ex.source.At(field), Also: []finding.Pos{d.Pos},
			Message:  fmt.Sprintf("%s is %v by the vendored vocabulary, and %v by this kcmgen's, which is what counts", field, was, is),
			Expected: "a value in the cluster itself, or the same vocabulary",
			Hint:     d.Hint,
		}
		if d.edited {
			f.Severity = finding.Error
		}
		out = append(out, f)
	})
	return out
}

// differences calls found for the scalars and lists that differ at a path that both
// values have, in the order of the paths.
func differences(at []string, a, b any, found func(at []string, a, b any)) {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(a)) {
			if other, has := b[name]; ok && has {
				differences(syntax.With(at, name), a[name], other, found)
			}
		}
	case []any:
		if !reflect.DeepEqual(a, b) {
			found(at, a, b)
		}
	default:
		if a != b {
			found(at, a, b)
		}
	}
}

// drift is the finding of a vocabulary that differs from this program's.
type drift struct {
	finding.Finding
	edited bool // by hand
}

// drift returns how the vocabulary that a package imports differs from this program's;
// nil if it doesn't.
func (l *loader) drift(schema *build.Instance) *drift { return l.driftIn(schemaDir(schema)) }

// copies caches copies of the vocabulary, by directory: several places ask, and a copy
// has many files.
type copies struct {
	mu sync.Mutex
	of map[string]readCopy
}

type readCopy struct {
	vendoring.Copy
	err error
}

func (c *copies) read(dir string) readCopy {
	c.mu.Lock()
	defer c.mu.Unlock()
	got, ok := c.of[dir]
	if !ok {
		files, err := Vendored(dir)
		got = readCopy{err: err}
		if err == nil {
			got.Copy = vendoring.Inspect(files)
		}
		c.of[dir] = got
	}
	return got
}

// driftIn is drift for the vocabulary in a directory.
func (l *loader) driftIn(dir string) *drift {
	if _, err := os.Stat(dir); err != nil {
		return nil // the overlay
	}
	switch c := l.copies.read(dir); {
	case c.err != nil:
		return &drift{finding.Finding{Rule: "schema-differs", Severity: finding.Error, Pos: finding.Pos{File: l.rel(dir)}, Message: c.err.Error()}, false}
	case c.Current():
		return nil
	default:
		return &drift{l.explainDrift(dir, c.Copy), len(c.Edited) > 0}
	}
}

// schemaDir returns the root directory of the imported copy of the vocabulary. It
// ignores the site's own constraints in cue.mod/usr, which are loaded with it.
func schemaDir(schema *build.Instance) string {
	dir := schema.Dir
	for _, f := range schema.BuildFiles {
		if !strings.Contains(filepath.ToSlash(f.Filename), "/"+vendoring.UsrDir+"/") {
			dir = filepath.Dir(f.Filename)
			break
		}
	}
	if _, typed := schemas.MinorOf(schema.ImportPath); typed {
		return filepath.Dir(dir)
	}
	return dir
}

func (l *loader) explainDrift(dir string, c vendoring.Copy) finding.Finding {
	f := finding.Finding{
		Rule: "schema-differs", Severity: finding.Warning, Pos: finding.Pos{File: l.rel(dir)},
		Expected: "the vocabulary of this kcmgen, " + l.opts.Version,
		Hint:     "type: kcmgen schema vendor",
	}
	vendored := strings.HasSuffix(filepath.ToSlash(dir), "/"+vendoring.Dir)
	switch {
	case vendored && c.Newer(l.opts.Version):
		f.Rule, f.Severity = "schema-newer", finding.Error
		f.Message = fmt.Sprintf("the vendored vocabulary is that of kcmgen %s, newer than this one", c.Version)
		f.Expected = "kcmgen " + c.Version + " or newer"
		f.Hint = "type: go install github.com/kcmgen/kcmgen/cmd/kcmgen@" + c.Version
	case c.Partial:
		f.Message = "the vendored vocabulary is no longer whole: " + changed(c)
	case vendored && len(c.Edited) > 0:
		f.Pos.File = l.rel(filepath.Join(dir, filepath.FromSlash(c.Edited[0])))
		f.Message = "the vendored vocabulary was edited: " + strings.Join(c.Edited, ", ")
		f.Hint = "constraints of your own go to " + vendoring.UsrDir + "; then type: kcmgen schema vendor --force"
	case !vendored:
		f.Message = "the vocabulary here differs from this kcmgen's: " + changed(c)
		f.Hint = "build kcmgen from this checkout"
	case c.Version == l.opts.Version: // development builds
		f.Message = "the vendored vocabulary is another build's of this version: " + changed(c)
	default:
		f.Message = fmt.Sprintf("the vendored vocabulary is that of kcmgen %s", c.Version)
	}
	return f
}

func changed(c vendoring.Copy) string {
	var names []string
	for _, ch := range c.Changes() {
		names = append(names, ch.Name+" "+ch.What)
	}
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return strings.Join(names, ", ")
}

// schemaOf returns the package of the vocabulary that a package imports, directly or
// not; nil if there is none. That of a minor version comes before the base, which a file
// in a directory above may import.
func schemaOf(inst *build.Instance) *build.Instance {
	var base *build.Instance
	for _, dep := range inst.Imports {
		found := dep
		if !isSchema(dep.ImportPath) {
			found = schemaOf(dep)
		}
		if found == nil {
			continue
		}
		if _, typed := schemas.MinorOf(found.ImportPath); typed {
			return found
		}
		base = cmp.Or(base, found)
	}
	return base
}

// isSchema reports whether an import path is the vocabulary's base or the package of a
// minor version, with or without a module version.
func isSchema(importPath string) bool {
	rest, ok := strings.CutPrefix(importPath, schemaPath)
	_, typed := schemas.MinorOf(importPath)
	return ok && (rest == "" || rest[0] == '@' || rest[0] == ':' || typed)
}
