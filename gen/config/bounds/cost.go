package bounds

import (
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// foreign is the number of units of a value of the vocabulary.
const foreign = 50

// add adds units, and refuses more than the limit.
func (s *survey) add(p token.Pos, a, b int) int {
	if a+b > maxUnits {
		s.refuse(p, "more than %d values, counting each reference in full", maxUnits)
		return maxUnits
	}
	return a + b
}

// times multiplies units.
func (s *survey) times(p token.Pos, a, b int) int {
	if b > 0 && a > maxUnits/b {
		return s.add(p, maxUnits, 1)
	}
	return a * b
}

func (s *survey) decls(ds []ast.Decl) int {
	sum := 1
	for _, d := range ds {
		if s.reason != nil {
			return sum
		}
		sum = s.add(d.Pos(), sum, s.decl(d))
	}
	return sum
}

func (s *survey) decl(d ast.Decl) int {
	switch d := d.(type) {
	case *ast.Field:
		n := s.cost(d.Value)
		if e, ok := d.Label.(ast.Expr); ok && !many(d.Label) {
			if _, _, err := ast.LabelName(d.Label); err != nil {
				n = s.add(d.Pos(), n, s.cost(e))
			}
		}
		if many(d.Label) { // it may apply to every field
			return s.times(d.Pos(), n, s.fields)
		}
		return n
	case *ast.EmbedDecl:
		return s.cost(d.Expr)
	case *ast.LetClause:
		return s.cost(d.Expr)
	case *ast.Comprehension:
		return s.cost(d)
	case *ast.Ellipsis:
		if d.Type != nil {
			return s.cost(d.Type)
		}
	}
	return 1
}

// cost returns the units of an expression, with each reference counted in full.
func (s *survey) cost(e ast.Expr) int {
	if n, ok := s.known[e]; ok {
		return n
	}
	if s.busy[e] {
		s.refuse(e.Pos(), "a value that may refer to itself")
	}
	if s.steps++; s.steps > maxSteps {
		s.refuse(e.Pos(), "very many references")
	}
	if s.reason != nil {
		return 1
	}
	s.busy[e] = true
	n := s.count(e)
	delete(s.busy, e)
	s.known[e] = n
	return n
}

func (s *survey) count(e ast.Expr) int {
	switch e := e.(type) {
	case *ast.BasicLit:
		return 1 + len(e.Value)/32
	case *ast.Ident, *ast.SelectorExpr:
		return s.reference(e)
	case *ast.IndexExpr:
		return s.add(e.Pos(), s.cost(e.X), s.cost(e.Index))
	case *ast.StructLit:
		return s.decls(e.Elts)
	case *ast.ListLit:
		return s.all(e.Pos(), e.Elts)
	case *ast.Interpolation:
		return s.all(e.Pos(), e.Elts)
	case *ast.ParenExpr:
		return s.cost(e.X)
	case *ast.UnaryExpr:
		return s.add(e.Pos(), 1, s.cost(e.X))
	case *ast.BinaryExpr:
		return s.add(e.Pos(), s.cost(e.X), s.cost(e.Y))
	case *ast.Alias:
		return s.cost(e.Expr)
	case *ast.Ellipsis:
		if e.Type != nil {
			return s.cost(e.Type)
		}
	case *ast.Comprehension:
		return s.comprehension(e)
	}
	return 1
}

func (s *survey) all(p token.Pos, es []ast.Expr) int {
	sum := 1
	for _, e := range es {
		sum = s.add(p, sum, s.cost(e))
	}
	return sum
}

// comprehension multiplies the body by the lengths of its loops.
func (s *survey) comprehension(c *ast.Comprehension) int {
	n := s.cost(c.Value)
	if c.Fallback != nil {
		s.refuse(c.Pos(), "syntax that can make much of a little")
	}
	for _, clause := range c.Clauses {
		switch clause := clause.(type) {
		case *ast.ForClause:
			k, _ := length(clause.Source)
			n = s.add(c.Pos(), s.times(c.Pos(), n, max(k, 1)), s.cost(clause.Source))
		case *ast.IfClause:
			n = s.add(c.Pos(), n, s.cost(clause.Condition))
		case *ast.LetClause:
			n = s.add(c.Pos(), n, s.cost(clause.Expr))
		}
	}
	return n
}

// reference returns the units of all that a reference may stand for.
func (s *survey) reference(e ast.Expr) int {
	found := s.targets(e, 0)
	if len(found) == 0 {
		return foreign
	}
	sum := 1
	for _, t := range found {
		sum = s.add(e.Pos(), sum, s.cost(t))
	}
	return sum
}

// targets returns the expressions that a reference may stand for; none for a value of the
// vocabulary or a type.
func (s *survey) targets(e ast.Expr, depth int) []ast.Expr {
	if s.steps++; s.steps > maxSteps || depth > maxDepth {
		s.refuse(e.Pos(), "references to references")
		return nil
	}
	switch e := e.(type) {
	case *ast.Ident:
		return s.names[e.Name]
	case *ast.SelectorExpr:
		label, _, err := ast.LabelName(e.Sel)
		if err != nil {
			return nil
		}
		if id, ok := e.X.(*ast.Ident); ok && s.imports[id.Name] {
			return s.names[label]
		}
		var out []ast.Expr
		for _, t := range s.targets(e.X, depth+1) {
			out = append(out, s.inside(t, label, depth+1)...)
		}
		return out
	}
	return []ast.Expr{e}
}

// inside returns the values of a field of an expression, those of patterns and of computed
// labels with them.
func (s *survey) inside(e ast.Expr, label string, depth int) []ast.Expr {
	if s.steps++; s.steps > maxSteps || depth > maxDepth {
		s.refuse(e.Pos(), "references to references")
		return nil
	}
	var out []ast.Expr
	switch e := e.(type) {
	case *ast.StructLit:
		for _, d := range e.Elts {
			switch d := d.(type) {
			case *ast.Field:
				if name, _, err := ast.LabelName(d.Label); err != nil || name == label {
					out = append(out, d.Value)
				}
			case *ast.EmbedDecl:
				out = append(out, s.inside(d.Expr, label, depth+1)...)
			case *ast.Comprehension:
				out = append(out, d.Value)
			}
		}
	case *ast.BinaryExpr:
		out = append(s.inside(e.X, label, depth+1), s.inside(e.Y, label, depth+1)...)
	case *ast.ParenExpr:
		return s.inside(e.X, label, depth+1)
	case *ast.Alias:
		return s.inside(e.Expr, label, depth+1)
	case *ast.Ident, *ast.SelectorExpr:
		for _, t := range s.targets(e, depth+1) {
			out = append(out, s.inside(t, label, depth+1)...)
		}
	case *ast.IndexExpr, *ast.ListLit:
		out = append(out, e)
	}
	return out
}
