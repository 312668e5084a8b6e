package edit

import (
	"slices"
	"strings"
	"testing"

	"cuelang.org/go/cue/parser"
)

var flags = func(name string) []string { return []string{"flags", name} }

// one makes edits to a file that is a package of its own.
func one(t testing.TB, src string, edits ...Edit) (string, int) {
	t.Helper()
	var fs Files
	if err := fs.Add("c.cue", "c.cue", []byte(src)); err != nil {
		t.Fatal(err)
	}
	p := fs.Package([]string{"c.cue"})
	places := 0
	for _, e := range edits {
		places += len(p.Do(e)[0])
	}
	if err := fs.Merge(p); err != nil {
		t.Fatal(err)
	}
	out, err := fs.Changed()
	if err != nil {
		t.Fatal(err)
	}
	if data, ok := out["c.cue"]; ok {
		return string(data), places
	}
	return src, places
}

func TestDo(t *testing.T) {
	drop := func(name string) Edit { return Edit{Op: Drop, Path: flags(name)} }
	for name, tc := range map[string]struct {
		src   string
		edits []Edit
		want  string
	}{
		"a line":            {"cluster: flags: {\n\ta: 1\n\tport: 0\n\tb: 2\n}\n", []Edit{drop("port")}, "cluster: flags: {\n\ta: 1\n\tb: 2\n}\n"},
		"its comments":      {"cluster: flags: {\n\ta: 1\n\n\t// no port\n\tport: 0 // none\n\n\tb: 2\n}\n", []Edit{drop("port")}, "cluster: flags: {\n\ta: 1\n\n\tb: 2\n}\n"},
		"a heading stays":   {"cluster: flags: {\n\t// logging\n\tport: 0\n\tv: 2\n}\n", []Edit{drop("port")}, "cluster: flags: {\n\t// logging\n\tv: 2\n}\n"},
		"no heading":        {"cluster: flags: {\n\t// port is old\n\tport: 0\n\tv: 2\n}\n", []Edit{drop("port")}, "cluster: flags: {\n\tv: 2\n}\n"},
		"a group goes":      {"cluster: flags: {\n\t// logging\n\tport: 0\n\taddress: 1\n\n\tv: 2\n}\n", []Edit{drop("port"), drop("address")}, "cluster: flags: {\n\tv: 2\n}\n"},
		"the only one":      {"cluster: flags: {\n\tport: 0\n}\n", []Edit{drop("port")}, "cluster: flags: {}\n"},
		"all but a note":    {"cluster: flags: {\n\t// a note\n\n\tport: 0\n}\n", []Edit{drop("port")}, "cluster: flags: {\n\t// a note\n}\n"},
		"a chain":           {"cluster: flags: port: 0\n", []Edit{drop("port")}, "cluster: flags: {}\n"},
		"first in a line":   {"cluster: flags: {port: 0, a: 1}\n", []Edit{drop("port")}, "cluster: flags: {a: 1}\n"},
		"in a line":         {"cluster: flags: {a: 1, port: 0, b: 2}\n", []Edit{drop("port")}, "cluster: flags: {a: 1, b: 2}\n"},
		"last in a line":    {"cluster: flags: {a: 1, port: 0}\n", []Edit{drop("port")}, "cluster: flags: {a: 1}\n"},
		"two at the end":    {"cluster: flags: {a: 1, port: 0, address: 1}\n", []Edit{drop("port"), drop("address")}, "cluster: flags: {a: 1}\n"},
		"all in a line":     {"cluster: flags: {port: 0, address: 1}\n", []Edit{drop("port"), drop("address")}, "cluster: flags: {}\n"},
		"odd layout stays":  {"cluster: flags: { a:   1\n  port: 0\n     b: 2 }\n", []Edit{drop("port")}, "cluster: flags: { a:   1\n     b: 2 }\n"},
		"without a newline": {"cluster: flags: {a: 1}\ncluster: flags: port: 0", []Edit{drop("port")}, "cluster: flags: {a: 1}\ncluster: flags: {}"},
		"lines of Windows":  {"cluster: flags: {\r\n\ta: 1\r\n\tport: 0\r\n\tb: 2\r\n}\r\n", []Edit{drop("port")}, "cluster: flags: {\r\n\ta: 1\r\n\tb: 2\r\n}\r\n"},
		"twice":             {"cluster: flags: port: 0\ncluster: flags: port: 0\n", []Edit{drop("port")}, "cluster: flags: {}\ncluster: flags: {}\n"},
		"by reference":      {"_all: {port: 0, v: 2}\ncluster: flags: _all\n", []Edit{drop("port")}, "_all: {v: 2}\ncluster: flags: _all\n"},
		"by a let":          {"let all = {flags: {port: 0, v: 2}}\ncluster: all & {name: \"a\"}\n", []Edit{drop("port")}, "let all = {flags: {v: 2}}\ncluster: all & {name: \"a\"}\n"},
		"by a selector":     {"_x: y: {port: 0, v: 2}\ncluster: flags: _x.y\n", []Edit{drop("port")}, "_x: y: {v: 2}\ncluster: flags: _x.y\n"},
		"in a condition":    {"cluster: {\n\tif true {flags: {port: 0, v: 2}}\n}\n", []Edit{drop("port")}, "cluster: {\n\tif true {flags: {v: 2}}\n}\n"},
		"of all nodes": {
			"cluster: nodes: [string]: N={flags: {port: 0, v: N.v}}\n",
			[]Edit{{Op: Drop, Path: []string{"nodes", "a", "flags", "port"}}},
			"cluster: nodes: [string]: N={flags: {v: N.v}}\n",
		},
		"what only it used": {
			"import \"strings\"\n\nlet a = strings.ToLower(\"A\")\nlet b = a\ncluster: flags: {port: b, v: 2}\n",
			[]Edit{drop("port")},
			"cluster: flags: {v: 2}\n",
		},
		"what only it used, among others": {
			"import (\n\t\"list\"\n\t\"strings\"\n)\n\ncluster: N={flags: {port: strings.ToLower(N.x), v: list.Max([2])}, x: \"\"}\n",
			[]Edit{drop("port")},
			"import (\n\t\"list\"\n)\n\ncluster: {flags: {v: list.Max([2])}, x: \"\"}\n",
		},
		"what others use too": {
			"import \"strings\"\n\nlet a = strings.ToLower(\"A\")\ncluster: flags: {port: a, v: a}\n",
			[]Edit{drop("port")},
			"import \"strings\"\n\nlet a = strings.ToLower(\"A\")\ncluster: flags: {v: a}\n",
		},
		"another's": {"cluster: apiserver: flags: port: 0\nother: flags: port: 0\n", []Edit{drop("port")}, "cluster: apiserver: flags: port: 0\nother: flags: port: 0\n"},
		"renamed":   {"cluster: flags: {\"old-a\": 1, port: 2}\n", []Edit{{Op: Rename, Path: flags("old-a"), To: "new-a"}}, "cluster: flags: {\"new-a\": 1, port: 2}\n"},
		"renamed and then dropped": {
			"cluster: flags: {\"old-a\": 1, v: 2}\n",
			[]Edit{{Op: Rename, Path: flags("old-a"), To: "new-a"}, drop("new-a")},
			"cluster: flags: {v: 2}\n",
		},
		"a version": {"let v = \"v1.20.1\"\ncluster: version: v\n", []Edit{{Op: Set, Path: []string{"version"}, From: "v1.20.1", To: "v1.21.0"}}, "let v = \"v1.21.0\"\ncluster: version: v\n"},
		"a default": {"cluster: version: *\"v1.20.1\" | string\n", []Edit{{Op: Set, Path: []string{"version"}, From: "v1.20.1", To: "v1.21.0"}}, "cluster: version: *\"v1.21.0\" | string\n"},
		"elements": {
			"cluster: flags: controllers: [\"*\", \"old\", \"-gone\"]\n",
			[]Edit{{Op: RenameElement, Path: flags("controllers"), From: "old", To: "new"}, {Op: DropElement, Path: flags("controllers"), From: "-gone"}},
			"cluster: flags: controllers: [\"*\", \"new\"]\n",
		},
		"elements in lines": {
			"cluster: flags: controllers: [\n\t\"*\",\n\t// why\n\t\"-gone\",\n]\n",
			[]Edit{{Op: DropElement, Path: flags("controllers"), From: "-gone"}},
			"cluster: flags: controllers: [\n\t\"*\",\n]\n",
		},
		"gates in a string": {
			"cluster: flags: \"feature-gates\": \"A=true,B=false\"\n",
			[]Edit{{Op: DropElement, Path: flags("feature-gates"), From: "A=true"}},
			"cluster: flags: \"feature-gates\": \"B=false\"\n",
		},
		"gates in a struct": {
			"cluster: flags: \"feature-gates\": {A: true, B: false}\n",
			[]Edit{{Op: DropElement, Path: flags("feature-gates"), From: "A=true"}},
			"cluster: flags: \"feature-gates\": {B: false}\n",
		},
		"an import": {
			"import \"x.org/schemas/v1_20\"\n\ncluster: v1_20.#Cluster & {other: \"v1_20\"}\n",
			[]Edit{{Op: Import, From: "x.org/schemas/v1_", To: "x.org/schemas/v1_21"}},
			"import \"x.org/schemas/v1_21\"\n\ncluster: v1_21.#Cluster & {other: \"v1_20\"}\n",
		},
		"an import with a name": {
			"import k \"x.org/schemas/v1_20\"\n\ncluster: k.#Cluster\n",
			[]Edit{{Op: Import, From: "x.org/schemas/v1_", To: "x.org/schemas/v1_21"}},
			"import k \"x.org/schemas/v1_21\"\n\ncluster: k.#Cluster\n",
		},
		"an import with a version": {
			"import \"x.org/schemas/v1_20@v0\"\n\ncluster: v1_20.#Cluster\n",
			[]Edit{{Op: Import, From: "x.org/schemas/v1_", To: "x.org/schemas/v1_21"}},
			"import \"x.org/schemas/v1_21@v0\"\n\ncluster: v1_21.#Cluster\n",
		},
		"an import that says its package": {
			"import \"x.org/schemas/v1_20:v1_20\"\n\ncluster: v1_20.#Cluster\n",
			[]Edit{{Op: Import, From: "x.org/schemas/v1_", To: "x.org/schemas/v1_21"}},
			"import \"x.org/schemas/v1_21:v1_21\"\n\ncluster: v1_21.#Cluster\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, places := one(t, tc.src, tc.edits...)
			if got != tc.want {
				t.Errorf("got\n%s\nwant\n%s", got, tc.want)
			}
			if (places == 0) != (tc.src == tc.want) {
				t.Errorf("%d places", places)
			}
			if again, n := one(t, got, tc.edits...); again != got || n != 0 && name != "a condition" {
				t.Errorf("a second time, at %d places:\n%s", n, again)
			}
		})
	}
}

