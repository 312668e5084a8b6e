package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/build"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/schemas"
)

// evaluated is the result of evaluating a cluster's field.
type evaluated struct {
	data     []byte
	findings []finding.Finding
	refused  []finding.Finding // type errors of flags
}

// evaluated evaluates a cluster's field. If the types of flags cause errors, it evaluates
// the field again without them: then rules, which can say more about a flag, see the
// cluster, and errors that CUE hides behind type errors come out.
func (l *loader) evaluated(inst *build.Instance, p place, over map[string][]byte, ex *explainer) evaluated {
	schema := schemaOf(inst)
	data, findings := l.field(inst, schema, p, ex)
	minor, typed := schemas.MinorOf(schema.ImportPath)
	if !typed || !slices.ContainsFunc(findings, func(f finding.Finding) bool { return inFlags(f.Field) }) {
		return evaluated{data: data, findings: findings}
	}
	all := maps.Clone(over)
	if all == nil {
		all = map[string][]byte{}
	}
	all[filepath.Join(schemaDir(schema), fmt.Sprintf("v1_%d", minor), "flags.cue")] = fmt.Appendf(nil, openPackage, minor, schemaPath)
	open := l.reload(p, all)
	opened := l.explainer(open, p)
	opened.typed = ex.typed // the names and types of flags are still needed
	data, others := l.field(open, schemaOf(open), p, opened)
	refused := union(others, findings)
	if len(others) == 0 {
		ex.embedded = opened.embedded // with values of embedded files in this data
		return evaluated{data: data, refused: findings}
	}
	if slices.ContainsFunc(others, func(f finding.Finding) bool { return !inFlags(f.Field) }) {
		return evaluated{findings: refused}
	}
	// Leave out flags with impossible names or values, to check the others.
	all[filepath.Join(schemaDir(schema), "flags.cue")] = []byte(openBase)
	open = l.reload(p, all)
	opened = l.explainer(open, p)
	data, left := l.field(open, schemaOf(open), p, opened)
	if data, err := without(data, others); err == nil && len(left) == 0 {
		ex.embedded = opened.embedded
		return evaluated{data: data, refused: refused}
	}
	return evaluated{findings: refused}
}

// openBase replaces flags.cue of the base.
const openBase = `package schemas

#Flags: {...}
#UntypedFlags: {...}
#Controller: string
#FeatureGates: {...}
`

// without removes flags with findings from a cluster.
func without(data []byte, at []finding.Finding) ([]byte, error) {
	var cluster map[string]any
	if err := json.Unmarshal(data, &cluster); err != nil {
		return nil, err
	}
	for _, f := range at {
		labels, _, _ := flagPath(f.Field)
		v := cluster
		for len(labels) > 1 && v != nil {
			v, _ = v[labels[0]].(map[string]any)
			labels = labels[1:]
		}
		if len(labels) == 1 {
			delete(v, labels[0])
		}
	}
	return json.Marshal(cluster)
}

// openPackage replaces flags.cue of a minor version's package: it has the same names,
// and the base's flags.
const openPackage = `package v1_%[1]d

import "%[2]s"

#Cluster: schemas.#Cluster & {version!: =~"^v1\\.%[1]d\\."}
#Node: schemas.#Node
#Flags: schemas.#Flags
#Controller: schemas.#Controller
#FeatureGates: schemas.#FeatureGates
#CipherSuite: string
`

