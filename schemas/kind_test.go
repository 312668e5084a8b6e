package schemas_test

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/token"
)

// kind is what a field's expression says, for people.
type kind struct {
	typ      string           // words and links
	standard string           // its default
	fields   []*ast.StructLit // fields that it has or sets
}

// kindOf reads a field's expression.
func kindOf(r *reference, e ast.Expr) kind {
	var k kind
	var types []string
	for _, part := range operands(e, token.AND) {
		if id, ok := part.(*ast.Ident); ok && strings.HasPrefix(id.Name, "_") && id.Name != "_" {
			part = r.definitions[id.Name].Value // hidden: only a way to say something once
		}
		if body, ok := part.(*ast.StructLit); ok {
			k.fields = append(k.fields, body)
			continue
		}
		typ, standard, fields := alternatives(part)
		k.fields = append(k.fields, fields...)
		if standard != "" {
			k.standard = standard
		}
		if typ != "" {
			types = append(types, typ)
		}
	}
	if len(k.fields) == 1 && isMap(k.fields[0]) {
		types = append([]string{"by name"}, types...)
	}
	k.typ = conjunction(types)
	return k
}

// isMap reports whether a struct has nothing but a pattern.
func isMap(s *ast.StructLit) bool {
	if len(s.Elts) != 1 {
		return false
	}
	f, ok := s.Elts[0].(*ast.Field)
	if !ok {
		return false
	}
	_, ok = f.Label.(*ast.ListLit)
	return ok
}

// alternatives reads a disjunction: what it allows, its default, and the fields
// of those alternatives that are structs.
func alternatives(e ast.Expr) (typ, standard string, fields []*ast.StructLit) {
	var words []string
	open := false // anything that the rest of a conjunction allows
	for _, alt := range operands(e, token.OR) {
		open = open || source(alt) == "_"
		if mark, ok := alt.(*ast.UnaryExpr); ok && mark.Op == token.MUL {
			alt = mark.X
			if p, ok := alt.(*ast.ParenExpr); ok {
				alt = p.X
			}
			inner := kindless(alt)
			fields = append(fields, inner.fields...)
			if len(inner.fields) > 0 {
				words = append(words, inner.typ)
				continue
			}
			standard = defaultText(alt)
			if follows(alt) {
				continue
			}
		}
		if word := single(alt); word != "" {
			words = append(words, word)
		}
	}
	switch {
	case open:
		return "", standard, fields
	case len(words) == 2 && slices.Contains(words, "`true`") && slices.Contains(words, "`false`"):
		words = []string{boolean}
	}
	if l, ok := e.(*ast.ListLit); ok && isOpen(l) {
		standard = "`[]`"
	}
	// A default that the rest of the type covers is no alternative of its own.
	if len(words) == 2 && words[0] == standard && !strings.HasPrefix(words[1], "`") {
		words = words[1:]
	}
	return either(words), standard, fields
}

// kindless reads the conjunction inside a default.
func kindless(e ast.Expr) (k kind) {
	var types []string
	for _, part := range operands(e, token.AND) {
		if body, ok := part.(*ast.StructLit); ok {
			k.fields = append(k.fields, body)
		} else {
			types = append(types, single(part))
		}
	}
	k.typ = conjunction(types)
	return k
}

// operands are the parts of a chain of one operator, in order.
func operands(e ast.Expr, op token.Token) []ast.Expr {
	switch x := e.(type) {
	case *ast.BinaryExpr:
		if x.Op == op {
			return append(operands(x.X, op), operands(x.Y, op)...)
		}
	case *ast.ParenExpr:
		return operands(x.X, op)
	}
	return []ast.Expr{e}
}

const boolean = "boolean"

// words of what is built in.
var words = map[string]string{
	"string": "string", "int": "integer", "bool": boolean, "number": "number", "null": "`null`", "_": "",
	"net.IP": "IP address", "net.IPCIDR": "CIDR", "struct.MinFields(1)": "one at least", `!~"%"`: "without a zone",
}

// unresolved begins an anchor that is the name of a definition.
const unresolved = "?"

// single reads what is neither a conjunction nor a disjunction of its own.
func single(e ast.Expr) string {
	text := source(e)
	if word, ok := words[text]; ok {
		return word
	}
	switch x := e.(type) {
	case *ast.Ident:
		if strings.HasPrefix(x.Name, "#") {
			return "[" + x.Name[1:] + "](#" + unresolved + x.Name[1:] + ")"
		}
	case *ast.BinaryExpr, *ast.ParenExpr:
		if len(operands(e, token.AND)) > 1 {
			var types []string
			for _, part := range operands(e, token.AND) {
				types = append(types, single(part))
			}
			return conjunction(types)
		}
		typ, _, _ := alternatives(e)
		return typ
	case *ast.ListLit:
		return list(x)
	case *ast.UnaryExpr:
		switch x.Op {
		case token.MAT:
			return "string matching " + regular(x.X)
		case token.NMAT:
			return "not matching " + regular(x.X)
		case token.NEQ:
			return "not `" + source(x.X) + "`"
		}
	}
	if n, ok := strings.CutPrefix(text, "strings.MaxRunes("); ok {
		return "at most " + strings.TrimSuffix(n, ")") + " characters"
	}
	return "`" + text + "`"
}

