package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/config/rules"
	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

// explainer turns CUE's errors into findings: one per field, at the user's position,
// with the schema's as another, and with what was expected.
type explainer struct {
	rel      func(string) string
	cluster  string          // the cluster's name, if it is a literal
	dir      string          // of the package
	user     map[string]bool // files of the package itself
	root     cue.Value       // the package
	schema   func() cue.Value
	typed    *typed // the package of a minor version, if the cluster imports one
	source   finding.Source
	embedded *spec.Embedded    // contents of embedded files; nil if there are none
	files    []string          // names of embedded files
	values   map[string]string // what the user wrote, by field
	refs     []reference       // in the order of the files
	inst     *build.Instance
	ctx      *cue.Context // in which root was evaluated
}

// faults explains errors of evaluation.
func (x *explainer) faults(err error) []finding.Finding {
	var order []string
	groups := map[string][]errors.Error{}
	x.recordErrors(err)
	all := errors.Errors(err)
	if endless, ok := x.endless(all); ok {
		return []finding.Finding{endless}
	}
	more := max(0, len(all)-maxErrors)
	all = all[:len(all)-more]
	for _, e := range all {
		field := fieldOf(e)
		if slices.ContainsFunc(all, func(o errors.Error) bool { return isChoice(o) && strings.HasPrefix(field, fieldOf(o)+".") }) {
			continue // fields missing in each branch of the choice
		}
		if format, _ := e.Msg(); strings.Contains(format, "not allowed") {
			field = x.firstUnknown(field)
		}
		field, relevant := subject(field, all)
		if !relevant {
			continue // such as "isn't null", if an error of a part says more
		}
		if _, ok := groups[field]; !ok {
			order = append(order, field)
		}
		groups[field] = append(groups[field], e)
	}
	var out []finding.Finding
	open := x.open(groups)
	for _, field := range order {
		if x.elementsExplain(field, groups) {
			continue
		}
		if slices.ContainsFunc(open, func(r reference) bool { return r.field == field }) {
			continue // CUE's own errors, such as that a string is invalid, only follow
		}
		f := x.fault(field, groups[field])
		f.Cluster = x.cluster
		out = append(out, f)
	}
	// What depends on a missing field is incomplete: report the cause only.
	required := func(f finding.Finding) bool { return f.Rule == "cue-missing" && !incomplete(groups[f.Field]) }
	if len(open) > 0 || slices.ContainsFunc(out, required) {
		out = slices.DeleteFunc(out, func(f finding.Finding) bool { return f.Rule == "cue-missing" && incomplete(groups[f.Field]) })
	}
	out = append(out, x.unfilled(open)...)
	if more > 0 {
		out = append(out, x.moreErrors(more))
	}
	return out
}

// elementsExplain reports whether the errors at a list or a struct only follow from those
// at its elements: a struct that could be null, too, isn't null.
func (x *explainer) elementsExplain(at string, groups map[string][]errors.Error) bool {
	for field := range groups {
		inside := strings.HasPrefix(field, at+"[") || strings.HasPrefix(field, at+".") && isNull(groups[at])
		if inside && x.ownConflict(groups[at]) == nil {
			return true
		}
	}
	return false
}

// isNull reports whether errors say no more than that something isn't null.
func isNull(es []errors.Error) bool {
	return !slices.ContainsFunc(es, func(e errors.Error) bool {
		format, args := e.Msg()
		null := func(a any) bool { return fmt.Sprint(a) == "null" }
		conflict := strings.HasPrefix(format, "conflicting values") && slices.ContainsFunc(args, null)
		return !conflict && !strings.HasSuffix(format, "errors in empty disjunction:")
	})
}

// isChoice reports whether an error is about a field that needs exactly one of several
// forms.
func isChoice(e errors.Error) bool { return strings.Contains(syntax.OneLine(e), "matchN") }

// choice says which forms of a choice are given.
func (x *explainer) choice(field string) string {
	var has []string
	for _, form := range []string{"url", "file"} {
		if _, ok := x.source[field+"."+form]; ok {
			has = append(has, form)
		}
	}
	if len(has) == 0 {
		return field + " has neither url nor file"
	}
	return field + " has " + strings.Join(has, " and ")
}

func incomplete(es []errors.Error) bool {
	format, _ := es[0].Msg()
	return strings.Contains(format, "incomplete value") || strings.Contains(format, "non-concrete")
}

