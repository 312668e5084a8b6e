// Package bounds tells from the syntax of CUE whether an evaluation is small. It decides
// without an evaluation, which has no limits of its own: a file of 300 bytes can grow
// without end. It errs on the safe side.
package bounds

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// Limits of a plain package. Evaluating a unit, which is about one value, takes some
// microseconds and a kilobyte.
const (
	// MaxBytes is the size of all its files: some 2,500 nodes.
	MaxBytes = 256 << 10

	maxUnits   = 100_000
	maxDepth   = 100
	maxChoices = 200
	maxNumber  = 40 // characters
	maxSteps   = 500_000
)

// Reason says why a package isn't plain.
type Reason struct {
	Pos  token.Pos
	What string // a noun phrase without an article, such as "a call of strings.Repeat"
}

// Plain returns nil if evaluating files takes a small, known amount of time and memory:
// they hold values and references that don't multiply, and nothing that makes much of a
// little. files are those of a package and of all that it imports, without the vocabulary.
// Otherwise it returns the first reason.
func Plain(files []*ast.File) *Reason {
	s := &survey{names: map[string][]ast.Expr{}, imports: map[string]bool{}, known: map[ast.Expr]int{}, busy: map[ast.Expr]bool{}}
	for _, f := range files {
		s.file(f)
	}
	if s.reason != nil {
		return s.reason
	}
	total := 0
	for _, f := range files {
		total = s.add(f.Pos(), total, s.decls(f.Decls))
	}
	return s.reason
}

// survey is what is known about the files.
type survey struct {
	// names has what stands for a name: the values of all fields, let clauses and aliases
	// that are called so, in whatever scope.
	names   map[string][]ast.Expr
	imports map[string]bool // names of imported packages
	fields  int
	choices int
	depth   int

	known  map[ast.Expr]int // units
	busy   map[ast.Expr]bool
	steps  int
	reason *Reason // the first one
}

func (s *survey) refuse(p token.Pos, format string, args ...any) {
	if s.reason == nil {
		s.reason = &Reason{p, fmt.Sprintf(format, args...)}
	}
}

// file looks at every node of a file, and records names.
func (s *survey) file(f *ast.File) {
	ast.Walk(f, func(n ast.Node) bool {
		if s.depth++; s.depth > maxDepth {
			s.refuse(n.Pos(), "more than %d levels of nesting", maxDepth)
		}
		s.node(n)
		return s.reason == nil
	}, func(ast.Node) { s.depth-- })
	s.depth = 0 // Walk leaves out the second call for a node that it doesn't enter
}

func (s *survey) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.File, *ast.Package, *ast.ImportDecl, *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr,
		*ast.StructLit, *ast.ListLit, *ast.Ellipsis, *ast.ParenExpr, *ast.EmbedDecl, *ast.Interpolation,
		*ast.BottomLit, *ast.IfClause, *ast.Comment, *ast.CommentGroup:
	case *ast.ImportSpec:
		s.imported(n)
	case *ast.Field:
		s.fields++
		s.field(n)
	case *ast.LetClause:
		s.name(n.Ident, n.Expr)
	case *ast.Alias:
		s.name(n.Ident, n.Expr)
	case *ast.Attribute:
		if name := n.Name(); name == "embed" || name == "extern" {
			s.refuse(n.Pos(), "an embedded file")
		}
	case *ast.BasicLit:
		if n.Kind != token.STRING && len(n.Value) > maxNumber || n.Kind == token.FLOAT && strings.ContainsAny(n.Value, "eE") {
			s.refuse(n.Pos(), "a number of many digits")
		}
	case *ast.UnaryExpr:
		s.operator(n.OpPos, n.Op)
	case *ast.BinaryExpr:
		s.operator(n.OpPos, n.Op)
		switch n.Op {
		case token.MUL:
			s.refuse(n.OpPos, "a multiplication")
		case token.OR:
			s.choice(n)
		}
	case *ast.Comprehension:
	case *ast.ForClause:
		s.loop(n)
	case *ast.CallExpr:
		s.refuse(n.Pos(), "a call of %s", text(n.Fun))
	default:
		s.refuse(n.Pos(), "syntax that can make much of a little")
	}
}

