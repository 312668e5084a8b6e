package edit

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// found is where a package writes a field of its cluster.
type found struct {
	fields []site
	values []ast.Expr // its values, with references resolved
}

// site is a field with the struct or file that holds it.
type site struct {
	field *ast.Field
	in    ast.Node
}

// find finds a field below "cluster" through structs, conjunctions, conditions,
// embeddings and references within the package. It searches the syntax tree, because an
// evaluated value doesn't have the position of its literal.
func (p *Package) find(path ...string) found {
	w := &walk{Package: p, seen: map[string]bool{}}
	labels := append([]string{"cluster"}, path...)
	for _, s := range p.files {
		w.decls(s.tree, s.tree.Decls, labels)
	}
	return w.found
}

// Limits of a walk: CUE may refer to itself without end.
const (
	maxDepth  = 200
	maxLabels = 20
	maxSteps  = 100_000
)

type walk struct {
	*Package
	found
	seen  map[string]bool
	depth int
}

func (w *walk) decls(in ast.Node, decls []ast.Decl, labels []string) {
	for _, d := range decls {
		switch d := d.(type) {
		case *ast.Field:
			w.field(in, d, labels)
		case *ast.EmbedDecl:
			w.expr(d.Expr, labels)
		case *ast.Comprehension:
			w.expr(d.Value, labels)
			if d.Fallback != nil {
				w.expr(d.Fallback.Body, labels)
			}
		}
	}
}

func (w *walk) field(in ast.Node, f *ast.Field, labels []string) {
	if len(labels) == 0 || w.changes.dropped[f] != nil {
		return
	}
	name, fixed := w.label(f)
	switch {
	case fixed && name != labels[0], !fixed && len(labels) == 1:
		return
	case len(labels) == 1 && !slices.ContainsFunc(w.fields, func(s site) bool { return s.field == f }):
		w.fields = append(w.fields, site{f, in})
	}
	w.expr(f.Value, labels[1:])
}

// label returns a field's name with the edits so far. It is not fixed if it is a
// pattern or computed: then it may match any name.
func (w *walk) label(f *ast.Field) (name string, fixed bool) {
	l := plainLabel(f)
	name, _, err := ast.LabelName(l)
	if err != nil {
		return "", false
	}
	if text, ok := w.changes.text[l]; ok {
		if unquoted, err := literal.Unquote(text); err == nil {
			return unquoted, true
		}
		return text, true
	}
	return name, true
}

// plainLabel returns a field's label without an alias.
func plainLabel(f *ast.Field) ast.Label {
	if a, ok := f.Label.(*ast.Alias); ok {
		if l, ok := a.Expr.(ast.Label); ok {
			return l
		}
	}
	return f.Label
}

// expr searches an expression for the field at labels. Without labels the expression
// itself is the value.
func (w *walk) expr(e ast.Expr, labels []string) {
	key := fmt.Sprintf("%p %q", e, labels)
	if e == nil || w.seen[key] || w.depth > maxDepth || len(labels) > maxLabels || len(w.seen) > maxSteps {
		return
	}
	w.seen[key] = true
	w.depth++
	defer func() { w.depth-- }()
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if e.Op == token.AND || e.Op == token.OR {
			w.expr(e.X, labels)
			w.expr(e.Y, labels)
		}
	case *ast.ParenExpr:
		w.expr(e.X, labels)
	case *ast.UnaryExpr:
		if e.Op == token.MUL {
			w.expr(e.X, labels)
		}
	case *ast.Alias:
		w.expr(e.Expr, labels)
	case *ast.Ident:
		for _, x := range w.referred(e) {
			w.expr(x, labels)
		}
	case *ast.SelectorExpr:
		if name, _, err := ast.LabelName(e.Sel); err == nil {
			w.expr(e.X, append([]string{name}, labels...))
		}
	case *ast.IndexExpr:
		if name, ok := stringOf(e.Index); ok {
			w.expr(e.X, append([]string{name}, labels...))
		}
	case *ast.StructLit:
		if len(labels) > 0 {
			w.decls(e, e.Elts, labels)
			return
		}
		w.values = append(w.values, e)
	default:
		if len(labels) == 0 {
			w.values = append(w.values, e)
		}
	}
}

// referred returns the expressions that an identifier refers to. Files of a package
// share their fields, but not imports and lets.
func (w *walk) referred(id *ast.Ident) []ast.Expr {
	switch n := id.Node.(type) {
	case *ast.LetClause:
		return []ast.Expr{n.Expr}
	case *ast.Alias:
		return []ast.Expr{n.Expr}
	case *ast.Field:
		return []ast.Expr{n.Value}
	case *ast.ImportSpec:
		return nil
	}
	if in, ok := id.Scope.(*ast.StructLit); ok {
		return w.named(in.Elts, id.Name)
	}
	var out []ast.Expr
	for _, s := range w.files {
		out = append(out, w.named(s.tree.Decls, id.Name)...)
	}
	return out
}

func (w *walk) named(decls []ast.Decl, name string) []ast.Expr {
	var out []ast.Expr
	for _, d := range decls {
		if f, ok := d.(*ast.Field); ok {
			if got, fixed := w.label(f); fixed && got == name {
				out = append(out, f.Value)
			}
		}
	}
	return out
}

// stringOf returns the value of a string literal on one line.
func stringOf(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING || strings.Contains(lit.Value, "\n") {
		return "", false
	}
	s, err := literal.Unquote(lit.Value)
	return s, err == nil
}