// fault makes one finding of all errors at a field: a disjunction has one for each of
// its branches.
func (x *explainer) fault(field string, es []errors.Error) finding.Finding {
	f := finding.Finding{Rule: "cue-type", Severity: finding.Error, Field: field}
	f.Pos, f.Also = x.sides(field, es)
	format, _ := es[0].Msg()
	switch {
	case strings.Contains(format, "not allowed"):
		return x.unknown(f, field, es[0])
	case strings.Contains(format, "required but not present"), incomplete(es):
		f.Rule = "cue-missing"
		f.Message = fmt.Sprintf("field %s is missing", field)
		f.Expected = expected(field, nil)
		return f
	}
	if name := requiredField(es); name != "" {
		f.Rule, f.Also = "cue-missing", nil
		f.Message = fmt.Sprintf("field %s needs %s, which has no value", field, name)
		f.Expected = name + ": a value, in this package"
		return f
	}
	f.Message = x.reason(es[len(es)-1])
	if part := x.part(field); part != field {
		field, f.Field, f.Pos = part, part, x.source.At(part)
	}
	if v, ok := x.values[field]; ok && (field != "" || !strings.ContainsAny(v, "{#")) {
		f.Message = fmt.Sprintf("%s is %s", cmp.Or(field, "cluster"), v)
	}
	if field == "nodes" && strings.Contains(syntax.OneLine(es[0]), "MinFields") {
		f.Message = "nodes has no node"
	}
	f.Expected = expected(field, x.alternatives(field, es))
	x.explainHost(&f, es)
	x.typed.explain(&f, x)
	if strings.HasSuffix(field, ".url") { // it may hold a password or a token
		f.Message = field + " is not a URL that kcmgen accepts"
		return f
	}
	if rules.SecretField(field) {
		f.Message, f.Expected = field+" is not what it must be", "text in quotes, once"
		return f
	}
	if isChoice(es[0]) {
		f.Message = x.choice(field)
		return f
	}
	if _, name, ok := strings.Cut(syntax.OneLine(es[0]), "undefined field: "); ok && field == "" {
		f.Message, f.Expected = "the vocabulary has no "+name, "schemas.#Cluster"
	}
	if e, at := sitePolicy(es); e != nil {
		f.Message += ", which this site's own constraints don't allow"
		f.Expected, f.Also, f.Hint = x.bound(field, e), []finding.Pos{x.pos(at)}, ""
	}
	if e := x.ownConflict(es); e != nil {
		f.Message, f.Expected = "two values for one field: "+syntax.OneLine(e), "one value"
		f.Also = x.others([]errors.Error{e}, f.Pos)
	}
	return f
}

// sitePolicy returns the error that comes from the site's own constraints on the
// vocabulary, and their position.
func sitePolicy(es []errors.Error) (errors.Error, token.Pos) {
	for _, e := range es {
		places := syntax.Positions(e)
		if strings.Contains(syntax.OneLine(e), "out of bound") {
			places = []token.Pos{e.Position()} // the bound's; the others are of bounds that hold
		}
		for _, p := range places {
			if strings.Contains(filepath.ToSlash(p.Filename()), "/"+vendoring.UsrDir+"/") {
				return e, p
			}
		}
	}
	return nil, token.NoPos
}

// bound describes the constraint that a field violates.
func (x *explainer) bound(field string, e errors.Error) string {
	msg := syntax.OneLine(e)
	if _, rest, ok := strings.Cut(msg, "(out of bound "); ok {
		return strings.TrimSuffix(rest, ")")
	}
	if others := x.alternatives(field, []errors.Error{e}); len(others) == 1 {
		return others[0]
	}
	return msg
}

// ownConflict returns the error of two values that the user wrote for one field; nil if
// there is none.
func (x *explainer) ownConflict(es []errors.Error) errors.Error {
	for _, e := range es {
		if format, _ := e.Msg(); !strings.HasPrefix(format, "conflicting values") {
			continue
		}
		places := map[token.Pos]bool{}
		own := true
		for _, p := range syntax.Positions(e) {
			places[p] = true
			own = own && x.user[p.Filename()]
		}
		if own && len(places) > 1 {
			return e
		}
	}
	return nil
}

