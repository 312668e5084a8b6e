package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/inject/embed"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Why a file isn't embedded.
var (
	errOutside   = errors.New("it is outside this module")
	errExported  = errors.New("it is in a directory of kcmgen export, which holds private keys")
	errGit       = errors.New("it is in .git, which may hold credentials")
	errOther     = errors.New("it is in another module")
	errEmbedKind = errors.New("files of this type may import others")
)

// outDir is the default directory of exports.
const outDir = "out"

// embedder is the file system from which CUE embeds files. It gives access to regular
// files of the module only, after resolving links; CUE checks names only.
type embedder struct {
	budget   *regular.Budget
	root     string // of the module, links resolved
	open     *os.Root
	mu       sync.Mutex
	embedded map[string][]byte // contents by absolute name
	refused  map[string]error  // files that were not embedded, and why
}

// newEmbedder returns the embedder of a module. The caller must close it.
func newEmbedder(root string, budget *regular.Budget) (*embedder, error) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, err
	}
	open, err := os.OpenRoot(real)
	if err != nil {
		return nil, err
	}
	return &embedder{budget: budget, root: real, open: open, embedded: map[string][]byte{}, refused: map[string]error{}}, nil
}

func (e *embedder) close() { _ = e.open.Close() }

// refuse records why a file isn't embedded: CUE reports it as missing.
func (e *embedder) refuse(name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.refused[name] = err
	}
	return err
}

// attach makes CUE embed files through e, for a package and its imports.
func (e *embedder) attach(inst *build.Instance) {
	syntax.EachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		if at := f.Pos().File(); at != nil {
			volume := filepath.VolumeName(f.Filename)
			at.SetFSLoc(token.FSLoc{
				FS: &embedding{e, volume}, Path: slashed(f.Filename),
				FromFSPath: func(p string) string { return absolute(volume, p) },
			})
		}
	})
}

// absolute converts a name of an fs.FS whose root is the volume's to an absolute path;
// slashed is the inverse.
func absolute(volume, name string) string {
	return filepath.Clean(volume + string(filepath.Separator) + filepath.FromSlash(name))
}

func slashed(name string) string {
	return strings.TrimPrefix(filepath.ToSlash(name[len(filepath.VolumeName(name)):]), "/")
}

// embedding is an embedder as an fs.FS of a volume.
type embedding struct {
	*embedder
	volume string
}

// Open is fs.FS.Open.
func (e *embedding) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	at := absolute(e.volume, name)
	rel, err := e.inside(at)
	if err != nil {
		return nil, e.refuse(at, err)
	}
	if fi, err := e.open.Stat(rel); err == nil && fi.IsDir() {
		return &openDir{name: at, entries: func() ([]fs.DirEntry, error) { return e.entries(at) }}, nil
	}
	data, err := e.budget.Count(at, func() ([]byte, error) { return regular.ReadIn(e.open, rel, e.budget.File()) })
	if err != nil {
		return nil, e.refuse(at, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.embedded[at] = data
	return &openFile{bytes.NewReader(data), at, int64(len(data))}, nil
}

// Stat is fs.StatFS.Stat. CUE uses it to find the roots of other modules.
func (e *embedding) Stat(name string) (fs.FileInfo, error) {
	at := absolute(e.volume, name)
	rel, err := e.inside(at)
	if err != nil {
		return nil, e.refuse(at, err)
	}
	return e.open.Stat(rel)
}

// ReadDir is fs.ReadDirFS.ReadDir. It lists no directories from which nothing may be
// embedded.
func (e *embedding) ReadDir(name string) ([]fs.DirEntry, error) {
	return e.entries(absolute(e.volume, name))
}

func (e *embedding) entries(at string) ([]fs.DirEntry, error) {
	rel, err := e.inside(at)
	if err != nil {
		return nil, e.refuse(at, err)
	}
	return fs.ReadDir(e.open.FS(), filepath.ToSlash(rel))
}

// inside resolves links, and returns a file's path from the module's root. It returns an
// error if the file must not be embedded.
func (e *embedder) inside(at string) (string, error) {
	real, err := filepath.EvalSymlinks(at)
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(e.root, real)
	if err != nil || !filepath.IsLocal(rel) {
		return "", errOutside
	}
	parts := strings.Split(rel, string(filepath.Separator))
	if len(parts) > 1 && parts[0] == outDir || real == filepath.Join(e.root, outDir) {
		return "", errExported
	}
	for dir := e.root; ; dir, parts = filepath.Join(dir, parts[0]), parts[1:] {
		switch {
		case has(dir, outLock):
			return "", errExported
		case dir != e.root && has(dir, "cue.mod"):
			return "", errOther
		case len(parts) == 0:
			return rel, nil
		case parts[0] == ".git":
			return "", errGit
		}
	}
}

// embeds checks the @embed attributes of a package and its imports. Attributes that CUE
// silently ignores are findings, and so are types of files that may import others.
func (l *loader) embeds(inst *build.Instance, ex *explainer) []finding.Finding {
	var out []finding.Finding
	syntax.EachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		attributes, extern := embedAttributes(f)
		if len(attributes) > 0 && !extern {
			fault := ex.at(attributes[0].Pos(), "cue-embed", "CUE ignores @embed in this file: nothing is embedded")
			fault.Expected = "@extern(embed) in a line before the package clause"
			fault.Hint = "add @extern(embed) at the top of the file"
			out = append(out, fault)
		}
		if len(attributes) == 0 || !extern {
			return
		}
		all, _ := embed.EmbeddedPaths(filepath.ToSlash(f.Filename), f) // CUE reports errors
		for _, a := range all {
			if kind := kindOf(a); !plainKind(kind) {
				fault := ex.at(a.Attribute.Pos, "cue-embed", fmt.Sprintf("type=%s is not embedded: %v", kind, errEmbedKind))
				fault.Expected = "type=" + strings.Join(embedKinds, ", ")
				out = append(out, fault)
			}
		}
	})
	return out
}

