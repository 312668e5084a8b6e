package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// clusterField returns the top-level field "cluster" of a package, or nil.
func clusterField(inst *build.Instance) *ast.Field {
	for _, f := range inst.Files {
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok && syntax.LabelOf(field.Label) == "cluster" {
				return field
			}
		}
	}
	return nil
}

// holdsToSchema reports whether a file of a package has
// cluster: schemas.#Cluster & …
func holdsToSchema(inst *build.Instance) bool {
	for _, f := range inst.Files {
		names := schemaNames(f)
		for _, d := range f.Decls {
			field, ok := d.(*ast.Field)
			if ok && syntax.LabelOf(field.Label) == "cluster" && namesSchema(field.Value, names) {
				return true
			}
		}
	}
	return false
}

// embeddedCluster returns the position where a file embeds #Cluster at the top level;
// token.NoPos if none does.
func embeddedCluster(inst *build.Instance) token.Pos {
	for _, f := range inst.Files {
		names := schemaNames(f)
		for _, d := range f.Decls {
			if e, ok := d.(*ast.EmbedDecl); ok && namesSchema(e.Expr, names) {
				return e.Pos()
			}
		}
	}
	return token.NoPos
}

// schemaNames returns the names under which a file imports the vocabulary.
func schemaNames(f *ast.File) map[string]bool {
	out := map[string]bool{}
	for spec := range f.ImportSpecs() {
		info, err := astutil.ParseImportSpec(spec)
		if err == nil && isSchema(info.ID) {
			out[info.Ident] = true
		}
	}
	return out
}

// namesSchema reports whether an expression is a conjunction with #Cluster of
// one of these packages.
func namesSchema(e ast.Expr, packages map[string]bool) bool {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return e.Op == token.AND && (namesSchema(e.X, packages) || namesSchema(e.Y, packages))
	case *ast.ParenExpr:
		return namesSchema(e.X, packages)
	case *ast.SelectorExpr:
		pkg, ok := e.X.(*ast.Ident)
		return ok && packages[pkg.Name] && syntax.LabelOf(e.Sel) == "#Cluster"
	}
	return false
}

// clusterName returns the name of the cluster in files, if one of them has it as a
// literal, alone or unified with something.
func clusterName(files []*ast.File) (string, bool) {
	for _, f := range files {
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok && syntax.LabelOf(field.Label) == "cluster" {
				if name, ok := plainString(field.Value, "name"); ok {
					return name, true
				}
			}
		}
	}
	return "", false
}

// plainString returns the string literal in an expression; with a label, in the field of
// that name.
func plainString(e ast.Expr, label string) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return plainString(e.X, label)
	case *ast.BinaryExpr:
		if e.Op == token.AND {
			if s, ok := plainString(e.X, label); ok {
				return s, true
			}
			return plainString(e.Y, label)
		}
	case *ast.StructLit:
		for _, d := range e.Elts {
			if f, ok := d.(*ast.Field); ok && label != "" && syntax.LabelOf(f.Label) == label {
				if s, ok := plainString(f.Value, ""); ok {
					return s, true
				}
			}
		}
	case *ast.BasicLit:
		if label == "" && e.Kind == token.STRING {
			s, err := literal.Unquote(e.Value)
			return s, err == nil
		}
	}
	return "", false
}

// sourceOf returns the positions of the fields that a package writes in its cluster. It
// reads the syntax, since an evaluated value has positions of the user and the schema
// alike. A field with a reference has the position of the reference. sourceOf also
// returns what the user wrote, by field, where it is short, and what each field refers to.
func sourceOf(inst *build.Instance, rel func(string) string) (finding.Source, map[string]string, []reference) {
	out := indexer{out: finding.Source{}, values: map[string]string{}, rel: rel}
	// The package's own files come before those of directories above.
	files := slices.Clone(inst.Files)
	slices.SortStableFunc(files, func(a, b *ast.File) int {
		return cmp.Compare(len(filepath.Dir(b.Filename)), len(filepath.Dir(a.Filename)))
	})
	for _, f := range files {
		s := indexer{out: out.out, values: map[string]string{}, refs: out.refs, rel: rel}
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok && syntax.LabelOf(field.Label) == "cluster" {
				s.field(field, nil)
			}
		}
		out.refs = s.refs
		for path, text := range s.values {
			if _, ok := out.values[path]; !ok {
				out.values[path] = text
			}
		}
	}
	return out.out, out.values, out.refs
}

