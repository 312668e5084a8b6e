package bounds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"
)

func plain(t testing.TB, text string) *Reason {
	t.Helper()
	f, err := parser.ParseFile("a.cue", "package a\n"+text)
	if err != nil {
		t.Fatal(err)
	}
	return Plain([]*ast.File{f})
}

// TestPlain: what people write to describe a cluster is plain.
func TestPlain(t *testing.T) {
	for name, text := range map[string]string{
		"values":        `a: {b: 1, c: "x", d: [1, 2.5, true, null]}`,
		"references":    "_ca: \"/etc/ca\"\na: {file: _ca, other: file, n: cluster.name}\ncluster: name: \"prod\"",
		"own field":     "cluster: {name: \"prod\", flags: \"cluster-name\": cluster.name, paths: {ca: \"x\", tls: ca}, f: paths.ca}",
		"pattern":       "nodes: [string]: {user: \"ops\", n: *1 | int}\nnodes: {a: {}, b: {}}",
		"alias":         `nodes: [string]: N={flags: "bind-address": N.address}`,
		"label alias":   `nodes: [Name=string]: host: Name`,
		"interpolation": `n: 3, a: "10.0.0.\(n)", b: "x" + a`,
		"loop":          `nodes: {for i in [1, 2, 3] {"cp-\(i)": address: "10.0.0.\(10 + i)"}}`,
		"condition":     `x: true, if x {b: 1}, l: [if x {1}]`,
		"alternatives":  `a: "x" | *"y" | string, b: int & >=0 & <10`,
		"import":        "import \"github.com/kcmgen/kcmgen/schemas\"\ncluster: schemas.#Cluster & {name: \"x\"}",
		"let":           "let x = 1\na: x + 1, b: [...int]",
		"index":         `a: [1, 2], b: a[0], c: {d: 1}, e: c["d"]`,
	} {
		if r := plain(t, text); r != nil {
			t.Errorf("%s: %s at %v", name, r.What, r.Pos)
		}
	}
}

// TestLarge: what can make much of a little isn't plain.
func TestLarge(t *testing.T) {
	var strings, structs, deep string
	for i := range 30 {
		strings += fmt.Sprintf("s%d: s%d + s%[2]d\n", i+1, i)
		structs += fmt.Sprintf("s%d: {x: s%d, y: s%[2]d}\n", i+1, i)
		deep += "{a: "
	}
	for name, text := range map[string]string{
		"call":              "import \"strings\"\na: strings.Repeat(\"x\", 10)",
		"own function":      `a: len("x")`,
		"multiplication":    `a: "x" * 1000`,
		"regular":           `a: =~"x"`,
		"regular pattern":   `a: [=~"x"]: 1`,
		"doubled strings":   "s0: \"x\"\n" + strings,
		"doubled structs":   "s0: \"x\"\n" + structs,
		"struct choice":     `a: {x: 1} | {y: 1}`,
		"reference choice":  `b: {x: 1}, a: b | 1`,
		"itself":            `a: {b: a}`,
		"each other":        `a: b, b: a`,
		"aliases":           "let x = {y: x}\na: x",
		"loop over a value": `l: [1, 2], a: [for x in l {x}]`,
		"loops":             "a: [" + repeat("for x in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] ", 7) + "{1}]",
		"depth":             "a: " + repeat("{a: ", 60) + "1" + repeat("}", 60),
		"embedded":          `a: _ @embed(file=a.json)`,
		"digits":            "a: " + repeat("9", 100),
		"exponent":          "a: 1e99999",
		"slice":             `l: [1, 2], a: l[0:1]`,
		"patterns":          "a: [string]: [string]: [string]: [string]: 1\n" + lines(100),
	} {
		if r := plain(t, text); r == nil {
			t.Errorf("%s is plain", name)
		} else if r.What == "" || !r.Pos.IsValid() {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func repeat(s string, n int) string { return strings.Repeat(s, n) }

func lines(n int) string {
	out := ""
	for i := range n {
		out += fmt.Sprintf("f%d: 1\n", i)
	}
	return out
}

// TestExamplesArePlain: the clusters of this repository need no child.
func TestExamplesArePlain(t *testing.T) {
	names, err := filepath.Glob("../../../cue/*/*.cue")
	if err != nil || len(names) == 0 {
		t.Fatalf("no clusters: %v", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(name, data)
		if err != nil {
			t.Fatal(err)
		}
		if r := Plain([]*ast.File{f}); r != nil {
			t.Errorf("%v: %s", r.Pos, r.What)
		}
	}
}

// TestManyNodesArePlain: a file of the maximum size, of nodes as people write them.
func TestManyNodesArePlain(t *testing.T) {
	text := "cluster: nodes: {\n"
	for i := range 1000 {
		text += fmt.Sprintf("\t\"n-%d\": address: \"10.0.%d.%d\"\n", i, i/250, i%250+1)
	}
	if r := plain(t, text+"}\ncluster: nodes: [string]: ssh: user: \"ops\""); r != nil {
		t.Errorf("%s at %v", r.What, r.Pos)
	}
}

// FuzzPlain: it ends, whatever the syntax.
func FuzzPlain(f *testing.F) {
	for _, s := range []string{"a: b\nb: a", "a: [for x in [1] {x}]", "X=a: X.b", "let x = x\na: {x, ...}", "a: {[=~\"x\"]: 1} & b.c[0]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if file, err := parser.ParseFile("a.cue", s); err == nil && len(s) < 10_000 {
			Plain([]*ast.File{file})
		}
	})
}
