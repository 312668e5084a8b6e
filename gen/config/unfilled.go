package config

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// reference is a reference to a field, as the whole value of one of the cluster, or within a
// string.
type reference struct {
	field string   // which refers
	to    []string // what it refers to
	pos   finding.Pos
}

// refer records a reference.
func (s *indexer) refer(e ast.Expr, labels []string) {
	var to []string
	for at := e; ; {
		switch x := at.(type) {
		case *ast.SelectorExpr:
			to, at = append(to, syntax.LabelOf(x.Sel)), x.X
			continue
		case *ast.Ident:
			if to = append(to, x.Name); len(to) > 1 {
				slices.Reverse(to)
				p := e.Pos()
				s.refs = append(s.refs, reference{finding.Path(labels...), to, finding.Pos{File: s.rel(p.Filename()), Line: p.Line(), Col: p.Column()}})
			}
		}
		return
	}
}

// open returns the references to fields of the package that have no value, if one of them is
// in a field with a fault: CUE reports some of them alone.
func (x *explainer) open(groups map[string][]errors.Error) []reference {
	out := slices.DeleteFunc(slices.Clone(x.refs), func(r reference) bool {
		var path []cue.Selector
		for _, label := range r.to {
			path = append(path, cue.Str(label))
		}
		if !x.root.LookupPath(cue.MakePath(path[:len(path)-1]...)).Exists() {
			return true // it refers to a field near it
		}
		v := x.root.LookupPath(cue.MakePath(path...))
		return v.Exists() && (v.IncompleteKind() == cue.BottomKind || v.IsConcrete())
	})
	if !slices.ContainsFunc(out, func(r reference) bool { return groups[r.field] != nil }) {
		return nil
	}
	return out
}

// unfilled returns a finding for each field that references need, with all of their places.
func (x *explainer) unfilled(open []reference) []finding.Finding {
	var out []finding.Finding
	for _, r := range open {
		message := strings.Join(r.to, ".") + " must be given"
		if i := slices.IndexFunc(out, func(f finding.Finding) bool { return f.Message == message }); i >= 0 {
			out[i].Also = append(out[i].Also, r.pos)
			continue
		}
		out = append(out, finding.Finding{
			Rule: "cue-missing", Severity: finding.Error, Cluster: x.cluster, Field: r.field, Pos: r.pos, Message: message,
			Expected: fmt.Sprintf("a value, in this package: %s: …", strings.Join(r.to, ": ")),
		})
	}
	return out
}

// requiredField returns the required field that a field refers to, and that the package leaves
// open; "" if there is none.
func requiredField(es []errors.Error) string {
	for _, e := range es {
		if _, name, ok := strings.Cut(syntax.OneLine(e), "required field missing: "); ok {
			return strings.Fields(name + " ")[0]
		}
	}
	return ""
}
