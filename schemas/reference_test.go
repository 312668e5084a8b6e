// Package schemas_test writes docs/reference.md from the schemas, so that the two
// can't differ.
package schemas_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/kcmgen/kcmgen/gen/flags"
)

var update = flag.Bool("update", false, "write docs/reference.md and the packages of minor versions")

const referenceDoc = "../docs/reference.md"

const referenceHead = `# Reference

All fields of a cluster, in their order; [Write a cluster](cluster.md) is organized by task. This page is made from
[schemas/](../schemas). A field may be omitted unless it is **required**; its value is then the *default*. ` + "`<dir>`" + ` in a default is the
value of the field ` + "`dir`" + `. Fields that aren't here are refused. KCM is kube-controller-manager.

A cluster imports the package of its minor version, %s.
The package permits ` + "`version`" + ` in that minor version only, and knows every flag of its kube-controller-manager: name, type and range, controllers and feature gates. The base,
` + "`github.com/kcmgen/kcmgen/schemas`" + `, does not check flags.
`

// packages are the minor versions that have a package of their own.
func packages() string {
	all := flags.Minors()
	first, last := all[0], all[len(all)-1]
	return fmt.Sprintf("from [v1_%d](../schemas/v1_%[1]d/flags.cue) to [v1_%[2]d](../schemas/v1_%[2]d/flags.cue)", first, last)
}

// TestReference compares docs/reference.md with the schemas.
func TestReference(t *testing.T) {
	got := []byte(newReference(t).String())
	if *update {
		if err := os.WriteFile(referenceDoc, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(referenceDoc)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, got) {
		t.Errorf("type: go test ./schemas -update\n%s", diff.Diff(referenceDoc, old, "schemas", got))
	}
}

// TestDefaults compares the defaults in the reference with those of a cluster that
// CUE evaluates.
func TestDefaults(t *testing.T) {
	r := newReference(t)
	minimal := `import "github.com/kcmgen/kcmgen/schemas"
cluster: schemas.#Cluster & {name: "c", version: "v1.2.3", layout: "systemd", nodes: n: address: "10.0.0.1"}
`
	for _, s := range r.sections {
		// An optional struct has its defaults once it is there.
		for _, place := range r.at[s.name] {
			beside := place == "rules" || place == "tests" // the cluster
			if place != "" && !beside && !strings.Contains(place, "<") {
				minimal += "cluster: " + strings.ReplaceAll(place, ".", ": ") + ": _\n"
			}
		}
	}
	at, err := filepath.Abs("minimal.cue")
	if err != nil {
		t.Fatal(err)
	}
	inst := load.Instances([]string{at}, &load.Config{Overlay: map[string]load.Source{at: load.FromString(minimal)}})[0]
	got := cuecontext.New().BuildInstance(inst).LookupPath(cue.ParsePath("cluster"))
	if err := got.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, s := range r.sections {
		for _, place := range r.at[s.name] {
			for _, w := range s.rows {
				path := join(place, w.field)
				_, outer := want[path] // sets the default of what it holds
				if literal := strings.HasPrefix(w.standard, "`"); literal && !outer && !strings.Contains(path+w.standard, "<") && w.under == "" {
					want[path] = strings.Trim(w.standard, "`")
				}
			}
		}
	}
	if len(want) < 50 {
		t.Fatalf("the reference has only %d defaults", len(want))
	}
	for path, text := range want {
		v := got
		for _, part := range cue.ParsePath(path).Selectors() {
			v, _ = v.LookupPath(cue.MakePath(part)).Default()
		}
		if v.Err() != nil || source(v.Syntax(cue.Final()).(ast.Expr)) != text {
			t.Errorf("%s: the reference says %s, CUE says %v", path, text, v)
		}
	}
}

// reference is the document while it is made.
type reference struct {
	t           *testing.T
	definitions map[string]*ast.Field
	sections    []*section          // in the order in which a cluster uses them
	values      []string            // definitions that aren't structs
	at          map[string][]string // where each is used
}

// section is one definition that is a struct.
type section struct {
	name string
	rows []row
}

// row is one field.
type row struct {
	field, typ, standard, meaning string

	under string // the condition under which it applies
}

func newReference(t *testing.T) *reference {
	t.Helper()
	files, err := filepath.Glob("*.cue")
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.cue here (%v)", err)
	}
	r := &reference{t: t, definitions: map[string]*ast.Field{}, at: map[string][]string{}}
	for _, name := range files {
		f, err := parser.ParseFile(name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok {
				r.definitions[label(field)] = field
			}
		}
	}
	r.definition("#Cluster", "")
	r.definition("#Rules", "rules")
	r.definition("#RuleTests", "tests")
	for name, f := range r.definitions {
		if _, used := r.at[name]; !used && strings.HasPrefix(name, "#") {
			t.Errorf("%s: %s is a definition that no cluster uses", f.Pos(), name)
		}
	}
	return r
}