// embedKinds are the types of files that may be embedded: those that import no others,
// which CUE would open itself. Protobuf definitions do, for example.
var embedKinds = []string{"json", "yaml", "toml", "text", "binary", "jsonschema", "openapi"}

// kindOf returns the type that an attribute sets, or the extension of the name if it
// isn't a type that may be embedded.
func kindOf(a *embed.Embed) string {
	if a.Type != "" {
		return a.Type
	}
	for _, key := range []string{"file", "glob"} {
		name, _, _ := a.Attribute.Lookup(0, key) // CUE reports errors
		kind := strings.TrimPrefix(path.Ext(name), ".")
		if slices.Contains([]string{"proto", "textproto", "textpb", "pb", "cue", "go", "xml"}, kind) {
			return kind
		}
	}
	return ""
}

func plainKind(kind string) bool {
	for part := range strings.FieldsFuncSeq(kind, func(r rune) bool { return r == '+' || r == ':' }) {
		if !slices.Contains(embedKinds, part) {
			return false
		}
	}
	return true
}

// embedAttributes returns the @embed attributes of a file, and whether the file enables
// them with @extern(embed).
func embedAttributes(f *ast.File) (attributes []*ast.Attribute, extern bool) {
	ast.Walk(f, func(n ast.Node) bool {
		a, ok := n.(*ast.Attribute)
		if !ok {
			return true
		}
		switch name, body := a.Split(); name {
		case "embed":
			attributes = append(attributes, a)
		case "extern":
			extern = extern || slices.Contains(strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune(`," `, r) }), "embed")
		}
		return true
	}, nil)
	return attributes, extern
}

// notEmbedded returns the findings of files that were not embedded.
func (x *explainer) notEmbedded(e *embedder, inst *build.Instance) []finding.Finding {
	x.files = slices.Sorted(maps.Keys(e.embedded))
	var out []finding.Finding
	for _, name := range slices.Sorted(maps.Keys(e.refused)) {
		why := unnamed(e.refused[name])
		f := finding.Finding{
			Rule: "cue-embed", Severity: finding.Error, Cluster: x.cluster, Pos: finding.Pos{File: x.rel(name)},
			Message:  fmt.Sprintf("%s is not embedded: %v", x.rel(name), why),
			Expected: "a regular file of this module, not below " + outDir + "/",
		}
		syntax.EachFile(inst, map[*build.Instance]bool{}, func(file *ast.File) {
			all, _ := embed.EmbeddedPaths(filepath.ToSlash(file.Filename), file)
			for _, a := range all {
				if a.Matches(filepath.ToSlash(name)) {
					f.Pos = x.pos(a.Attribute.Pos)
				}
			}
		})
		out = append(out, f)
	}
	return out
}
