package config

import (
	"errors"
	"path/filepath"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"github.com/kcmgen/kcmgen/gen/config/bounds"
	"github.com/kcmgen/kcmgen/internal/regular"

	"github.com/kcmgen/kcmgen/gen/config/rules"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
)

// roughFiles caches summaries of the CUE files of directories: thousands of directories
// may share the one above them. It isn't safe for concurrent use.
type roughFiles map[string][]roughFile

type roughFile struct {
	pkg   string // of its package clause; "" without one, or if it can't be read
	bare  bool   // valid, with plain fields only, and none is a cluster
	name  string // of its cluster, if named
	named bool   // the cluster's name is a literal
	rules bool   // it has rules of the organisation's own
}

func (r roughFiles) directory(dir string) []roughFile {
	out, ok := r[dir]
	if !ok {
		for _, name := range cueFiles(dir) {
			out = append(out, summarize(name))
		}
		r[dir] = out
	}
	return out
}

func summarize(name string) roughFile {
	f, err := parseRoughly(name)
	if f == nil {
		return roughFile{}
	}
	if errors.Is(err, errLarge) {
		return roughFile{pkg: f.PackageName()}
	}
	out := roughFile{pkg: f.PackageName(), bare: err == nil}
	out.name, out.named = clusterName([]*ast.File{f})
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.Field:
			label := syntax.LabelOf(d.Label)
			out.rules = out.rules || slices.Contains(rules.Labels, label)
			out.bare = out.bare && label != "cluster" && label != "*"
		case *ast.Package, *ast.ImportDecl, *ast.LetClause, *ast.CommentGroup:
		default:
			out.bare = false
		}
	}
	return out
}

// packages returns the package names of a directory's files. It ignores files that can't
// be read, which loading reports.
func (r roughFiles) packages(dir string) map[string]bool {
	out := map[string]bool{}
	for _, f := range r.directory(dir) {
		if f.pkg != "" {
			out[f.pkg] = true
		}
	}
	return out
}

// pkg returns the files of the package at a place, with those of the same package in the
// directories above.
func (r roughFiles) pkg(p place) []roughFile {
	names := r.packages(p.dir)
	var out []roughFile
	for _, dir := range p.upwards() {
		for _, f := range r.directory(dir) {
			if names[f.pkg] {
				out = append(out, f)
			}
		}
	}
	return out
}

// clusterName returns the name of the cluster at a place, if it is a literal.
func (r roughFiles) clusterName(p place) (string, bool) {
	for _, f := range r.pkg(p) {
		if f.named {
			return f.name, true
		}
	}
	return "", false
}

// noCluster reports whether a package obviously has no cluster: it has plain fields
// only. Evaluating each of thousands of such packages would take too long.
func (r roughFiles) noCluster(p place) bool {
	names := r.packages(p.dir)
	if len(names) != 1 || names["_"] {
		return false
	}
	faulty := func(f roughFile) bool { return f.pkg == "" || !f.bare }
	return !slices.ContainsFunc(r.directory(p.dir), faulty) && !slices.ContainsFunc(r.pkg(p), faulty)
}

// rules reports whether the package at a place has rules of the organisation's own.
func (r roughFiles) rules(p place) bool {
	return slices.ContainsFunc(r.pkg(p), func(f roughFile) bool { return f.rules })
}

// upwards returns the directory of a place and those above it, up to the module's root.
func (p place) upwards() []string {
	var out []string
	for dir := p.dir; ; dir = filepath.Dir(dir) {
		out = append(out, dir)
		if dir == p.root || dir == filepath.Dir(dir) {
			return out
		}
	}
}

// files parses the files of the package at a place, with those of the same package in
// the directories above. Syntax errors are ignored.
func (p place) files() []*ast.File {
	names := roughFiles{}.packages(p.dir)
	var out []*ast.File
	for _, dir := range p.upwards() {
		for _, name := range cueFiles(dir) {
			if f := roughly(name); f != nil && names[f.PackageName()] {
				out = append(out, f)
			}
		}
	}
	return out
}

// roughly parses a file, and ignores syntax errors; it returns nil if it can't.
func roughly(name string) *ast.File {
	f, _ := parseRoughly(name)
	return f
}

var errLarge = errors.New("only the imports of a large file are parsed")

// parseRoughly parses a file. Of a large one, whose syntax takes a hundred times as much
// memory as the file, it parses the package's name and the imports, and returns errLarge.
func parseRoughly(name string) (*ast.File, error) {
	data, err := regular.Read(name, MaxFile)
	if err != nil {
		return nil, err
	}
	if len(data) > 4*bounds.MaxBytes {
		f, err := parser.ParseFile(name, data[:4*bounds.MaxBytes], parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		return f, errLarge
	}
	return parser.ParseFile(name, data)
}
