package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/lsp"
	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/schemas"
)

const vendored = "cue.mod/pkg/github.com/kcmgen/kcmgen/schemas"

const prod = `package prod

import "github.com/kcmgen/kcmgen/schemas/v1_37"

cluster: v1_37.#Cluster & {
	name:    "prod"
	version: "v1.37.1"
	layout:  "systemd"
	networks: services: ["10.32.0.0/16"]
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
	nodes: "cp-1": address: "10.0.0.11"
}
`

// repository returns a repository like a user's: a CUE module with the vocabulary as a
// dependency.
func repository(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clusters")
	if err := os.CopyFS(filepath.Join(dir, vendored), schemas.Files); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cue.mod/module.cue"), "module: \"example.com/clusters@v0\"\nlanguage: {\n\tversion: \"v0.15.0\"\n}\n")
	write(t, filepath.Join(dir, "clusters/prod/cluster.cue"), prod)
	return dir
}

// alone returns an environment without a registry and without the user's files.
func alone(t testing.TB) []string {
	return append(offline(t), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
}

// TestEditor: stock CUE's language server knows the vocabulary in a user's repository: it
// completes, explains and finds fields.
func TestEditor(t *testing.T) {
	dir := repository(t)
	file := filepath.Join(dir, "clusters/prod/cluster.cue")
	s := languageServer(t, dir)
	s.Open(file, prod)
	checkDefinition(t, s, dir, file)
	checkHover(t, s, file)
	checkCompletion(t, s, file)
	checkDiagnostics(t, s, file)
}

func checkDefinition(t *testing.T, s *lsp.Server, dir, file string) {
	t.Helper()
	lsp.Until(t, "definition of #Cluster", func() (string, bool) {
		var places []struct{ URI string }
		s.At("textDocument/definition", file, lsp.Find(t, prod, "v1_37.#Clu‸ster"), &places)
		return fmt.Sprint(places), len(places) > 0 && places[0].URI == lsp.FileURI(filepath.Join(dir, vendored, "v1_37/flags.cue"))
	})
}

func checkHover(t *testing.T, s *lsp.Server, file string) {
	t.Helper()
	for at, doc := range map[string]string{
		"	lay‸out:":   "a systemd unit, or a static",
		"#Clu‸ster":   "a cluster of v1.37",
		": serv‸ices": "--service-cluster-ip-range",
	} {
		lsp.Until(t, "hover at "+at, func() (string, bool) {
			var hover struct{ Contents struct{ Value string } }
			s.At("textDocument/hover", file, lsp.Find(t, prod, at), &hover)
			return hover.Contents.Value, strings.Contains(hover.Contents.Value, doc)
		})
	}
}

func checkCompletion(t *testing.T, s *lsp.Server, file string) {
	t.Helper()
	for i, c := range []struct {
		typed string // in the place of the line of nodes
		want  []string
	}{
		{"	ver‸", []string{"version"}},
		{"	‸", []string{"paths", "unit", "pki", "waivers"}},
		{"	pod: {\n		vol‸\n	}", []string{"volumes"}},
		{"	pki: serving: sans: na‸", []string{"names"}},
		{"	flags: {\n		‸\n	}", []string{`"leader-elect"`, `"concurrent-gc-syncs"`, "controllers"}},
		{"	flags: \"feature-gates\": {\n		‸\n	}", []string{"AllBeta"}},
		{"	nodes: \"cp-1\": v1_37.#Node & {\n		add‸\n	}", []string{"address", "addresses"}},
	} {
		at := typed(t, s, file, i+2, c.typed)
		lsp.Until(t, "completion of "+c.typed, func() (string, bool) {
			labels := s.Completion(file, at)
			return fmt.Sprint(labels), !slices.ContainsFunc(c.want, func(w string) bool { return !slices.Contains(labels, w) })
		})
	}
	// cue 0.17.1 doesn't look through patterns. Once it does, docs/cluster.md need not say so.
	at := typed(t, s, file, 50, "	nodes: \"cp-1\": {\n		add‸\n	}")
	if labels := s.Completion(file, at); !slices.Contains(labels, "cluster") || slices.Contains(labels, "addresses") {
		t.Errorf("completion in a node: %q", labels)
	}
}

// checkDiagnostics: the server reports syntax errors only; vet checks the vocabulary.
func checkDiagnostics(t *testing.T, s *lsp.Server, file string) {
	t.Helper()
	for i, c := range []struct {
		text string
		want int // the line, from 0; -1 for none
	}{
		{strings.Replace(prod, `"systemd"`, `"systemd`, 1), 7},
		{prod, -1},
		{strings.Replace(prod, "nodes:", "nodes", 1), 10},
	} {
		s.Change(file, 100+i, c.text)
		lsp.Until(t, fmt.Sprintf("diagnostics of text %d", i), func() (string, bool) {
			all := s.Newest(file)
			return fmt.Sprint(all), c.want == -1 && len(all) == 0 || len(all) > 0 && all[0].Range.Start.Line == c.want
		})
	}
}

// typed replaces the line of nodes with text, and returns the position of its mark ‸.
func typed(t *testing.T, s *lsp.Server, file string, version int, marked string) lsp.Position {
	t.Helper()
	marked = strings.Replace(prod, "	nodes: \"cp-1\": address: \"10.0.0.11\"", marked, 1)
	text := strings.Replace(marked, "‸", "", 1)
	s.Change(file, version, text)
	return lsp.Find(t, text, marked)
}

func languageServer(t *testing.T, dir string) *lsp.Server {
	s, end := lsp.Start(t, need.Program(t, "cue"), dir, alone(t))
	t.Cleanup(func() {
		if stderr := end(); t.Failed() {
			t.Logf("cue lsp printed: %s", stderr)
		}
	})
	return s
}

// TestUserRepository: stock cue works in a user's repository without a network, and leaves
// its files unchanged.
func TestUserRepository(t *testing.T) {
	dir := repository(t)
	env := alone(t)
	before := snapshot(t, dir)
	for _, args := range [][]string{{"vet", "-c", "./..."}, {"mod", "tidy"}, {"vet", "-c", "./clusters/prod"}} {
		if r := execute(t, dir, env, need.Program(t, "cue"), args...); r.code != 0 || r.err != "" {
			t.Errorf("cue %s: exit %d\n%s%s", args, r.code, r.out, r.err)
		}
	}
	if after := snapshot(t, dir); !slices.Equal(before, after) {
		t.Errorf("the files are others:\n%q\nwere\n%q", after, before)
	}
	if r := execute(t, dir, env, kcmgen, "vet"); r.code != 0 || r.out != "" {
		t.Errorf("kcmgen vet: exit %d\n%s%s", r.code, r.out, r.err)
	}
}

// TestSitePolicy: stock cue applies a site's constraints in cue.mod/usr to its clusters, and
// the file isn't changed.
func TestSitePolicy(t *testing.T) {
	dir := repository(t)
	env := alone(t)
	policy := filepath.Join(dir, "cue.mod/usr/github.com/kcmgen/kcmgen/schemas/policy.cue")
	for version, allowed := range map[string]bool{`3[67]`: true, `3[56]`: false} {
		text := "package schemas\n\n#Cluster: version: =~\"^v1\\\\." + version + "\\\\.\"\n"
		write(t, policy, text)
		r := execute(t, dir, env, need.Program(t, "cue"), "vet", "-c", "./...")
		if allowed != (r.code == 0) || !allowed && (!strings.Contains(r.err, "cluster.version") || !strings.Contains(r.err, "policy.cue")) {
			t.Errorf("versions 1.%s: exit %d\n%s", version, r.code, r.err)
		}
		if r := execute(t, dir, env, need.Program(t, "cue"), "mod", "tidy"); r.code != 0 {
			t.Errorf("cue mod tidy: exit %d\n%s", r.code, r.err)
		}
		if got := read(t, policy); got != text {
			t.Errorf("the policy reads %q", got)
		}
	}
}

// snapshot returns each file below dir with its mode and contents.
func snapshot(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	for _, name := range files(t, dir, "*") {
		fi, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, name+" "+fi.Mode().String()+"\n"+read(t, name))
	}
	return out
}