// unknown explains a field that the schema doesn't have.
func (x *explainer) unknown(f finding.Finding, field string, e errors.Error) finding.Finding {
	labels := finding.Labels(field)
	f.Rule = "cue-unknown-field"
	if ps := syntax.Positions(e); len(ps) > 0 && fieldOf(e) == field {
		f.Pos = x.pos(ps[0]) // the label, not its value
	}
	if len(labels) >= 2 && labels[0] == "nodes" && !spec.IsName(labels[1]) {
		f.Rule, f.Field = "node-name", finding.Path(labels[:2]...)
		f.Pos = x.source.At(f.Field)
		f.Message = fmt.Sprintf("node name %.80q is not a DNS name", labels[1])
		f.Expected = expected("nodes.*", nil)
		return f
	}
	if len(labels) >= 3 && strings.HasPrefix(field, "binary.source.") && !slices.Contains(spec.Archs, labels[2]) {
		f.Field = finding.Path(labels[:3]...)
		f.Pos = x.source.At(f.Field)
		f.Message = fmt.Sprintf("there is no architecture %.80q", labels[2])
		f.Expected = "one of " + strings.Join(spec.Archs, ", ")
		return f
	}
	name := labels[len(labels)-1]
	switch {
	case len(labels) >= 2 && labels[len(labels)-2] == "flags":
		return x.typed.unknownFlag(f, name, x)
	case len(labels) >= 2 && labels[len(labels)-2] == "feature-gates":
		return x.typed.unknownGate(f, name, x)
	case strings.HasPrefix(field, "unit.Service.Exec"):
		f.Message = field + " can't be set"
		f.Expected = "paths.binary and flags: kcmgen makes it from them"
		return f
	}
	if there, ok := x.elsewhere(f, labels); ok {
		return there
	}
	f.Message = fmt.Sprintf("unknown field %q", name)
	known := x.siblings(labels[:len(labels)-1])
	if near := spec.Nearest(name, known); near != "" {
		f.Expected = near
		f.Hint = fmt.Sprintf("did you mean %q?", near)
	} else if len(known) > 0 {
		f.Expected = "one of " + strings.Join(known, ", ")
	}
	return f
}

// sides returns the user's position of a field, and that of the schema's constraint.
func (x *explainer) sides(field string, es []errors.Error) (finding.Pos, []finding.Pos) {
	var user, schema []token.Pos
	for _, e := range es {
		for _, p := range syntax.Positions(e) {
			if x.user[p.Filename()] {
				user = append(user, p)
			} else {
				schema = append(schema, p)
			}
		}
	}
	first := x.source.At(field)
	if _, exact := x.source[field]; !exact && len(user) > 0 {
		first = x.pos(user[0])
	}
	if len(schema) == 0 {
		return first, nil
	}
	return first, []finding.Pos{x.pos(schema[0])}
}

// others returns the positions of errors other than not.
func (x *explainer) others(es []errors.Error, not finding.Pos) []finding.Pos {
	var out []finding.Pos
	for _, e := range es {
		for _, p := range syntax.Positions(e) {
			if at := x.pos(p); at != not && !slices.Contains(out, at) {
				out = append(out, at)
			}
		}
	}
	return out
}

// alternatives returns the values or types that the schema offers instead of the user's
// value, from errors "conflicting values A and B".
func (x *explainer) alternatives(field string, es []errors.Error) []string {
	var out []string
	for _, e := range es {
		format, args := e.Msg()
		if !strings.HasPrefix(format, "conflicting values") {
			continue
		}
		for _, a := range args[:2] {
			s := syntax.Trim(fmt.Sprint(a))
			if strings.HasPrefix(s, "{") || len(s) > 80 {
				s = "a struct"
			}
			if s != x.values[field] && !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	slices.Sort(out)
	return out
}

func (x *explainer) pos(p token.Pos) finding.Pos {
	name := p.Filename()
	for _, file := range x.files { // CUE has the name in the attribute
		if !filepath.IsAbs(name) && strings.HasSuffix(file, string(filepath.Separator)+filepath.FromSlash(name)) {
			name = file
		}
	}
	return finding.Pos{File: x.rel(name), Line: p.Line(), Col: p.Column()}
}

func (x *explainer) at(p token.Pos, rule, msg string) finding.Finding {
	return finding.Finding{Rule: rule, Severity: finding.Error, Pos: x.pos(p), Message: msg}
}

// fieldOf returns the path of an error inside the cluster, in the form of finding.Path.
func fieldOf(e errors.Error) string {
	labels := e.Path()
	if len(labels) > 0 && labels[0] == "cluster" {
		labels = labels[1:]
	}
	out := make([]string, len(labels))
	for i, l := range labels {
		if ls := finding.Labels(l); len(ls) == 1 {
			l = ls[0]
		}
		if i > 0 && isIndex(l) {
			l = "[" + l + "]"
		}
		out[i] = l
	}
	// A minor version's package checks a node's flags in a hidden field.
	if len(out) > 2 && out[0] == "nodes" && out[2] == "_flags" {
		out[2] = "flags"
	}
	return finding.Path(out...)
}
