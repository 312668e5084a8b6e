package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
	"github.com/kcmgen/kcmgen/schemas"
)

// subject returns the field that an error at field is about. A flag's value has one of
// several forms. If another error is about a part of the value, one about the whole is
// redundant, and ok is false. A hidden field of the vocabulary, such as _gate, constrains
// the field gate next to it.
func subject(field string, all []errors.Error) (about string, ok bool) {
	flag, rest, inside := flagPath(field)
	switch {
	case !inside:
		labels := finding.Labels(field)
		last := len(labels) - 1
		if last < 0 || !strings.HasPrefix(labels[last], "_") {
			return field, true
		}
		labels[last] = labels[last][1:]
		return finding.Path(labels...), true
	case len(rest) > 0 && strings.HasPrefix(rest[0], "_"):
		return finding.Path(flag...), true
	case len(rest) > 0:
		return field, true
	}
	return field, !slices.ContainsFunc(all, func(e errors.Error) bool {
		other, part, ok := flagPath(fieldOf(e))
		return ok && len(part) > 0 && !strings.HasPrefix(part[0], "_") && finding.Path(other...) == field
	})
}

// explain adds to a finding what the package of a minor version knows about the field.
func (t *typed) explain(f *finding.Finding, x *explainer) {
	if t != nil && f.Field == "version" {
		t.otherVersion(f, x.values["version"])
		return
	}
	flag, rest, ok := flagPath(f.Field)
	if !ok {
		return
	}
	name := flag[len(flag)-1]
	if t == nil {
		f.Expected = partForm(f.Expected, name, rest)
		return
	}
	field := t.field("#Flags", name)
	if field == nil {
		return
	}
	f.Expected = partForm(t.form(field.Value), name, rest)
	f.Also = x.declared(field)
	value, err := literal.Unquote(x.values[f.Field])
	if m := outOfBound().FindStringSubmatch(f.Message); err != nil && m != nil { // computed
		value, err = literal.Unquote(m[1])
	}
	switch {
	case len(rest) == 0 || err != nil:
	case name == "controllers":
		value = strings.TrimPrefix(value, "-")
		f.Message = fmt.Sprintf("kube-controller-manager v1.%d has no controller %q", t.minor, value)
		f.Expected = `"*", a controller's name, or "-" and its name`
		nearest(f, value, t.names("_controllers"))
	case name == "tls-cipher-suites":
		f.Message = fmt.Sprintf("kube-controller-manager v1.%d has no cipher suite %q", t.minor, value)
		f.Expected = "the suite as Go has it, such as " + t.names("_cipherSuites")[0]
		nearest(f, value, t.names("_cipherSuites"))
	}
}

var outOfBound = lazy.Regexp(`^invalid value ("(?:[^"\\]|\\.)*") \(out of bound`)

// declared returns the position of a field in the vocabulary.
func (x *explainer) declared(f *ast.Field) []finding.Pos {
	if f == nil {
		return nil
	}
	return []finding.Pos{x.pos(f.Label.Pos())}
}

// nearest adds a suggestion to a finding, if a known name is similar.
func nearest(f *finding.Finding, name string, known []string) {
	if near := spec.NearestSafe(name, known); near != "" {
		f.Expected, f.Hint = near, fmt.Sprintf("did you mean %q?", near)
	}
}

// partForm describes what a part of a flag's value must be; all describes the whole.
func partForm(all, flag string, rest []string) string {
	switch {
	case len(rest) == 0:
		return all
	case flag == "feature-gates" && strings.HasPrefix(rest[0], "["): // a list is none of its forms
		return "gates by name, such as AllBeta: true"
	case flag == "feature-gates":
		return "true or false"
	}
	return "a string without a comma or a quotation mark"
}

// part returns the field of the first invalid part of a flag's value, if CUE reports
// only the whole: a gate that is neither true nor false, or an invalid element.
func (x *explainer) part(field string) string {
	flag, rest, ok := flagPath(field)
	if !ok || len(rest) > 0 {
		return field
	}
	name, bad := flag[len(flag)-1], ""
	for path, text := range x.values {
		at, part, ok := flagPath(path)
		if !ok || len(part) != 1 || finding.Path(at...) != field || bad != "" && bad < path {
			continue
		}
		value, err := literal.Unquote(text)
		switch {
		case name == "feature-gates" && text != "true" && text != "false",
			name == "tls-cipher-suites" && x.typed != nil && err == nil && !slices.Contains(x.typed.names("_cipherSuites"), value),
			strings.HasPrefix(part[0], "[") && err == nil && strings.ContainsAny(value, ",\"\r\n"):
			bad = path
		}
	}
	return cmp.Or(bad, field)
}

// otherVersion explains a version of another minor than the package's.
func (t *typed) otherVersion(f *finding.Finding, written string) {
	text, err := literal.Unquote(written)
	if err != nil {
		return
	}
	v, err := spec.ParseVersion(text)
	if err != nil || v.Minor == t.minor {
		return
	}
	f.Expected = fmt.Sprintf("a version v1.%d.x, or the package of the version's minor", t.minor)
	f.Hint = fmt.Sprintf("for %s: import %q", text, schemas.Package(v.Minor))
	switch known := schemas.Package(v.Minor) != schemaPath; {
	case !known:
		f.Hint += ", whose flags are left open"
	case v.Minor > t.minor:
		f.Hint = fmt.Sprintf("put the version back and type: kcmgen upgrade --to v1.%d", v.Minor)
	}
}