// text returns a short expression as it is written.
func text(e ast.Expr) string {
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr:
		if b, err := format.Node(e); err == nil && len(b) < 60 {
			return string(b)
		}
	}
	return "a function"
}

func (s *survey) operator(p token.Pos, op token.Token) {
	if op == token.MAT || op == token.NMAT {
		s.refuse(p, "a regular expression")
	}
}

// choice allows alternatives of scalars only: those of structs multiply.
func (s *survey) choice(e *ast.BinaryExpr) {
	s.choices++
	if s.choices > maxChoices {
		s.refuse(e.Pos(), "more than %d alternatives", maxChoices)
	}
	for _, x := range []ast.Expr{e.X, e.Y} {
		if !scalar(x) {
			s.refuse(x.Pos(), "alternatives that are no scalars")
		}
	}
}

func scalar(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return predeclared[e.Name]
	case *ast.UnaryExpr:
		return scalar(e.X)
	case *ast.ParenExpr:
		return scalar(e.X)
	case *ast.BinaryExpr:
		return (e.Op == token.OR || e.Op == token.AND) && scalar(e.X) && scalar(e.Y)
	}
	return false
}

// predeclared are the names of CUE's types.
var predeclared = map[string]bool{
	"string": true, "bytes": true, "int": true, "float": true, "number": true, "bool": true, "null": true, "_": true,
	"uint": true, "uint8": true, "uint16": true, "uint32": true, "uint64": true,
	"int8": true, "int16": true, "int32": true, "int64": true, "true": true, "false": true,
}

// loop allows a loop over a list or a struct that is written there.
func (s *survey) loop(c *ast.ForClause) {
	if _, ok := length(c.Source); !ok {
		s.refuse(c.For, "a loop over values that are not written there")
	}
	s.name(c.Value, c.Source)
}

// length returns how many elements a literal has.
func length(e ast.Expr) (int, bool) {
	switch e := e.(type) {
	case *ast.ListLit:
		for _, x := range e.Elts {
			switch x.(type) {
			case *ast.Comprehension, *ast.Ellipsis:
				return 0, false
			}
		}
		return len(e.Elts), true
	case *ast.StructLit:
		for _, d := range e.Elts {
			if f, ok := d.(*ast.Field); !ok || many(f.Label) {
				return 0, false
			}
		}
		return len(e.Elts), true
	}
	return 0, false
}

// many reports whether a label is a pattern.
func many(l ast.Label) bool {
	if a, ok := l.(*ast.Alias); ok {
		if inner, ok := a.Expr.(ast.Label); ok {
			return many(inner)
		}
	}
	_, ok := l.(*ast.ListLit)
	return ok
}

func (s *survey) imported(spec *ast.ImportSpec) {
	path, err := literal.Unquote(spec.Path.Value)
	if err != nil {
		return // CUE reports it
	}
	name := ast.ParseImportPath(path).Qualifier
	if spec.Name != nil {
		name = spec.Name.Name
	}
	s.imports[name] = true
}

func (s *survey) field(f *ast.Field) {
	if f.Alias != nil {
		s.refuse(f.Pos(), "syntax that can make much of a little")
	}
	label := f.Label
	if a, ok := label.(*ast.Alias); ok {
		s.name(a.Ident, f.Value)
		if inner, ok := a.Expr.(ast.Label); ok {
			label = inner
		}
	}
	if name, _, err := ast.LabelName(label); err == nil {
		s.names[name] = append(s.names[name], f.Value)
	}
}

func (s *survey) name(id *ast.Ident, e ast.Expr) {
	if id != nil {
		s.names[id.Name] = append(s.names[id.Name], e)
	}
}