// definition notes that a definition is used at a path, and reads it the first time.
func (r *reference) definition(name, at string) {
	f, ok := r.definitions[name]
	if !ok {
		r.t.Fatalf("%s is used at %s and defined nowhere", name, at)
	}
	first := len(r.at[name]) == 0
	r.at[name] = append(r.at[name], at)
	if !first {
		return
	}
	if !r.isStruct(name) {
		r.values = append(r.values, name)
		r.use(f.Value, at)
		return
	}
	s := &section{name: name}
	r.sections = append(r.sections, s)
	for _, part := range operands(f.Value, token.AND) {
		// The comment explains the rest, such as a matchN.
		if body, ok := part.(*ast.StructLit); ok {
			r.decls(s, body.Elts, "", at, "")
		}
	}
}

// use notes the definitions that an expression refers to.
func (r *reference) use(e ast.Expr, at string) {
	ast.Walk(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && strings.HasPrefix(id.Name, "#") {
			r.definition(id.Name, at)
		}
		_, nested := n.(*ast.StructLit) // its fields come by themselves
		return !nested
	}, nil)
}

// decls adds the fields of a struct to a section. prefix is the struct's path
// there, at its path in the cluster, and where the condition under which it applies.
func (r *reference) decls(s *section, all []ast.Decl, prefix, at, where string) {
	for _, d := range all {
		switch d := d.(type) {
		case *ast.Field:
			r.field(s, d, prefix, at, where)
		case *ast.Comprehension:
			clause, ok := d.Clauses[0].(*ast.IfClause)
			body, isStruct := d.Value.(*ast.StructLit)
			if !ok || !isStruct {
				r.t.Fatalf("%s: the reference knows no such comprehension", d.Pos())
			}
			to := s
			if strings.HasPrefix(code(clause.Condition), "`#") { // between definitions, not for users
				to = &section{}
			}
			r.decls(to, body.Elts, prefix, at, "Where "+code(clause.Condition)+". ")
		case *ast.EmbedDecl, *ast.CommentGroup, *ast.Ellipsis:
		default:
			r.t.Fatalf("%s: the reference knows no %T", d.Pos(), d)
		}
	}
}

func (r *reference) field(s *section, f *ast.Field, prefix, at, where string) {
	name, form := fieldName(f)
	if strings.HasPrefix(name, "_") || strings.HasPrefix(name, "#") {
		return // a constraint on the field next to it, whose comment explains it
	}
	path, full := join(prefix, name), join(at, name)
	k := kindOf(r, f.Value)
	meaning := sentence(cmp.Or(docOf(f), r.firstSentence(f.Value)))
	if form != "" {
		meaning = "Names: " + form + ". " + meaning
		r.use(f.Label.(*ast.ListLit), at)
	}
	standard := k.standard
	switch f.Constraint.String() {
	case "!":
		standard = "**required**"
	case "?":
		standard = "none"
	}
	if k.typ+standard+meaning != "" {
		s.rows = append(s.rows, row{path, k.typ, standard, strings.TrimSpace(where + meaning), where})
	}
	r.use(f.Value, full)
	for _, body := range k.fields {
		r.decls(s, body.Elts, path, full, where)
	}
}

// firstSentence returns the first sentence about the definition that an expression
// begins with. It describes a field without a comment of its own.
func (r *reference) firstSentence(e ast.Expr) string {
	id, ok := operands(e, token.AND)[0].(*ast.Ident)
	if !ok {
		return ""
	}
	f, ok := r.definitions[id.Name]
	if !ok || !r.isStruct(id.Name) {
		return ""
	}
	first, _, _ := strings.Cut(docOf(f), ". ")
	return first
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "." + name
}

// sentence gives text a capital letter and a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}

func (r *reference) isStruct(name string) bool {
	return slices.ContainsFunc(operands(r.definitions[name].Value, token.AND), func(e ast.Expr) bool {
		_, ok := e.(*ast.StructLit)
		return ok
	})
}

// anchor is a link to a definition that has no place yet.
var anchor = regexp.MustCompile(`\(#\` + unresolved + `(\w+)\)`)

// cell returns text for a table's cell.
func (r *reference) cell(text string) string {
	text = anchor.ReplaceAllStringFunc(text, func(link string) string {
		name := anchor.FindStringSubmatch(link)[1]
		if !r.isStruct("#" + name) {
			name = "values"
		}
		return "(#" + strings.ToLower(name) + ")"
	})
	return strings.ReplaceAll(text, "|", `\|`)
}

// String returns the document.
func (r *reference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, referenceHead, packages())
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s", s.name[1:], r.intro(s.name))
		b.WriteString("| field | type | default | |\n|---|---|---|---|\n")
		for _, w := range s.rows {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", w.field, r.cell(w.typ), r.cell(w.standard), r.cell(w.meaning))
		}
	}
	b.WriteString("\n## Values\n\nThe form of single values.\n\n| | form | |\n|---|---|---|\n")
	slices.Sort(r.values)
	for _, name := range r.values {
		f := r.definitions[name]
		k := kindOf(r, f.Value)
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name[1:], r.cell(k.typ), r.cell(sentence(docOf(f))))
	}
	return b.String()
}

// intro returns a definition's comment, and where it is used.
func (r *reference) intro(name string) string {
	out := ""
	if doc := docOf(r.definitions[name]); doc != "" {
		out = sentence(doc) + "\n\n"
	}
	if places := r.at[name]; places[0] != "" {
		slices.Sort(places)
		out += "At `" + strings.Join(slices.Compact(places), "`, `") + "`.\n\n"
	}
	return out
}
