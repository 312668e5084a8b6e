package config

import (
	"path/filepath"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"github.com/kcmgen/kcmgen/internal/regular"
)

// roughFiles are the CUE files of directories at first sight, each directory once: among
// thousands of directories, all ask for the one above them. Of files it keeps no more than
// what is asked for, however large they are. It isn't for use by several at once.
type roughFiles map[string][]roughFile

type roughFile struct {
	pkg   string // of its package clause; empty where there is none, or it can't be read
	bare  bool   // without a fault, and all plain fields, of which none is a cluster
	name  string // of the cluster that it describes
	named bool   // it says that name plainly
}

func (r roughFiles) directory(dir string) []roughFile {
	out, ok := r[dir]
	if !ok {
		for _, name := range cueFiles(dir) {
			out = append(out, atFirstSight(name))
		}
		r[dir] = out
	}
	return out
}

func atFirstSight(name string) roughFile {
	f, err := parseRoughly(name)
	if f == nil {
		return roughFile{}
	}
	out := roughFile{pkg: f.PackageName(), bare: err == nil}
	out.name, out.named = clusterName([]*ast.File{f})
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.Field:
			label := labelOf(d.Label)
			out.bare = out.bare && label != "cluster" && label != "*"
		case *ast.Package, *ast.ImportDecl, *ast.LetClause, *ast.CommentGroup:
		default:
			out.bare = false
		}
	}
	return out
}

// packages are the names in the package clauses of a directory's files. What can't be
// read has none: loading it will say why.
func (r roughFiles) packages(dir string) map[string]bool {
	out := map[string]bool{}
	for _, f := range r.directory(dir) {
		if f.pkg != "" {
			out[f.pkg] = true
		}
	}
	return out
}

// pkg are the files of the package at a place, with those of the same package in the
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

// clusterName is that of the cluster at a place, if one of its files says it plainly.
func (r roughFiles) clusterName(p place) (string, bool) {
	for _, f := range r.pkg(p) {
		if f.named {
			return f.name, true
		}
	}
	return "", false
}

// noCluster reports whether a package has no cluster at first sight. Beyond plain
// fields it's for CUE to say: it takes as long for each of thousands of directories as
// the directory above them has entries.
func (r roughFiles) noCluster(p place) bool {
	names := r.packages(p.dir)
	if len(names) != 1 || names["_"] {
		return false
	}
	faulty := func(f roughFile) bool { return f.pkg == "" || !f.bare }
	return !slices.ContainsFunc(r.directory(p.dir), faulty) && !slices.ContainsFunc(r.pkg(p), faulty)
}

// upwards are the directory of a place and those above it, up to the module's root.
func (p place) upwards() []string {
	var out []string
	for dir := p.dir; ; dir = filepath.Dir(dir) {
		out = append(out, dir)
		if dir == p.root || dir == filepath.Dir(dir) {
			return out
		}
	}
}

// files parses the files of the package at a place as far as that goes, with those of
// the same package in the directories above.
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