// union returns all of a, and those of b at other fields, sorted by position.
func union(a, b []finding.Finding) []finding.Finding {
	out := slices.Clone(a)
	for _, f := range b {
		if !slices.ContainsFunc(a, func(o finding.Finding) bool { return o.Field == f.Field }) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
	return out
}

// flagPath splits a path into a flag, the cluster's or a node's, and the rest. ok is
// false if the path isn't in flags.
func flagPath(field string) (flag, rest []string, ok bool) {
	labels := finding.Labels(field)
	n := 2
	if len(labels) > 0 && labels[0] == "nodes" {
		n = 4
	}
	if len(labels) < n || labels[n-2] != "flags" {
		return nil, nil, false
	}
	return labels[:n], labels[n:], true
}

func inFlags(field string) bool {
	_, _, ok := flagPath(field)
	return ok
}

// unknownMinor returns a finding if a cluster imports the package of a minor version
// that this program doesn't have.
func (x *explainer) unknownMinor(inst, schema *build.Instance) []finding.Finding {
	minor, typed := schemas.MinorOf(schema.ImportPath)
	if !typed || slices.Contains(schemas.Minors(), minor) {
		return nil
	}
	f := finding.Finding{Rule: "cue-import", Severity: finding.Error, Cluster: x.cluster, Pos: finding.Pos{File: x.rel(x.dir)}}
	f.Message, f.Expected, f.Hint = noMinor(minor)
	for _, file := range inst.Files {
		for imported := range file.ImportSpecs() {
			if info, err := astutil.ParseImportSpec(imported); err == nil && isSchema(info.ID) && info.ID != schemaPath {
				f.Pos = x.pos(imported.Pos())
			}
		}
	}
	return []finding.Finding{f}
}

// minorIn returns the minor version whose package a message names.
func minorIn(message string) (int, bool) {
	_, rest, ok := strings.Cut(message, `"`+schemaPath+"/")
	name, _, quoted := strings.Cut(rest, `"`)
	if !ok || !quoted {
		return 0, false
	}
	return schemas.MinorOf(schemaPath + "/" + name)
}

// noMinor returns the texts of a finding about a missing package of a minor version.
func noMinor(minor int) (message, expected, hint string) {
	all := schemas.Minors()
	if slices.Contains(all, minor) {
		return fmt.Sprintf("the vendored vocabulary has no package for v1.%d", minor),
			"the vocabulary of this kcmgen, which has one", "type: kcmgen schema vendor"
	}
	return fmt.Sprintf("the vocabulary has no package for v1.%d", minor),
		fmt.Sprintf("one from v1_%d to v1_%d", all[0], all[len(all)-1]),
		fmt.Sprintf("import %q and write schemas.#Cluster: its flags are left open, and unchecked", schemaPath)
}

// typed is the syntax of a minor version's package.
type typed struct {
	minor  int
	fields map[string]*ast.Field // at the top level
	types  map[string]*ast.Field // of schemas/types
}

// typedPackage returns a package of the vocabulary; nil if it isn't a minor version's.
func typedPackage(schema *build.Instance) *typed {
	minor, ok := schemas.MinorOf(schema.ImportPath)
	if !ok {
		return nil
	}
	t := &typed{minor: minor, fields: map[string]*ast.Field{}, types: map[string]*ast.Field{}}
	topFields(schema, t.fields)
	for _, dep := range schema.Imports {
		if strings.HasPrefix(dep.ImportPath, schemaPath+"/types") {
			topFields(dep, t.types)
		}
	}
	return t
}

func topFields(inst *build.Instance, out map[string]*ast.Field) {
	for _, f := range inst.Files {
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok && out[syntax.LabelOf(field.Label)] == nil {
				out[syntax.LabelOf(field.Label)] = field
			}
		}
	}
}

// field returns a field of a definition, or nil.
func (t *typed) field(definition, name string) *ast.Field {
	if f := t.fields[definition]; f != nil {
		if body, ok := f.Value.(*ast.StructLit); ok {
			for _, d := range body.Elts {
				if field, ok := d.(*ast.Field); ok && syntax.LabelOf(field.Label) == name {
					return field
				}
			}
		}
	}
	return nil
}

// names returns the fields of a definition, or the strings of a list.
func (t *typed) names(definition string) []string {
	var out []string
	f := t.fields[definition]
	if f == nil {
		return nil
	}
	ast.Walk(f.Value, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			out = append(out, syntax.LabelOf(n.Label))
			return false
		case *ast.ListLit:
			for _, e := range n.Elts {
				if s, ok := plainString(e, ""); ok {
					out = append(out, s)
				}
			}
		}
		return true
	}, nil)
	return out
}