// TestDoTogether: edits in one call find their positions, even if another one applies to
// the same position.
func TestDoTogether(t *testing.T) {
	var fs Files
	src := "cluster: nodes: [string]: flags: {port: 0, v: 2, controllers: [\"a\"], \"feature-gates\": \"A=true,B=true,C=true\"}\n"
	if err := fs.Add("c.cue", "c.cue", []byte(src)); err != nil {
		t.Fatal(err)
	}
	p := fs.Package([]string{"c.cue"})
	var edits []Edit
	for _, node := range []string{"n-1", "n-2"} {
		at := func(name string) []string { return []string{"nodes", node, "flags", name} }
		edits = append(
			edits, Edit{Op: Drop, Path: at("port")}, Edit{Op: RenameElement, Path: at("controllers"), From: "a", To: "b"},
			Edit{Op: DropElement, Path: at("feature-gates"), From: "A=true"}, Edit{Op: DropElement, Path: at("feature-gates"), From: "C=true"},
		)
	}
	for i, at := range p.Do(edits...) {
		if len(at) != 1 {
			t.Errorf("edit %d: at %v", i, at)
		}
	}
	if err := fs.Merge(p); err != nil {
		t.Fatal(err)
	}
	out, err := fs.Changed()
	want := "cluster: nodes: [string]: flags: {v: 2, controllers: [\"b\"], \"feature-gates\": \"B=true\"}\n"
	if err != nil || string(out["c.cue"]) != want {
		t.Errorf("%v: %s", err, out["c.cue"])
	}
}

