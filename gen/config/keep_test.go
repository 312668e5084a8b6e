package config

import (
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

var keptChanges = flag.Int("kept-changes", 400, "changes of TestKeptIsNeverStale")

// memory keeps evaluations in memory.
type memory struct {
	mu        sync.Mutex
	of        map[[sha256.Size]byte][]byte
	hits, put int
	careless  bool // takes any key for the last one of its place
	last      []byte
}

func (m *memory) Get(k [sha256.Size]byte) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	data := m.of[k]
	if m.careless {
		data = m.last
	}
	if data != nil {
		m.hits++
	}
	return data
}

func (m *memory) Put(k [sha256.Size]byte, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of[k], m.last = data, data
	m.put++
}

// loaded returns what Load returns, as text: without it, nil and empty would differ.
func loaded(t testing.TB, root, cwd string, k Kept) string {
	t.Helper()
	res, err := Load(t.Context(), cwd, []string{root + "/..."}, Options{Version: "v1", Kept: k, Program: "p", Rules: testRules})
	if err != nil {
		return "error: " + err.Error()
	}
	type positioned struct {
		*spec.Cluster
		Positions any
	}
	var clusters []positioned
	for _, c := range res.Clusters {
		clusters = append(clusters, positioned{c, c.Source})
	}
	text, err := json.MarshalIndent(map[string]any{"clusters": clusters, "skipped": res.Skipped, "findings": res.Findings, "of": res.ByDir}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestKept: a second load evaluates nothing, and returns the same, also from another working
// directory and for a module that was moved.
func TestKept(t *testing.T) {
	root := module(t, map[string]string{
		"shared.cue":        "package prod\n\ncluster: flags: v: 3\n",
		"other/cluster.cue": strings.ReplaceAll(clusterOf("", `"cp-2": {address: "10.0.0.12", flags: v: 4}`), `"prod"`, `"other"`),
	})
	k := &memory{of: map[[sha256.Size]byte][]byte{}}
	for i, cwd := range []string{root, root, filepath.Join(root, "other"), filepath.Dir(root)} {
		if diff := cmp.Diff(loaded(t, root, cwd, nil), loaded(t, root, cwd, k)); diff != "" {
			t.Errorf("%s: -evaluated +kept\n%s", cwd, diff)
		}
		if k.put != 2 || k.hits != 2*i {
			t.Errorf("%s: %d evaluations kept, %d used", cwd, k.put, k.hits)
		}
	}
	moved := root + "-moved"
	if err := os.Rename(root, moved); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(loaded(t, moved, moved, nil), loaded(t, moved, moved, k)); diff != "" || k.put != 2 {
		t.Errorf("moved, %d kept: -evaluated +kept\n%s", k.put, diff)
	}
}

// TestNotKept: what has findings, or may hold a secret, is evaluated each time.
func TestNotKept(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"a finding":          {"prod/b.cue": "package prod\n\ncluster: flags: v: \"\"\ncluster: nme: 1\n"},
		"an embedded file":   {"prod/b.cue": "@extern(embed)\npackage prod\n\n_s: string @embed(file=s.txt,type=text)\ncluster: flags: \"cluster-name\": _s\n", "prod/s.txt": canary},
		"a rule that fails":  {"policy/p.cue": "package policy\n\nrules: \"acme-x\": {message: \"m\", check: name: \"other\"}\n"},
		"a rule from a file": {"policy/p.cue": "@extern(embed)\npackage policy\n\n_s: string @embed(file=s.txt,type=text)\nrules: \"acme-x\": {message: \"m\", check: name: !=_s}\n", "policy/s.txt": "other"},
		"another package":    {"b.cue": "package other\n\ncluster: flags: v: 3\n"},
	} {
		t.Run(name, func(t *testing.T) {
			root := module(t, files)
			k := &memory{of: map[[sha256.Size]byte][]byte{}}
			for range 2 {
				if diff := cmp.Diff(loaded(t, root, root, nil), loaded(t, root, root, k)); diff != "" {
					t.Errorf("-evaluated +kept\n%s", diff)
				}
			}
			if k.put > 0 {
				t.Errorf("it was kept: %s", k.last)
			}
		})
	}
}

// TestKeptIsNeverStale changes any file of a module, adds some and removes some. Whenever an
// earlier evaluation is used, a new one must be the same.
func TestKeptIsNeverStale(t *testing.T) {
	base := map[string]string{
		"cue.mod/local-module.cue":                "",
		"policy/policy.cue":                       "package policy\n\nimport \"example.org/p\"\n\nLevel: 3\nrules: \"acme-qps\": {message: \"m\", check: flags: {v: 3, \"kube-api-qps\": <=(30*p.X)}}\n",
		"shared.cue":                              "package prod\n\nimport \"example.com/clusters/policy\"\n\ncluster: flags: v: policy.Level\nrules: \"acme-v\": {message: \"m\", check: flags: v: <=3}\n",
		"prod/more.cue":                           "package prod\n\ncluster: flags: \"kube-api-qps\": 30\n",
		"prod/notes.txt":                          "notes\n",
		"cue.mod/pkg/example.org/p/p.cue":         "package p\n\nX: 1\n",
		"cue.mod/usr/" + schemaPath + "/site.cue": "package schemas\n\n#Cluster: flags: \"kube-api-burst\": 60\n",
	}
	vendored := maps.Clone(base)
	for _, f := range vendoring.Copies("v1") {
		vendored[vendoring.Dir+"/"+f.Name] = string(f.Data)
	}
	typed := strings.NewReplacer(schemaPath, schemaPath+"/v1_37", "schemas.#", "v1_37.#")
	vendored["prod/cluster.cue"] = typed.Replace(clusterOf("", `"cp-1": {address: "10.0.0.11", flags: v: 4}`))
	vendored["shared.cue"] = strings.Replace(base["shared.cue"], "cluster:", "cluster: nodes: \"cp-2\": address: \"10.0.0.12\"\ncluster:", 1)
	for name, c := range map[string]struct {
		files   map[string]string
		changes int
	}{"base": {base, *keptChanges}, "vendored": {vendored, *keptChanges / 4}} {
		t.Run(name, func(t *testing.T) {
			found := staleAfterChanges(t, c.files, &memory{of: map[[sha256.Size]byte][]byte{}}, c.changes)
			if len(found) > 0 {
				t.Errorf("%d stale: %s", len(found), found[0])
			}
			// The same changes find a store that looks at no key.
			if careless := staleAfterChanges(t, c.files, &memory{of: map[[sha256.Size]byte][]byte{}, careless: true}, 50); len(careless) < 5 {
				t.Errorf("of a careless store only %d were found", len(careless))
			}
		})
	}
}

// TestKeptBeforeARule: what was kept before there was a policy isn't used with one.
func TestKeptBeforeARule(t *testing.T) {
	root := module(t, nil)
	k := &memory{of: map[[sha256.Size]byte][]byte{}}
	loaded(t, root, root, k)
	if err := os.Mkdir(filepath.Join(root, policyDir), 0o755); err != nil {
		t.Fatal(err)
	}
	rule := "package policy\n\nrules: \"acme-x\": {message: \"m\", check: name: \"other\"}\n"
	if err := os.WriteFile(filepath.Join(root, policyDir, "p.cue"), []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := loaded(t, root, root, k); k.hits > 0 || !strings.Contains(got, "acme-x") {
		t.Errorf("%d used: %s", k.hits, got)
	}
}

// TestKeptFor: another program, another version or other variables of CUE's find nothing.
func TestKeptFor(t *testing.T) {
	root := module(t, nil)
	k := &memory{of: map[[sha256.Size]byte][]byte{}}
	for i, c := range []struct{ program, version, variable string }{
		{"p", "v1", ""}, {"q", "v1", ""}, {"p", "v2", ""}, {"p", "v1", "x=0"},
	} {
		if c.variable != "" {
			t.Setenv("CUE_TEST_KEPT", c.variable)
		}
		if _, err := Load(t.Context(), root, []string{root + "/..."}, Options{Version: c.version, Kept: k, Program: c.program}); err != nil {
			t.Fatal(err)
		}
		if k.put != i+1 || k.hits != 0 {
			t.Errorf("%v: %d kept, %d used", c, k.put, k.hits)
		}
	}
}

// staleAfterChanges makes changes, and returns those after which something stale was used.
func staleAfterChanges(t *testing.T, files map[string]string, k *memory, changes int) []string {
	t.Helper()
	root := module(t, files)
	rng := rand.New(rand.NewPCG(3, uint64(changes)))
	before := loaded(t, root, root, k)
	if before != loaded(t, root, root, nil) || k.put != 1 {
		t.Fatalf("%d kept of\n%s", k.put, before)
	}
	var stale []string
	for range changes {
		what, undo := change(t, rng, root)
		hits := k.hits
		got := loadedOnHit(t, root, k)
		if k.hits > hits {
			if diff := cmp.Diff(loaded(t, root, root, nil), got); diff != "" {
				stale = append(stale, what+"\n"+diff)
			}
		}
		undo()
	}
	t.Logf("%d changes, %d evaluations used", changes, k.hits)
	return stale
}

// loadedOnHit is loaded, but doesn't evaluate what isn't kept.
func loadedOnHit(t *testing.T, root string, k *memory) string {
	t.Helper()
	probe := &memory{of: k.of, careless: k.careless, last: k.last}
	l := newLoader(root, Options{Version: "v1", Kept: probe, Program: "p", Rules: testRules})
	p := place{dir: filepath.Join(root, "prod"), root: root, deep: true}
	key, ok := l.keptKey(p, l.reach(root, l.reached(p), nil))
	if !ok || l.fromKept(p, key) == nil {
		return ""
	}
	return loaded(t, root, root, k)
}

// change changes one file at random, and returns what it did and how that is undone.
func change(t *testing.T, rng *rand.Rand, root string) (what string, undo func()) {
	t.Helper()
	var files, dirs []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, p)
		} else if err == nil {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	name := files[rng.IntN(len(files))]
	old, err := os.ReadFile(name)
	must(err)
	restore := func() { must(os.WriteFile(name, old, 0o644)) }
	switch rng.IntN(6) {
	case 0: // any byte
		data := slices.Clone(old)
		if len(data) == 0 {
			data = []byte{0}
		}
		data[rng.IntN(len(data))] ^= byte(1 + rng.IntN(255))
		must(os.WriteFile(name, data, 0o644))
		return "a byte of " + name, restore
	case 1: // a digit, which usually leaves valid CUE
		data := []byte(strings.Replace(string(old), "3", fmt.Sprint(rng.IntN(10)), 1+rng.IntN(2)))
		must(os.WriteFile(name, data, 0o644))
		return "a digit of " + name, restore
	case 2:
		must(os.Remove(name))
		return "without " + name, restore
	case 3:
		must(os.WriteFile(name, append(slices.Clone(old), "\n// a comment\n"...), 0o644))
		return "a comment in " + name, restore
	}
	// A new file, which may belong to the cluster's package.
	dir := dirs[rng.IntN(len(dirs))]
	base := []string{"new.cue", "_new.cue", ".new.cue", "new_test.cue", "new_tool.cue", "new.json", "new.yaml", "deep/new.cue", "new.cue/x"}[rng.IntN(9)]
	pkg := []string{"prod", "policy", "schemas", "p", "other", "_"}[rng.IntN(6)]
	text := []string{"\nrules: \"acme-new\": {message: \"m\", check: name: \"other\"}\n", "\ncluster: flags: v: 3\n", "\ncluster: flags: \"kube-api-qps\": 31\n", "\n#Cluster: flags: \"kube-api-qps\": 30\n", "\nLevel: 3\n", "\nLevel: 4\n", ""}[rng.IntN(7)]
	at := filepath.Join(dir, base)
	made := !isDir(filepath.Dir(at))
	must(os.MkdirAll(filepath.Dir(at), 0o755))
	must(os.WriteFile(at, []byte("package "+pkg+"\n"+text), 0o644))
	return "new " + at + ": " + pkg + text, func() {
		must(os.Remove(at))
		if made {
			must(os.Remove(filepath.Dir(at)))
		}
	}
}