// isOpen reports whether a list may have elements and needs none.
func isOpen(l *ast.ListLit) bool {
	if len(l.Elts) != 1 {
		return false
	}
	_, ok := l.Elts[0].(*ast.Ellipsis)
	return ok
}

func list(l *ast.ListLit) string {
	if len(l.Elts) == 0 {
		return "`[]`"
	}
	last, ok := l.Elts[len(l.Elts)-1].(*ast.Ellipsis)
	if !ok {
		return code(l)
	}
	of := single(last.Type)
	for one, many := range map[string]string{"string": "strings", "IP address": "IP addresses", "CIDR": "CIDRs"} {
		if rest, ok := strings.CutPrefix(of, one); ok {
			of = many + rest
		}
	}
	if len(l.Elts) > 1 {
		return "list of " + of + ", one at least"
	}
	return "list of " + of
}

// regular is a regular expression as it is matched, without CUE's quoting.
func regular(e ast.Expr) string {
	return "`" + strings.ReplaceAll(strings.Trim(source(e), `"`), `\\`, `\`) + "`"
}

var (
	limits = regexp.MustCompile("^integer, `>=(\\d+)`, `<=(\\d+)`$")
	least  = regexp.MustCompile("^integer, `>=(\\d+)`$")
)

// conjunction is all of some words.
func conjunction(all []string) string {
	var out []string
	for _, w := range all {
		if w != "" {
			out = append(out, w)
		}
	}
	// A name for the whole comes before what narrows it.
	slices.SortStableFunc(out, func(a, b string) int {
		return cmp.Compare(strings.Count(b, "]("), strings.Count(a, "]("))
	})
	text := strings.ReplaceAll(strings.Join(out, ", "), ", string matching", ", matching")
	text = strings.Replace(text, "string, IP address", "IP address", 1)
	text = strings.Replace(text, "string, CIDR", "CIDR", 1)
	text = strings.Replace(text, "IP address, without", "IP address without", 1)
	text = limits.ReplaceAllString(text, "$1 to $2")
	return least.ReplaceAllString(text, "$1 or more")
}

// either is one of some words.
func either(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	last, or := len(all)-1, " or "
	if strings.Contains(strings.Join(all, ""), ", ") {
		or = ", or "
	}
	return strings.Join(all[:last], ", ") + or + all[last]
}

var interpolated = regexp.MustCompile(`\\\(([a-zA-Z.]+)\)`)

// follows reports whether a default is another field's, or made of one.
func follows(e ast.Expr) bool {
	switch e.(type) {
	case *ast.Ident, *ast.Interpolation:
		return true
	}
	return false
}

// defaultText is a default as people read it.
func defaultText(e ast.Expr) string {
	if id, ok := e.(*ast.Ident); ok {
		return "that of `" + id.Name + "`"
	}
	return "`" + interpolated.ReplaceAllString(source(e), "<$1>") + "`"
}

func code(e ast.Expr) string { return "`" + source(e) + "`" }

func source(e ast.Expr) string {
	b, err := format.Node(e)
	if err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(string(b)), " ")
}

func label(f *ast.Field) string {
	name, _, err := ast.LabelName(f.Label)
	if err != nil {
		return source(f.Label.(ast.Expr))
	}
	return name
}

// fieldName is a field's name; of a pattern, a word for the names and what they
// have to be.
func fieldName(f *ast.Field) (name, form string) {
	pattern, ok := f.Label.(*ast.ListLit)
	if !ok {
		return label(f), ""
	}
	e := pattern.Elts[0]
	if id, ok := e.(*ast.Ident); ok && id.Name == "string" {
		return "<name>", ""
	}
	return "<name>", strings.TrimPrefix(kindless(e).typ, "string ")
}

// docOf is a field's comment: the one above it, or the one behind it.
func docOf(f *ast.Field) string {
	var out []string
	for _, g := range ast.Comments(f) {
		out = append(out, comment(g))
	}
	if len(out) == 0 {
		for _, g := range ast.Comments(f.Value) {
			out = append(out, comment(g))
		}
	}
	text, name := strings.Join(out, " "), strings.TrimPrefix(label(f), "#")
	// What it stands beside is its name already.
	for _, is := range []string{name + " is ", name + " are ", name + ": "} {
		if rest, ok := strings.CutPrefix(text, is); ok {
			return rest
		}
	}
	if rest, ok := strings.CutPrefix(text, name+" "); ok && verb.MatchString(rest) {
		return rest
	}
	return text
}

var verb = regexp.MustCompile(`^(sets|says|puts|signs|states|names|adds|lists|pins|holds|limits|accepts) `)

var definitionName = regexp.MustCompile(`#([A-Z])`)

// comment is a comment's text in one line. What it sets in stays apart.
func comment(g *ast.CommentGroup) string {
	var b strings.Builder
	for _, c := range g.List {
		line := strings.TrimPrefix(c.Text, "//")
		switch {
		case strings.HasPrefix(line, "   "):
			first, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			b.WriteString("<br>`" + first + "` " + strings.TrimSpace(rest))
		case b.Len() > 0:
			b.WriteString(" " + strings.TrimSpace(line))
		default:
			b.WriteString(strings.TrimSpace(line))
		}
	}
	return definitionName.ReplaceAllString(strings.TrimSpace(b.String()), "$1")
}