// TestMerge: packages that share a file edit it once, or get an error if their edits differ.
func TestMerge(t *testing.T) {
	var fs Files
	if err := fs.Add("base.cue", "base.cue", []byte("cluster: version: \"v1.20.1\"\ncluster: flags: {port: 0, v: 2}\n")); err != nil {
		t.Fatal(err)
	}
	set := Edit{Op: Set, Path: []string{"version"}, From: "v1.20.1", To: "v1.21.0"}
	for range 2 {
		p := fs.Package([]string{"base.cue"})
		if n := len(slices.Concat(p.Do(set, Edit{Op: Drop, Path: flags("port")})...)); n != 2 {
			t.Fatalf("%d places", n)
		}
		if err := fs.Merge(p); err != nil {
			t.Fatal(err)
		}
	}
	out, err := fs.Changed()
	if want := "cluster: version: \"v1.21.0\"\ncluster: flags: {v: 2}\n"; err != nil || string(out["base.cue"]) != want {
		t.Errorf("%v: %s", err, out["base.cue"])
	}
	p := fs.Package([]string{"base.cue"})
	set.To = "v1.22.0"
	p.Do(set)
	if err := fs.Merge(p); err == nil || !strings.Contains(err.Error(), "base.cue:1:19") {
		t.Errorf("two versions at one place: %v", err)
	}
}

