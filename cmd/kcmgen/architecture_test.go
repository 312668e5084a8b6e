//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const (
	architecture = "../../docs/design/architecture.md"
	modulePath   = "github.com/kcmgen/kcmgen/"
)

var ticked = regexp.MustCompile("`([a-z0-9/]+)`")

// imports are the packages of this module that each of them imports, but for tests.
type imports map[string][]string

// TestArchitectureImports: the table and the picture of docs/design/architecture.md have the
// imports that the packages have.
func TestArchitectureImports(t *testing.T) {
	data, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	got := listImports(t, testPackages(t, doc))
	table := tableImports(t, doc)
	if diff := gocmp.Diff(got, table); diff != "" {
		t.Errorf("%s: the table of imports (-go list +page):\n%s", architecture, diff)
	}
	pictured, arrows := flowchart(t, doc)
	for from, to := range got {
		if !slices.Contains(pictured, from) {
			continue
		}
		want := slices.DeleteFunc(slices.Clone(to), func(p string) bool { return !slices.Contains(pictured, p) })
		if diff := gocmp.Diff(want, slices.Sorted(slices.Values(arrows[from]))); diff != "" && len(want)+len(arrows[from]) > 0 {
			t.Errorf("%s: the arrows from %s (-go list +page):\n%s", architecture, from, diff)
		}
	}
}

// testPackages are those of the page's table "For tests", which the other table leaves out.
func testPackages(t *testing.T, doc string) []string {
	t.Helper()
	_, part, ok := strings.Cut(doc, "\n### For tests\n")
	part, _, _ = strings.Cut(part, "\n## ")
	names := regexp.MustCompile(`(?m)^\| \[([a-z/]+)\]`).FindAllStringSubmatch(part, -1)
	if !ok || len(names) < 5 {
		t.Fatalf("%s lists %d packages for tests: the table is lost", architecture, len(names))
	}
	var out []string
	for _, n := range names {
		out = append(out, n[1])
	}
	return out
}

// listImports asks go list for the packages of this module and their imports, sorted, without
// those that are for tests.
func listImports(t *testing.T, tests []string) imports {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := imports{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		name, _ := strings.CutPrefix(p.ImportPath, modulePath)
		if slices.ContainsFunc(tests, func(s string) bool { return name == s || strings.HasPrefix(name, s+"/") }) {
			continue
		}
		all[name] = []string{}
		for _, i := range p.Imports {
			if of, ours := strings.CutPrefix(i, modulePath); ours {
				all[name] = append(all[name], of)
			}
		}
		slices.Sort(all[name])
	}
	if len(all) < 30 {
		t.Fatalf("go list knows %d packages", len(all))
	}
	return all
}

// tableImports reads the table "imports of kcmgen"; a row may be of several packages.
func tableImports(t *testing.T, doc string) imports {
	t.Helper()
	_, rows, ok := strings.Cut(doc, "| package | imports of kcmgen |\n|---|---|\n")
	rows, _, _ = strings.Cut(rows, "\n\n")
	if !ok {
		t.Fatalf("%s has no table of imports", architecture)
	}
	out := imports{}
	for row := range strings.SplitSeq(rows, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) != 4 {
			t.Fatalf("%s: a row with %d columns: %s", architecture, len(cells)-2, row)
		}
		to := []string{}
		for _, m := range ticked.FindAllStringSubmatch(cells[2], -1) {
			to = append(to, m[1])
		}
		slices.Sort(to)
		for _, m := range ticked.FindAllStringSubmatch(cells[1], -1) {
			if _, twice := out[m[1]]; twice {
				t.Errorf("%s: %s has two rows", architecture, m[1])
			}
			out[m[1]] = to
		}
	}
	return out
}

var (
	drawn = regexp.MustCompile(`(?m)^ *([a-z]+)\["([a-z/]+)`)
	arrow = regexp.MustCompile(`(?m)^ *([a-z]+) --> ([a-z& ]+)$`)
)

// flowchart reads the picture of packages: those in it, and where the arrows of each lead.
func flowchart(t *testing.T, doc string) (pictured []string, arrows imports) {
	t.Helper()
	_, chart, _ := strings.Cut(doc, "\n## The packages\n")
	_, chart, ok := strings.Cut(chart, "```mermaid\n")
	chart, _, _ = strings.Cut(chart, "```")
	named := map[string]string{}
	for _, m := range drawn.FindAllStringSubmatch(chart, -1) {
		named[m[1]] = m[2]
		pictured = append(pictured, m[2])
	}
	if !ok || len(named) < 20 {
		t.Fatalf("%s pictures %d packages: the chart is lost", architecture, len(named))
	}
	arrows = imports{}
	for _, m := range arrow.FindAllStringSubmatch(chart, -1) {
		for to := range strings.SplitSeq(m[2], "&") {
			from, to := named[m[1]], named[strings.TrimSpace(to)]
			if from == "" || to == "" {
				t.Errorf("%s: an arrow from or to nothing: %s", architecture, m[0])
			}
			arrows[from] = append(arrows[from], to)
		}
	}
	return pictured, arrows
}
