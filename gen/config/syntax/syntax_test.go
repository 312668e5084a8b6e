package syntax

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/parser"
)

// parsed returns a package of one file.
func parsed(t *testing.T, text string) *build.Instance {
	t.Helper()
	f, err := parser.ParseFile("/m/a.cue", text)
	if err != nil {
		t.Fatal(err)
	}
	return &build.Instance{Files: []*ast.File{f}}
}

// TestTopLabels: fields of a top-level field are found in each of its parts, and none deeper
// or elsewhere.
func TestTopLabels(t *testing.T) {
	inst := parsed(t, "package p\n\nrules: {\n\ta: {x: 1}\n} & ({\"b c\": 1})\nrules: (k): 1\nother: d: 1\nrules: a: 2\n")
	got := TopLabels(inst, "rules", func(name string) string { return strings.TrimPrefix(name, "/m/") })
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(got)) {
		lines = append(lines, path+" "+got[path].String())
	}
	if all, want := strings.Join(lines, "\n"), " a.cue:3:1\n\"b c\" a.cue:5:7\n* a.cue:6:8\na a.cue:4:2"; all != want {
		t.Errorf("%s\nnot\n%s", all, want)
	}
}

// TestEachFile: the files of imports are visited once, also if packages share them.
func TestEachFile(t *testing.T) {
	shared := parsed(t, "package shared\n")
	one, two := parsed(t, "package one\n"), parsed(t, "package two\n")
	one.Imports, two.Imports = []*build.Instance{shared, two}, []*build.Instance{shared}
	var names []string
	EachFile(one, map[*build.Instance]bool{}, func(f *ast.File) { names = append(names, f.PackageName()) })
	if got := strings.Join(names, " "); got != "one shared two" {
		t.Error(got)
	}
}

// TestWith: labels that share a slice don't overwrite each other.
func TestWith(t *testing.T) {
	base := make([]string, 1, 4)
	a, b := With(base, "a"), With(base, "b")
	if a[1] != "a" || b[1] != "b" {
		t.Error(a, b)
	}
}
