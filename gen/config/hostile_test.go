package config

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const canary = "CANARY-hunter2-CANARY"

// module makes a CUE module of files, with a cluster prod in the directory prod.
func module(t testing.TB, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"cue.mod/module.cue": "module: \"example.com/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n",
		"prod/cluster.cue":   clusterOf("", `"cp-1": address: "10.0.0.11"`),
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func clusterOf(top, nodes string) string {
	extern := ""
	if strings.Contains(top, "@embed") {
		extern = "@extern(embed)\n"
	}
	return extern + `package prod

import "github.com/kcmgen/kcmgen/schemas"

` + top + `
cluster: schemas.#Cluster & {
	name:    "prod"
	version: "v1.37.1"
	layout:  "systemd"
	nodes: {` + nodes + `}
	networks: {pods: ["10.200.0.0/16"], services: ["10.32.0.0/16"]}
}
`
}

func findings(t testing.TB, root string) ([]finding.Finding, []*spec.Cluster) {
	t.Helper()
	res, err := Load(t.Context(), root, []string{"./prod"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return res.Findings, res.Clusters
}

// TestEmbeddedFrom: only regular files of the module are embedded, links resolved.
func TestEmbeddedFrom(t *testing.T) {
	const nodes = `{"cp-1": {"address": "10.0.0.11"}}`
	outside := filepath.Join(t.TempDir(), "nodes.json")
	if err := os.WriteFile(outside, []byte(nodes), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		link, embed string
		why         error // nil: it is embedded
	}{
		"its own":            {"", "file=nodes.json", nil},
		"a link in it":       {"../shared/nodes.json", "file=l.json", nil},
		"a link out of it":   {outside, "file=l.json", errOutside},
		"a device":           {"/dev/zero", "file=l.json", errOutside},
		"an export":          {"../out/prod/nodes.json", "file=l.json", errExported},
		"another out":        {"../exports/prod/nodes.json", "file=l.json", errExported},
		"git's":              {"../.git/nodes.json", "file=l.json", errGit},
		"another module":     {"../other/nodes.json", "file=l.json", errOther},
		"a glob in it":       {"", `glob="n*.json"`, nil},
		"a glob out of it":   {filepath.Dir(outside), `glob="l.json/*.json"`, errOutside},
		"a kind with others": {"", "file=nodes.json,type=proto", errEmbedKind},
		"named as a kind":    {"", "file=hosts.google.json", nil},
		"named as CUE":       {"", `file="hosts.k8s.cue.json"`, nil},
		"named as XML":       {"", `glob="my.xml-*.json"`, nil},
		"of no kind":         {"", "file=nodes.go,type=json", nil},
		"a kind by its name": {"", `file="hosts.json.proto"`, errEmbedKind},
		"a kind in a glob":   {"", `glob="n*.xml"`, errEmbedKind},
	} {
		t.Run(name, func(t *testing.T) {
			value := "_nodes: _ @embed(" + c.embed + ")\n"
			use := "_nodes"
			if strings.HasPrefix(c.embed, "glob") {
				use = "for n in _nodes {n}"
			}
			root := module(t, map[string]string{
				"prod/cluster.cue": clusterOf(value, use), "prod/nodes.json": nodes, "shared/nodes.json": nodes,
				"out/prod/nodes.json": nodes, "exports/.kcmgen.lock": "", "exports/prod/nodes.json": nodes,
				"prod/hosts.google.json": nodes, "prod/hosts.k8s.cue.json": nodes, "prod/my.xml-hosts.json": nodes,
				"prod/nodes.go": nodes, "prod/hosts.json.proto": nodes, "prod/nodes.xml": nodes,
				".git/nodes.json": nodes, "other/nodes.json": nodes, "other/cue.mod/module.cue": "",
			})
			if c.link != "" {
				if err := os.Symlink(c.link, filepath.Join(root, "prod/l.json")); err != nil {
					t.Fatal(err)
				}
			}
			got, clusters := findings(t, root)
			if c.why == nil {
				if len(got) > 0 || len(clusters) != 1 || clusters[0].Embedded == nil {
					t.Fatalf("%d clusters, %+v", len(clusters), got)
				}
				return
			}
			if len(got) != 1 || got[0].Rule != "cue-embed" || !strings.Contains(got[0].Message, c.why.Error()) {
				t.Fatalf("%+v, want %v", got, c.why)
			}
		})
	}
}

// TestEmbedWithoutExtern: an attribute that CUE ignores is a finding.
func TestEmbedWithoutExtern(t *testing.T) {
	text := strings.TrimPrefix(clusterOf("_nodes: _ @embed(file=nodes.json)\n", `"cp-1": address: "10.0.0.11"`), "@extern(embed)\n")
	got, _ := findings(t, module(t, map[string]string{"prod/cluster.cue": text, "prod/nodes.json": "{}"}))
	if len(got) != 1 || got[0].Rule != "cue-embed" || got[0].Pos.Line != 5 {
		t.Fatalf("%+v", got)
	}
}

// TestModuleFiles: a module's file without a language, or with an unknown one, is
// reported once and with its position.
func TestModuleFiles(t *testing.T) {
	const name = "module: \"example.com/clusters@v0\"\n"
	for text, want := range map[string]string{
		name:                                      "no language version declared in module.cue",
		name + "language: {}\n":                   "no language version declared in module.cue",
		name + "language: version: \"v0.15\"\n":   "language version v0.15 is not canonical",
		name + "language: version: \"v0.1.0\"\n":  "cannot find schema suitable",
		name + "language: version: \"v99.0.0\"\n": "is too new",
		name + "language: version: \"blah\"\n":    "is not valid semantic version",
		name + "language: version: 3\n":           "cannot determine language version",
		name + "syntax error here\n":              "invalid module file syntax",
	} {
		got, _ := findings(t, module(t, map[string]string{"cue.mod/module.cue": text}))
		if len(got) != 1 || got[0].Rule != "cue-module" || got[0].Pos.File != "cue.mod/module.cue" || !strings.Contains(got[0].Message, want) {
			t.Errorf("%q: %+v, want %q", text, got, want)
		}
	}
}

// TestDependencies: a dependency that nothing imports is ignored; one that is imported
// and missing is reported.
func TestDependencies(t *testing.T) {
	deps := map[string]string{"cue.mod/module.cue": "module: \"example.com/clusters@v0\"\nlanguage: version: \"v0.15.0\"\ndeps: \"a.com/x@v0\": v: \"v0.1.0\"\n"}
	if got, clusters := findings(t, module(t, deps)); len(got) > 0 || len(clusters) != 1 {
		t.Errorf("nothing imports it: %+v", got)
	}
	deps["prod/more.cue"] = "package prod\nimport \"a.com/x/y\"\n_more: y.z\n"
	got, _ := findings(t, module(t, deps))
	if len(got) == 0 {
		t.Fatal("a missing dependency passes")
	}
	for _, f := range got {
		if !strings.Contains(f.Message, "a.com/x") || strings.Contains(f.Hint, "schema vendor") {
			t.Errorf("%+v", f)
		}
	}
}

// TestMisspeltBesideAnother: a misspelt field is reported itself, not a field inside it.
func TestMisspeltBesideAnother(t *testing.T) {
	text := strings.Replace(clusterOf("", `"cp-1": addrss: "10.0.0.11"`), "networks:", "network:", 1)
	got, _ := findings(t, module(t, map[string]string{"prod/cluster.cue": text}))
	var fields []string
	for _, f := range got {
		fields = append(fields, f.Field+" "+f.Hint)
	}
	want := []string{`nodes."cp-1".addrss did you mean "address"?`, `network did you mean "networks"?`}
	for _, w := range want {
		if len(fields) != len(want) || !strings.Contains(strings.Join(fields, "\n"), w) {
			t.Fatalf("%q, want %q", fields, want)
		}
	}
}

// TestEmbeddedBesideRefused: after a type error of a flag, the cluster is evaluated
// again; findings of that evaluation reveal no embedded value either.
func TestEmbeddedBesideRefused(t *testing.T) {
	for name, flag := range map[string]string{"a value": `"concurrent-gc-syncs": "x"`, "a name": `"concurent-gc-syncs": 5`} {
		t.Run(name, func(t *testing.T) {
			text := clusterOf("_s: _ @embed(file=s.txt,type=text)\n", `"cp-1": address: "10.0.0.1"`)
			text = strings.Replace(text, "kcmgen/schemas\"", "kcmgen/schemas/v1_37\"\nimport \"strings\"", 1)
			text = strings.Replace(text, "schemas.#Cluster", "v1_37.#Cluster", 1)
			text = strings.Replace(text, "networks:", "flags: {"+flag+", \"cluster-name\": strings.ToUpper(_s)}\n\tnetworks:", 1)
			got, clusters := findings(t, module(t, map[string]string{"prod/cluster.cue": text, "prod/s.txt": "quiet-word"}))
			if len(clusters) != 1 || len(clusters[0].TypeErrors) == 0 {
				t.Fatalf("%d clusters, %v", len(clusters), got)
			}
			if f := clusters[0].Embedded.Finding(finding.Finding{Message: "it is QUIET-WORD"}); strings.Contains(f.Message, "QUIET") {
				t.Errorf("reveals a value: %q", f.Message)
			}
		})
	}
}

// FuzzFindings: each finding about any module has a message, in one line without control
// characters, and reveals no embedded value.
func FuzzFindings(f *testing.F) {
	for seed := range uint64(300) { // fewer have no secret as a name
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		files := hostile(rand.New(rand.NewPCG(seed, 1)))
		res, err := Load(t.Context(), module(t, files), nil, Options{})
		if err != nil {
			return // the error names the argument
		}
		for _, got := range res.Findings {
			all := strings.Join([]string{got.Message, got.Expected, got.Hint, got.Field, got.Cluster, got.Node}, " ")
			switch {
			case strings.TrimSpace(got.Message) == "":
				t.Errorf("a finding without a message: %+v\n%v", got, files)
			case strings.ContainsFunc(all, unicode.IsControl):
				t.Errorf("control characters: %q\n%v", all, files)
			case strings.Contains(all, "CANARY") || strings.Contains(all, "hunter2"):
				t.Errorf("reveals an embedded value: %q\n%v", all, files)
			}
		}
	})
}

// hostile is a small module that embeds a secret and uses it in some way.
func hostile(r *rand.Rand) map[string]string {
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	secret := pick(
		fmt.Sprintf(`{"a": %q}`, canary), fmt.Sprintf("a: %s\n", canary), fmt.Sprintf(`{%q: {"address": 7}}`, canary),
		canary+`{"a":`, fmt.Sprintf(`{"a": %q, "a": "x%s"}`, canary, canary), "a: b: "+canary+": :\n", fmt.Sprintf(`{"a": ["x", "%s\n\u001b[31m"]}`, canary),
	)
	file := pick("s.json", "s.yaml", "s.toml", "s.txt")
	top := "_s: _ @embed(file=" + file + pick("", ",type=text", ",type=json", ",type=yaml", ",type=binary", ",type=nothing") + ")\n" +
		"_t: " + pick("_s", "_s.a", `"\(_s)"`, `_s["a"]`, `strings.Split("\(_s)", "-")[1]`, `"x" & _s.a`, "_s & {b: 1}", "_s.a.b.c", "len(_s)") + "\n"
	cluster := clusterOf(top, pick(`"cp-1": address: _t`, `(_t): address: "10.0.0.1"`, `"cp-1": {address: "10.0.0.1", hostname: _t}`, "_t", `"cp-1": {address: "10.0.0.1", (_t): 1}`))
	if strings.Contains(top, "strings.") {
		cluster = strings.Replace(cluster, `import "github`, "import \"strings\"\nimport \"github", 1)
	}
	switch r.IntN(3) {
	case 0:
		cluster = strings.Replace(cluster, `"v1.37.1"`, "_t", 1)
	case 1:
		cluster = strings.Replace(cluster, `name:    "prod"`, "name: _t", 1)
	}
	return map[string]string{
		"prod/cluster.cue": cluster, "prod/" + file: secret,
		"cue.mod/module.cue": "module: \"example.com/clusters@v0\"\n" + pick("", "language: version: \"v0.15.0\"\n", "language: version: \"v0.15.0\"\n", "language: version: \"v0.15.0\"\n"),
	}
}