type indexer struct {
	out    finding.Source
	values map[string]string
	refs   []reference
	rel    func(string) string
	depth  int
}

func (s *indexer) record(labels []string, p token.Pos) {
	path := finding.Path(labels...)
	if _, ok := s.out[path]; ok || !p.IsValid() {
		return
	}
	s.out[path] = finding.Pos{File: s.rel(p.Filename()), Line: p.Line(), Col: p.Column()}
}

func (s *indexer) field(f *ast.Field, labels []string) {
	p := f.Label.Pos()
	if _, scalar := f.Value.(*ast.BasicLit); scalar {
		p = f.Value.Pos()
	}
	s.record(labels, p)
	s.expr(f.Value, labels)
}

// maxNesting is the depth to which expressions are indexed, and maxExtent the size in bytes
// of those whose text may be short: more would take time that grows with their square.
const (
	maxNesting = 200
	maxExtent  = 400
)

func (s *indexer) expr(e ast.Expr, labels []string) {
	if s.depth++; s.depth > maxNesting {
		s.depth--
		return
	}
	defer func() { s.depth-- }()
	if e.End().Offset()-e.Pos().Offset() < maxExtent {
		if b, err := format.Node(e); err == nil && len(b) < 80 {
			s.values[finding.Path(labels...)] = syntax.Trim(string(b))
		}
	}
	switch e := e.(type) {
	case *ast.SelectorExpr:
		s.refer(e, labels)
	case *ast.Interpolation:
		for _, part := range e.Elts {
			s.refer(part, labels)
		}
	case *ast.StructLit:
		s.decls(e.Elts, labels)
	case *ast.BinaryExpr:
		if e.Op == token.AND || e.Op == token.OR { // other operands aren't the value
			before := len(s.refs)
			s.expr(e.X, labels)
			s.expr(e.Y, labels)
			if e.Op == token.OR { // another operand may be the value
				s.refs = s.refs[:before]
			}
		}
	case *ast.ParenExpr:
		s.expr(e.X, labels)
	case *ast.UnaryExpr:
		s.expr(e.X, labels)
	case *ast.Alias:
		s.expr(e.Expr, labels)
	case *ast.ListLit:
		for i, x := range e.Elts {
			if _, many := x.(*ast.Comprehension); many {
				return // the number of its elements is unknown
			}
			at := syntax.With(labels, fmt.Sprintf("[%d]", i))
			s.record(at, x.Pos())
			s.expr(x, at)
		}
	}
}

func (s *indexer) decls(ds []ast.Decl, labels []string) {
	for _, d := range ds {
		switch d := d.(type) {
		case *ast.Field:
			s.field(d, syntax.With(labels, syntax.LabelOf(d.Label)))
		case *ast.EmbedDecl:
			s.expr(d.Expr, labels)
		case *ast.Comprehension: // it may have no fields at all
			before := len(s.refs)
			s.expr(d.Value, labels)
			s.refs = s.refs[:before]
		}
	}
}

// userFiles returns the files of the package itself, without those of its imports.
func userFiles(inst *build.Instance) map[string]bool {
	out := map[string]bool{}
	for _, f := range inst.BuildFiles {
		out[f.Filename] = true
	}
	for _, f := range inst.Files {
		out[f.Filename] = true
	}
	for _, f := range inst.InvalidFiles {
		out[f.Filename] = true
	}
	return out
}
