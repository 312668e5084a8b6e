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

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Why a file isn't embedded.
var (
	errOutside   = errors.New("it lies outside of this module")
	errExported  = errors.New("it lies where kcmgen exports to: private keys are there")
	errGit       = errors.New("it is git's own, which may hold credentials")
	errOther     = errors.New("it lies in another module")
	errEmbedKind = errors.New("it is embedded as a kind of file that may lead to others")
)

// outDir is where exports go unless another directory is named.
const outDir = "out"

// embedder is the file system as what CUE embeds from it: regular files of the
// module itself, wherever links lead. CUE's own guard goes by names alone.
type embedder struct {
	budget   *regular.Budget
	root     string // of the module, without links
	open     *os.Root
	mu       sync.Mutex
	embedded map[string][]byte // what was read, by absolute name
	refused  map[string]error  // what wasn't, and why
}

// newEmbedder is the embedder of a module. Close it.
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

// refuse notes why a file isn't embedded: CUE says only that there is none.
func (e *embedder) refuse(name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.refused[name] = err
	}
	return err
}

// attach has CUE embed through e what the files of a package say, and those of its
// imports.
func (e *embedder) attach(inst *build.Instance) {
	eachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		if at := f.Pos().File(); at != nil {
			volume := filepath.VolumeName(f.Filename)
			at.SetFSLoc(token.FSLoc{
				FS: &embedding{e, volume}, Path: slashed(f.Filename),
				FromFSPath: func(p string) string { return absolute(volume, p) },
			})
		}
	})
}

// eachFile calls each for the files of a package and of what it imports.
func eachFile(inst *build.Instance, seen map[*build.Instance]bool, each func(*ast.File)) {
	if seen[inst] {
		return
	}
	seen[inst] = true
	for _, f := range inst.Files {
		each(f)
	}
	for _, dep := range inst.Imports {
		eachFile(dep, seen, each)
	}
}

// absolute is a name of an fs.FS, which has the file system's root for its own, as
// this machine says it; slashed is the way back.
func absolute(volume, name string) string {
	return filepath.Clean(volume + string(filepath.Separator) + filepath.FromSlash(name))
}

func slashed(name string) string {
	return strings.TrimPrefix(filepath.ToSlash(name[len(filepath.VolumeName(name)):]), "/")
}

// embedding is the embedder as an fs.FS on a volume.
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

// Stat is fs.StatFS: CUE asks whether another module begins somewhere.
func (e *embedding) Stat(name string) (fs.FileInfo, error) {
	at := absolute(e.volume, name)
	rel, err := e.inside(at)
	if err != nil {
		return nil, e.refuse(at, err)
	}
	return e.open.Stat(rel)
}

// ReadDir is fs.ReadDirFS. The names of files elsewhere are nobody's business
// either.
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

// inside is the path of a file from the module's root, all links followed, unless
// that is no place to embed from.
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

// embeds looks at what the files of a package, and of its imports, say that they
// embed: an attribute that CUE passes over in silence, and kinds of files that name
// further ones, are findings.
func (l *loader) embeds(inst *build.Instance, ex *explainer) []finding.Finding {
	var out []finding.Finding
	eachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		said, extern := embedAttributes(f)
		if len(said) > 0 && !extern {
			fault := ex.at(said[0].Pos(), "cue-embed", "CUE passes over @embed in this file: nothing is embedded")
			fault.Expected = "@extern(embed) in a line before the package clause"
			fault.Hint = "add @extern(embed) at the top of the file"
			out = append(out, fault)
		}
		if len(said) == 0 || !extern {
			return
		}
		all, _ := embed.EmbeddedPaths(filepath.ToSlash(f.Filename), f) // what is wrong with others, CUE says
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

// embedKinds are the kinds of files that are embedded: what they hold is all they
// are. A protobuf definition, say, imports others, which CUE would open by itself.
var embedKinds = []string{"json", "yaml", "toml", "text", "binary", "jsonschema", "openapi"}

// kindOf is the type that an attribute says, or that the end of the name means.
func kindOf(a *embed.Embed) string {
	if a.Type != "" {
		return a.Type
	}
	for _, key := range []string{"file", "glob"} {
		name, _, _ := a.Attribute.Lookup(0, key) // what is wrong with it, CUE says
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

// embedAttributes are the @embed attributes of a file, and whether the file says
// that they count.
func embedAttributes(f *ast.File) (said []*ast.Attribute, extern bool) {
	ast.Walk(f, func(n ast.Node) bool {
		a, ok := n.(*ast.Attribute)
		if !ok {
			return true
		}
		switch name, body := a.Split(); name {
		case "embed":
			said = append(said, a)
		case "extern":
			extern = extern || slices.Contains(strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune(`," `, r) }), "embed")
		}
		return true
	}, nil)
	return said, extern
}

// notEmbedded are the findings of files that CUE was refused.
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
		eachFile(inst, map[*build.Instance]bool{}, func(file *ast.File) {
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
