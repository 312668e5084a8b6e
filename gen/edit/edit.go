package edit

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Op is the kind of an edit.
type Op string

// Kinds of edits. An element is one of a list of strings, of a string with commas, or a
// field of a struct, written "name=value".
const (
	Set           Op = "set"            // change the string From to To
	Rename        Op = "rename"         // rename the field to To
	Drop          Op = "drop"           // remove the field
	RenameElement Op = "rename element" // change the element From to To
	DropElement   Op = "drop element"   // remove the element From
	Import        Op = "import"         // import the package To instead of siblings that begin with From
)

// Edit is one change of a cluster's CUE, by the path of a field.
type Edit struct {
	Op       Op
	Path     []string // below "cluster"
	From, To string
}

// action is an edit at one position.
type action struct {
	at finding.Pos
	do func()
}

// Do makes edits wherever the package writes their fields. It returns the positions of
// each edit in the files as they were read, which may be none. It finds all positions
// before it makes the first edit, because several edits may apply to one position, such
// as a pattern for many nodes.
func (p *Package) Do(edits ...Edit) [][]finding.Pos {
	var all []action
	out := make([][]finding.Pos, len(edits))
	for i, e := range edits {
		actions := p.actions(e)
		for _, a := range actions {
			out[i] = append(out[i], a.at)
		}
		slices.SortFunc(out[i], func(a, b finding.Pos) int {
			return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col)
		})
		out[i] = slices.Compact(out[i])
		all = append(all, actions...)
	}
	for _, a := range all {
		a.do()
	}
	return out
}

func (p *Package) actions(e Edit) []action {
	var out []action
	switch e.Op {
	case Import:
		return p.imports(e)
	case Drop:
		for _, s := range p.find(e.Path...).fields {
			out = append(out, p.drop(s.field, s.in))
		}
	case Rename:
		for _, s := range p.find(e.Path...).fields {
			out = append(out, p.rename(s.field, e.To))
		}
	case Set:
		for _, v := range p.find(e.Path...).values {
			if s, ok := p.text(v); ok && s == e.From {
				out = append(out, p.write(v, strconv.Quote(e.To)))
			}
		}
	case RenameElement, DropElement:
		for _, v := range p.find(e.Path...).values {
			out = append(out, p.element(v, e)...)
		}
	}
	return out
}

func (p *Package) drop(n, in ast.Node) action {
	return action{p.pos(n), func() { p.changes.dropped[n] = in }}
}

func (p *Package) rename(f *ast.Field, to string) action {
	a := p.write(plainLabel(f), labelLike(plainLabel(f), to))
	a.at = p.pos(f)
	return a
}

func (p *Package) write(n ast.Node, text string) action {
	return action{p.pos(n), func() { p.changes.text[n] = text }}
}

// text returns the value of a string literal, with the edits so far.
func (p *Package) text(e ast.Expr) (string, bool) {
	if text, ok := p.changes.text[e]; ok {
		s, err := literal.Unquote(text)
		return s, err == nil
	}
	return stringOf(e)
}

// labelLike returns a name as a label, in quotes if it needs them or if l has them.
func labelLike(l ast.Label, name string) string {
	if _, quoted := l.(*ast.BasicLit); quoted {
		return strconv.Quote(name)
	}
	return finding.Label(name)
}

// element renames or drops an element of a value: a list, a struct or a string.
func (p *Package) element(v ast.Expr, e Edit) []action {
	switch v := v.(type) {
	case *ast.ListLit:
		return p.listElement(v, e)
	case *ast.StructLit:
		return p.fieldElement(v, e)
	}
	is := func(s string) bool { return strings.TrimSpace(s) == e.From }
	if text, ok := p.text(v); !ok || !slices.ContainsFunc(strings.Split(text, ","), is) {
		return nil
	}
	return []action{{p.pos(v), func() {
		text, _ := p.text(v)
		elements := strings.Split(text, ",")
		if e.Op == DropElement {
			elements = slices.DeleteFunc(elements, is)
		}
		for i := range elements {
			if is(elements[i]) {
				elements[i] = e.To
			}
		}
		p.changes.text[v] = strconv.Quote(strings.Join(elements, ","))
	}}}
}

func (p *Package) listElement(list *ast.ListLit, e Edit) []action {
	var out []action
	for _, x := range list.Elts {
		if s, ok := p.text(x); !ok || s != e.From || p.changes.dropped[x] != nil {
			continue
		}
		if e.Op == DropElement {
			out = append(out, p.drop(x, list))
		} else {
			out = append(out, p.write(x, strconv.Quote(e.To)))
		}
	}
	return out
}

func (p *Package) fieldElement(in *ast.StructLit, e Edit) []action {
	var out []action
	from, _, _ := strings.Cut(e.From, "=")
	to, _, _ := strings.Cut(e.To, "=")
	w := &walk{Package: p, seen: map[string]bool{}}
	w.decls(in, in.Elts, []string{from})
	for _, s := range w.fields {
		if e.Op == DropElement {
			out = append(out, p.drop(s.field, s.in))
		} else {
			out = append(out, p.rename(s.field, to))
		}
	}
	return out
}

// imports changes imports of siblings to the package To in every file. Explicit names
// of imports stay.
func (p *Package) imports(e Edit) []action {
	var out []action
	for _, s := range p.files {
		for imp := range s.tree.ImportSpecs() {
			unquoted, err := literal.Unquote(imp.Path.Value)
			to := ast.ParseImportPath(unquoted)
			rest, sibling := strings.CutPrefix(to.Path, e.From)
			if err != nil || !sibling || strings.Contains(rest, "/") || to.Path == e.To {
				continue
			}
			to.Path, to.Qualifier = e.To, path.Base(e.To)
			a := p.write(imp.Path, strconv.Quote(to.String()))
			if imp.Name == nil {
				do := a.do
				a.do = func() { do(); p.renameUses(s.tree, imp, to.Qualifier) }
			}
			out = append(out, a)
		}
	}
	return out
}

// renameUses renames the identifiers that refer to an import.
func (p *Package) renameUses(f *ast.File, imp *ast.ImportSpec, to string) {
	ast.Walk(f, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Node == ast.Node(imp) {
			p.changes.text[id] = to
		}
		return true
	}, nil)
}
