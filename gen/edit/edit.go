package edit

import (
	"cmp"
	"path"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/literal"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Op is what an edit does.
type Op string

// The edits. Elements are those of a list of strings, of a string that is a list
// with commas, or of a struct whose fields are written "name=value".
const (
	Set           Op = "set"            // the string From becomes To
	Rename        Op = "rename"         // the field gets the name To
	Drop          Op = "drop"           // the field goes
	RenameElement Op = "rename element" // the element From becomes To
	DropElement   Op = "drop element"   // the element From goes
	Import        Op = "import"         // the package To is imported instead of its siblings whose names begin with From
)

// Edit is one change of a cluster's CUE, by the path of a field.
type Edit struct {
	Op       Op
	Path     []string // below "cluster"
	From, To string
}

// Do carries an edit out wherever the package writes what it concerns, and
// returns these places in the files as they were read: none if it found none.
func (p *Package) Do(e Edit) []spec.Pos {
	var at []spec.Pos
	switch e.Op {
	case Import:
		at = p.imports(e)
	case Drop:
		for _, s := range p.find(e.Path...).fields {
			p.changes.dropped[s.field] = s.in
			at = append(at, p.pos(s.field))
		}
	case Rename:
		for _, s := range p.find(e.Path...).fields {
			p.changes.text[plainLabel(s.field)] = labelLike(plainLabel(s.field), e.To)
			at = append(at, p.pos(s.field))
		}
	case Set:
		for _, v := range p.find(e.Path...).values {
			if s, ok := p.text(v); ok && s == e.From {
				p.changes.text[v] = strconv.Quote(e.To)
				at = append(at, p.pos(v))
			}
		}
	case RenameElement, DropElement:
		for _, v := range p.find(e.Path...).values {
			at = append(at, p.element(v, e)...)
		}
	}
	slices.SortFunc(at, func(a, b spec.Pos) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Col-b.Col)
	})
	return slices.Compact(at)
}

// text is what a string literal says, with the edits so far.
func (p *Package) text(e ast.Expr) (string, bool) {
	if text, ok := p.changes.text[e]; ok {
		s, err := literal.Unquote(text)
		return s, err == nil
	}
	return stringOf(e)
}

// labelLike is a name in quotes where it needs them, or the label had them.
func labelLike(l ast.Label, name string) string {
	if _, quoted := l.(*ast.BasicLit); quoted {
		return strconv.Quote(name)
	}
	return spec.Label(name)
}

// element renames or drops an element of a value, in each of the forms that one
// can be written in.
func (p *Package) element(v ast.Expr, e Edit) []spec.Pos {
	switch v := v.(type) {
	case *ast.ListLit:
		return p.listElement(v, e)
	case *ast.StructLit:
		return p.fieldElement(v, e)
	}
	text, ok := p.text(v)
	if !ok {
		return nil
	}
	elements := strings.Split(text, ",")
	is := func(s string) bool { return strings.TrimSpace(s) == e.From }
	if !slices.ContainsFunc(elements, is) {
		return nil
	}
	if e.Op == DropElement {
		elements = slices.DeleteFunc(elements, is)
	}
	for i := range elements {
		if is(elements[i]) {
			elements[i] = e.To
		}
	}
	p.changes.text[v] = strconv.Quote(strings.Join(elements, ","))
	return []spec.Pos{p.pos(v)}
}

func (p *Package) listElement(list *ast.ListLit, e Edit) []spec.Pos {
	var at []spec.Pos
	for _, x := range list.Elts {
		if s, ok := p.text(x); !ok || s != e.From || p.changes.dropped[x] != nil {
			continue
		}
		if e.Op == DropElement {
			p.changes.dropped[x] = list
		} else {
			p.changes.text[x] = strconv.Quote(e.To)
		}
		at = append(at, p.pos(x))
	}
	return at
}

func (p *Package) fieldElement(in *ast.StructLit, e Edit) []spec.Pos {
	var at []spec.Pos
	from, _, _ := strings.Cut(e.From, "=")
	to, _, _ := strings.Cut(e.To, "=")
	w := &walk{Package: p, seen: map[string]bool{}}
	w.decls(in, in.Elts, []string{from})
	for _, s := range w.fields {
		if e.Op == DropElement {
			p.changes.dropped[s.field] = s.in
		} else {
			p.changes.text[plainLabel(s.field)] = labelLike(plainLabel(s.field), to)
		}
		at = append(at, p.pos(s.field))
	}
	return at
}

// imports lets every file import the package To instead of its siblings; names
// that an import gives a package stay.
func (p *Package) imports(e Edit) []spec.Pos {
	var at []spec.Pos
	for _, s := range p.files {
		for imp := range s.tree.ImportSpecs() {
			info, err := astutil.ParseImportSpec(imp)
			if err != nil || !strings.HasPrefix(info.Dir, e.From) || strings.Contains(info.Dir[len(e.From):], "/") || info.Dir == e.To {
				continue
			}
			to := e.To
			if imported, err := literal.Unquote(imp.Path.Value); err == nil && strings.Contains(path.Base(imported), ":") {
				to += ":" + path.Base(e.To)
			}
			p.changes.text[imp.Path] = strconv.Quote(to)
			at = append(at, p.pos(imp.Path))
			if imp.Name != nil {
				continue
			}
			ast.Walk(s.tree, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && id.Node == ast.Node(imp) {
					p.changes.text[id] = path.Base(e.To)
				}
				return true
			}, nil)
		}
	}
	return at
}