// unknownFlag explains a name that no flag has.
func (t *typed) unknownFlag(f finding.Finding, name string, x *explainer) finding.Finding {
	f.Message = fmt.Sprintf("%q is no flag's name", name)
	f.Expected = `the flag as kube-controller-manager has it, such as "leader-elect"`
	meant := dashed(name)
	if t != nil {
		if meant == name {
			f.Message = fmt.Sprintf("kube-controller-manager v1.%d has no flag %q", t.minor, name)
		}
		if meant != "" && t.field("#Flags", meant) == nil {
			meant = spec.Nearest(meant, t.names("#Flags"))
		}
		f.Also = x.declared(t.fields["#Flags"])
	}
	if meant != "" && meant != name {
		f.Expected, f.Hint = meant, fmt.Sprintf("did you mean %q?", meant)
	}
	return f
}

var hump = lazy.Regexp(`([a-z0-9])([A-Z])`)

// dashed converts labels such as cluster_cidr, --v and clusterCIDR to flag names; "" if
// it can't.
func dashed(name string) string {
	name = hump().ReplaceAllString(strings.Trim(name, "-_ "), "$1-$2")
	name = strings.ToLower(strings.NewReplacer("_", "-", " ", "-").Replace(name))
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	return name
}

// unknownGate explains a name that no feature gate has.
func (t *typed) unknownGate(f finding.Finding, name string, x *explainer) finding.Finding {
	f.Message = fmt.Sprintf("%q is no feature gate's name", name)
	f.Expected = "the gate as Kubernetes has it"
	if t == nil {
		return f
	}
	f.Message = fmt.Sprintf("kube-controller-manager v1.%d has no feature gate %q", t.minor, name)
	f.Also = x.declared(t.fields["#FeatureGates"])
	nearest(&f, name, t.names("#FeatureGates"))
	return f
}

// form describes the values of an expression in #Flags.
func (t *typed) form(e ast.Expr) string {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.OR {
		left, right := t.form(b.X), t.form(b.Y)
		if left == "" || right == "" {
			return left + right
		}
		return left + " or " + right
	}
	if a, ok := e.(*ast.Alias); ok {
		return t.form(a.Expr)
	}
	if body, ok := e.(*ast.StructLit); ok { // a value with its constraints
		return t.bounded(body)
	}
	text, err := format.Node(e)
	if err != nil {
		return ""
	}
	return t.words(string(text))
}

// bounded describes a value that hidden fields constrain.
func (t *typed) bounded(body *ast.StructLit) string {
	out := ""
	for _, d := range body.Elts {
		switch d := d.(type) {
		case *ast.EmbedDecl:
			out = t.form(d.Expr) + out
		case *ast.Field:
			if least, ok := strings.CutPrefix(syntax.LabelOf(d.Label), "_atLeast"); ok {
				out += ", at least " + strings.ToLower(least)
			}
		}
	}
	return out
}

var whole = lazy.Regexp(`^u?int(?:32|64)?(?: & >=(-?\d+))?(?: & <=(\d+))?$`)

// words describes one alternative.
func (t *typed) words(text string) string {
	if name, ok := strings.CutPrefix(text, "types."); ok {
		return t.meaning(name)
	}
	if m := whole().FindStringSubmatch(text); m != nil {
		switch {
		case m[2] != "":
			return fmt.Sprintf("a whole number from %s to %s", m[1], m[2])
		case m[1] != "":
			return "a whole number, " + m[1] + " or more"
		}
		return "a whole number"
	}
	switch {
	case text == "null": // always allowed, and no help
		return ""
	case text == "bool":
		return "true or false"
	case text == "string":
		return "a string, in quotes"
	case strings.HasPrefix(text, "float"):
		return "a number" + strings.NewReplacer(" & >=", ", at least ", " & <=", ", at most ").Replace(strings.TrimLeft(text, "float0123456789"))
	case text == "#FeatureGates":
		return "gates by name, such as AllBeta: true"
	case strings.HasPrefix(text, "[#Controller"):
		return `a list such as ["*", "-ttl-controller"]`
	case strings.HasPrefix(text, "[...#CipherSuite"):
		return "a list of cipher suites"
	case strings.HasPrefix(text, "=~"):
		return "one string of them"
	}
	return text
}

// meaning returns the first sentence of a type's comment.
func (t *typed) meaning(name string) string {
	f := t.types[name]
	if f == nil {
		return name
	}
	var doc []string
	for _, g := range ast.Comments(f) {
		doc = append(doc, g.Text())
	}
	text := syntax.Trim(strings.Join(doc, " "))
	for _, is := range []string{name + " is ", name + " are "} {
		text = strings.TrimPrefix(text, is)
	}
	text, _, _ = strings.Cut(text, ". ")
	return strings.TrimSuffix(text, ".")
}

// explainHost adds to a finding why a host is invalid, and the position of the
// vocabulary's definition, since CUE reports elements of a default first.
func (x *explainer) explainHost(f *finding.Finding, es []errors.Error) {
	value, err := literal.Unquote(x.values[f.Field])
	if err != nil { // computed
		for _, e := range es {
			if m := outOfBound().FindStringSubmatch(syntax.OneLine(e)); m != nil {
				value, err = literal.Unquote(m[1])
			}
		}
	}
	why := hostFault(f.Field, value)
	if err != nil || why == "" {
		return
	}
	f.Message += ": " + why
	for _, e := range es {
		for _, p := range syntax.Positions(e) {
			if filepath.Base(p.Filename()) == "node.cue" && !x.user[p.Filename()] {
				f.Also = []finding.Pos{x.pos(p)}
				return
			}
		}
	}
}
