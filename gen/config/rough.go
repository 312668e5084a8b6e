package config

import (
	"path/filepath"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"github.com/kcmgen/kcmgen/gen/regular"
)

// roughFiles are the CUE files of folders, parsed as far as that goes, each folder
// once: among thousands of folders, all ask for the one above them. It isn't for use by
// several at once.
type roughFiles map[string][]roughFile

type roughFile struct {
	*ast.File
	whole bool // without a fault
}

func (r roughFiles) folder(dir string) []roughFile {
	out, ok := r[dir]
	if !ok {
		for _, name := range cueFiles(dir) {
			if f, err := parseRoughly(name); f != nil {
				out = append(out, roughFile{f, err == nil})
			}
		}
		r[dir] = out
	}
	return out
}

// packages are the names in the package clauses of a folder's files. What can't be
// read has none: loading it will say why.
func (r roughFiles) packages(dir string) map[string]bool {
	out := map[string]bool{}
	for _, f := range r.folder(dir) {
		if name := f.PackageName(); name != "" {
			out[name] = true
		}
	}
	return out
}

// files are those of the package at a place, with those of the same package in the
// folders above.
func (r roughFiles) files(p place) []*ast.File {
	var out []*ast.File
	for _, f := range r.all(p) {
		out = append(out, f.File)
	}
	return out
}

func (r roughFiles) all(p place) []roughFile {
	names := r.packages(p.dir)
	var out []roughFile
	for dir := p.dir; ; dir = filepath.Dir(dir) {
		for _, f := range r.folder(dir) {
			if names[f.PackageName()] {
				out = append(out, f)
			}
		}
		if dir == p.root || dir == filepath.Dir(dir) {
			return out
		}
	}
}

// noCluster reports whether a package has no cluster at first sight. Beyond plain
// fields it's for CUE to say: it takes as long for each of thousands of folders as
// the folder above them has entries.
func (r roughFiles) noCluster(p place) bool {
	names := r.packages(p.dir)
	if len(names) != 1 || names["_"] || len(r.folder(p.dir)) != len(cueFiles(p.dir)) {
		return false
	}
	for _, f := range r.all(p) {
		if !f.whole {
			return false
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.Field:
				if label := labelOf(d.Label); label == "cluster" || label == "*" {
					return false
				}
			case *ast.Package, *ast.ImportDecl, *ast.LetClause, *ast.CommentGroup:
			default:
				return false
			}
		}
	}
	return true
}

// roughly parses a file as far as that goes; nil if that is nowhere.
func roughly(name string) *ast.File {
	f, _ := parseRoughly(name)
	return f
}

func parseRoughly(name string) (*ast.File, error) {
	data, err := regular.Read(name, MaxFile)
	if err != nil {
		return nil, err
	}
	return parser.ParseFile(name, data)
}
