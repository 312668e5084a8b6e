package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// embeddedIn returns what a package has embedded; nil if it embeds nothing.
func (x *explainer) embeddedIn(e *embedder, inst *build.Instance) *spec.Embedded {
	if len(e.embedded) == 0 {
		return nil
	}
	var files []string
	for _, name := range slices.Sorted(maps.Keys(e.embedded)) {
		files = append(files, x.rel(name))
	}
	out := spec.NewEmbedded(files, literals(inst))
	for _, data := range e.embedded {
		out.Add(string(data))
	}
	return out
}

// recordErrors records values of embedded files that appear in errors.
func (x *explainer) recordErrors(err error) {
	if x.embedded != nil {
		fromErrors(x.embedded, err)
	}
}

func (x *explainer) unreadable(name string, err error) finding.Finding {
	return finding.Finding{
		Rule: "cue-unreadable", Severity: finding.Error, Cluster: x.cluster, Pos: finding.Pos{File: x.rel(name)},
		Message: unnamed(err).Error(), Expected: "a directory of CUE",
	}
}

// literals returns the strings, names and numbers in the files of a package and its
// imports.
func literals(inst *build.Instance) map[string]bool {
	out := map[string]bool{}
	syntax.EachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		ast.Walk(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				out[n.Name] = true
			case *ast.BasicLit:
				out[n.Value] = true
				if n.Kind != token.STRING {
					return true
				}
				if s, err := literal.Unquote(n.Value); err == nil {
					out[s] = true
				}
			}
			return true
		}, nil)
	})
	for _, word := range []string{
		"string", "int", "float", "number", "bool", "bytes", "struct", "list", "null", "true", "false", "_", "_|_", "{}", "[]",
		"{...}", "[...]",
	} {
		out[word] = true
	}
	return out
}

// fromErrors adds values in errors, which may be parts of embedded files or derive from
// them.
func fromErrors(e *spec.Embedded, err error) {
	for _, one := range errors.Errors(err) {
		for _, label := range one.Path() {
			if !isIndex(label) {
				addUnlessLiteral(e, label)
			}
		}
		_, args := one.Msg()
		for _, a := range args {
			addUnlessLiteral(e, fmt.Sprint(a))
		}
		if cause := errors.Unwrap(one); cause != nil {
			addUnlessLiteral(e, cause.Error())
		}
	}
}

func addUnlessLiteral(e *spec.Embedded, text string) {
	text = syntax.Trim(text)
	if s, err := literal.Unquote(text); err == nil {
		e.Add(s)
	}
	if !e.IsOwn(text) {
		e.Add(text)
	}
}

// unaffected marks values as not secret that the cluster has even without embedded
// files: it evaluates the package without them. Those are also the vocabulary's own
// values.
func (x *explainer) unaffected(inst, schema *build.Instance) {
	ctx := cuecontext.New()
	var taken []func()
	syntax.EachFile(inst, map[*build.Instance]bool{}, func(f *ast.File) {
		all := f.Decls
		f.Decls = slices.DeleteFunc(slices.Clone(all), func(d ast.Decl) bool {
			a, ok := d.(*ast.Attribute)
			return ok && a.Name() == "extern"
		})
		taken = append(taken, func() { f.Decls = all })
	})
	v := ctx.BuildInstance(inst).LookupPath(cue.ParsePath("cluster"))
	for _, put := range taken {
		put()
	}
	if !holdsToSchema(inst) {
		v = v.Unify(ctx.BuildInstance(schema).LookupPath(cue.MakePath(cue.Def("Cluster"))))
	}
	v.Walk(nil, func(v cue.Value) {
		v, _ = v.Default()
		switch v.Kind() {
		case cue.StringKind:
			if s, err := v.String(); err == nil {
				x.embedded.Own(s)
			}
		case cue.IntKind, cue.FloatKind, cue.NumberKind:
			if data, err := v.MarshalJSON(); err == nil {
				x.embedded.Own(string(data))
			}
		}
	})
}

// fromData adds the values and labels of an evaluated cluster.
func fromData(e *spec.Embedded, data []byte) {
	dec := json.NewDecoder(strings.NewReader(string(data)))
	dec.UseNumber()
	for {
		t, err := dec.Token()
		if err != nil {
			return
		}
		switch t := t.(type) {
		case string:
			e.Add(t)
		case json.Number:
			e.Add(t.String())
		}
	}
}
