// Package syntax reads what both clusters and rules need of CUE's syntax trees and errors:
// labels, the files of a package, and the texts and positions of errors.
package syntax

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// LabelOf returns a label's text; "*" for a pattern or a computed label.
func LabelOf(l ast.Label) string {
	if name, _, err := ast.LabelName(l); err == nil {
		return name
	}
	return "*"
}

// With returns labels with one more, in a slice of its own.
func With(labels []string, l string) []string {
	return append(append(make([]string, 0, len(labels)+1), labels...), l)
}

// EachFile calls each for the files of a package and of its imports.
func EachFile(inst *build.Instance, seen map[*build.Instance]bool, each func(*ast.File)) {
	if seen[inst] {
		return
	}
	seen[inst] = true
	for _, f := range inst.Files {
		each(f)
	}
	for _, dep := range inst.Imports {
		EachFile(dep, seen, each)
	}
}

// Trim returns a text of CUE on one line.
func Trim(s string) string { return strings.Join(strings.Fields(s), " ") }

// OneLine returns the text of an error on one line, without its path.
func OneLine(e errors.Error) string {
	format, args := e.Msg()
	// An error of another library is wrapped, and may have no message itself.
	return cmp.Or(Trim(fmt.Sprintf(format, args...)), Trim(e.Error()))
}

// Positions returns the positions of an error, those of its inputs first.
func Positions(e errors.Error) []token.Pos {
	var out []token.Pos
	for _, p := range append(slices.Clone(e.InputPositions()), e.Position()) {
		if p.IsValid() && p.Filename() != "" {
			out = append(out, p)
		}
	}
	return out
}

// TopLabels returns the positions of a package's top-level field, and of the fields in it.
// rel returns the name of a file as it is shown.
func TopLabels(inst *build.Instance, label string, rel func(string) string) finding.Source {
	s := labels{out: finding.Source{}, rel: rel}
	for _, f := range inst.Files {
		for _, d := range f.Decls {
			field, ok := d.(*ast.Field)
			if !ok || LabelOf(field.Label) != label {
				continue
			}
			s.record("", field.Label.Pos())
			s.inner(field.Value)
		}
	}
	return s.out
}

// labels collects the positions of labels.
type labels struct {
	out finding.Source
	rel func(string) string
}

func (s labels) record(path string, p token.Pos) {
	if _, ok := s.out[path]; !ok && p.IsValid() {
		s.out[path] = finding.Pos{File: s.rel(p.Filename()), Line: p.Line(), Col: p.Column()}
	}
}

// inner records the fields of a struct, and nothing inside them.
func (s labels) inner(e ast.Expr) {
	switch e := e.(type) {
	case *ast.StructLit:
		for _, d := range e.Elts {
			if f, ok := d.(*ast.Field); ok {
				s.record(finding.Path(LabelOf(f.Label)), f.Label.Pos())
			}
		}
	case *ast.BinaryExpr:
		if e.Op == token.AND {
			s.inner(e.X)
			s.inner(e.Y)
		}
	case *ast.ParenExpr:
		s.inner(e.X)
	}
}