// FuzzDo: no CUE makes an edit panic or run forever, and the result can be parsed.
func FuzzDo(f *testing.F) {
	for _, s := range []string{
		"cluster: flags: {port: 0, a: b}", "cluster: flags: port: 0", "a: cluster.a & a\ncluster: a.b.cluster & flags\nflags: cluster",
		"cluster: {X=flags: Y={port: 0 @a(b) // c\n}}", "cluster: \"flags\": #\"\"\"\n\tport\n\t\"\"\"#", "// d\n\ncluster: flags: {\r\n// e\r\nport: 0\r\n}",
		"import a \"x/v1_2\"\ncluster: version: \"1\" | *\"2\"\ncluster: flags: controllers: [\"x\", \"y\",]", "cluster: flags: port~(K,V): 0",
		"import a \"b\"\nlet c = a.d, let e = c\ncluster: X={flags: {port: [c, e, X, for let f = e {f}], let g = port}}", "cluster: flags: {port: 0, for x in y {port: 1}, ...}", "cluster: flags: [port]: 0,\ncluster: flags: \"\\(port)\": 0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if _, err := parser.ParseFile("c.cue", src, parser.ParseComments); err != nil {
			return
		}
		one(
			t, src, // it fails if the result can't be parsed
			Edit{Op: Set, Path: []string{"version"}, From: "1", To: "3"},
			Edit{Op: RenameElement, Path: flags("controllers"), From: "x", To: "z"},
			Edit{Op: DropElement, Path: flags("controllers"), From: "y"},
			Edit{Op: Rename, Path: flags("a"), To: "new-a"},
			Edit{Op: Drop, Path: flags("port")},
			Edit{Op: Import, From: "x/v1_", To: "x/v1_3"},
		)
	})
}
