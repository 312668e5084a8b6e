package edit

import "cuelang.org/go/cue/ast"

// dropOrphans drops imports, lets and aliases that only dropped fields referred to: CUE
// refuses unused ones. It repeats, because one may be the only use of another.
func (c changes) dropOrphans(s *source) {
	for range 100 {
		r := references{changes: c, inside: map[ast.Node]bool{}, outside: map[ast.Node]bool{}, holders: map[ast.Node]ast.Node{}}
		ast.Walk(s.tree, r.before, r.after)
		more := false
		for n := range r.inside {
			if !r.outside[n] && c.dropped[n] == nil && !c.bare[n] {
				more = r.orphan(s, n) || more
			}
		}
		if !more {
			return
		}
	}
}

// orphan drops an import, let or alias, and reports whether it could.
func (r *references) orphan(s *source, n ast.Node) bool {
	in := r.holders[n]
	switch n := n.(type) {
	case *ast.Alias:
		r.bare[n] = true
		return true
	case *ast.ImportSpec:
		r.dropped[n] = in
		decl := in.(*ast.ImportDecl)
		for _, spec := range decl.Specs {
			if r.dropped[spec] == nil {
				return true
			}
		}
		r.dropped[decl] = s.tree
		return true
	case *ast.LetClause:
		if in == nil { // it belongs to a comprehension
			return false
		}
		r.dropped[n] = in
		return true
	}
	return false
}

// references are the imports, lets and aliases that a file uses inside and outside of
// dropped nodes.
type references struct {
	changes
	inside, outside map[ast.Node]bool
	holders         map[ast.Node]ast.Node // the struct, file or declaration around each
	depth           int                   // the number of dropped nodes around
}

func (r *references) before(n ast.Node) bool {
	if r.dropped[n] != nil {
		r.depth++
	}
	switch n := n.(type) {
	case *ast.File, *ast.StructLit:
		for _, d := range children(n) {
			if let, ok := d.(*ast.LetClause); ok {
				r.holders[let] = n
			}
		}
	case *ast.ImportDecl:
		for _, spec := range n.Specs {
			r.holders[spec] = n
		}
	case *ast.Ident:
		if n.Node != nil && !declares(n.Node, n) {
			if r.depth > 0 {
				r.inside[n.Node] = true
			} else {
				r.outside[n.Node] = true
			}
		}
	}
	return true
}

func (r *references) after(n ast.Node) {
	if r.dropped[n] != nil {
		r.depth--
	}
}

// declares reports whether an identifier is the declaration of the let or alias n.
func declares(n ast.Node, id *ast.Ident) bool {
	switch n := n.(type) {
	case *ast.LetClause:
		return n.Ident == id
	case *ast.Alias:
		return n.Ident == id
	}
	return false
}
