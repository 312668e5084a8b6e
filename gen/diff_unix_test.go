//go:build unix

package gen

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/facts"
)

// repositoryOfDiff makes a repository whose clusters read files of each kind, and returns
// their names.
func repositoryOfDiff(t *testing.T, dir string) []string {
	t.Helper()
	files := map[string]string{
		"cue.mod/module.cue": "module: \"example.org/infra\"\nlanguage: version: \"v0.14.0\"\n",
		"all/base.cue":       "package all\n\n#Base: flags: \"v\": 2\n",
		"apiserver.yaml":     "apiVersion: v1\nkind: Pod\nmetadata: name: kube-apiserver\nspec: containers: [{name: kube-apiserver, command: [kube-apiserver, --service-cluster-ip-range=10.32.0.0/16]}]\n",
		"data/level.json":    "3\n",
		"notes.txt":          "notes\n",
		"README.md":          "readme\n",
		"policy/rules.cue":   "package policy\n\nrules: \"acme-level\": {message: \"the log level is too high\", check: flags: v: <100}\n",
		"site/site.cue":      "package site\n\n_level: 2\n",
	}
	cluster := func(pkg, name, imports, more string) string {
		return fmt.Sprintf(`package %s

import (
	"github.com/kcmgen/kcmgen/schemas"
%s)

cluster: schemas.#Cluster & {
	name:    %q
	version: "v1.37.1"
	layout:  "systemd"
	nodes: "cp-1": address: "10.0.0.11"
	networks: services: ["10.32.0.0/16"]
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
%s
}
`, pkg, imports, name, more)
	}
	files["plain/cluster.cue"] = cluster("plain", "plain", "", "\tflags: \"v\": 2")
	files["shared/cluster.cue"] = cluster("shared", "shared", "\t\"example.org/infra/all\"\n", "\tflags: all.#Base.flags")
	files["also/cluster.cue"] = cluster("also", "also", "\t\"example.org/infra/all\"\n", "\tflags: all.#Base.flags")
	files["from/cluster.cue"] = strings.Replace(cluster("from", "from", "", ""), `	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"`, "\tapiserver: from: \"../apiserver.yaml\"", 1)
	files["site/one/cluster.cue"] = cluster("site", "one", "", "\tflags: \"v\": _level")
	files["embeds/cluster.cue"] = "@extern(embed)\n\n" + cluster("embeds", "embeds", "", "\t_level: _ @embed(file=level.json)\n\tflags: \"v\": _level")
	files["embeds/level.json"] = files["data/level.json"]
	delete(files, "data/level.json")
	var names []string
	for name, data := range files {
		put(t, filepath.Join(dir, filepath.FromSlash(name)), data)
		names = append(names, name)
	}
	slices.Sort(names)
	gitIn(t, dir, "init", "-q", ".")
	commitIn(t, dir)
	return names
}

func put(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func gitIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

func commitIn(t *testing.T, dir string) {
	t.Helper()
	gitIn(t, dir, "add", "-A")
	gitIn(t, dir, "commit", "-q", "--allow-empty", "-m", "a")
}

// TestDiffLeavesTheSame: clusters that aren't evaluated, since all that they depend on is the
// same, have no difference: with every package evaluated the answer is the same. Files of each
// kind are changed, removed, added and renamed at random, committed or not.
func TestDiffLeavesTheSame(t *testing.T) {
	dir := t.TempDir()
	names := repositoryOfDiff(t, dir)
	t.Chdir(dir)
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for round := range 8 {
		name := names[random.IntN(len(names))]
		changeFile(t, filepath.Join(dir, filepath.FromSlash(name)), random)
		sides := [][2]string{{"HEAD", "."}}
		if random.IntN(2) == 0 {
			commitIn(t, dir)
			sides = [][2]string{{"HEAD~1", "HEAD"}, {"HEAD~1", "."}}
		}
		for _, s := range sides {
			var out [2]string
			for i, whole := range []bool{false, true} {
				d := &differ{o: DiffOptions{Request: Request{Now: now, Version: "v0"}, Base: s[0], Head: s[1]}, cwd: dir, index: &facts.Index{}, whole: whole}
				got, err := d.diff(context.Background())
				if err != nil {
					t.Fatalf("round %d, %s: %v", round, name, err)
				}
				// Which of those without a difference have an error on both sides isn't known
				// of what wasn't evaluated.
				data, err := json.Marshal(got.Clusters)
				if err != nil {
					t.Fatal(err)
				}
				out[i] = string(data)
				if !whole {
					seen[fmt.Sprintf("%v", len(d.base.left) > 0)]++
				}
			}
			if out[0] != out[1] {
				t.Fatalf("round %d, %s changed, %s: left out:\n%s\nevaluated:\n%s", round, name, s, out[0], out[1])
			}
		}
		gitIn(t, dir, "add", "-A")
		gitIn(t, dir, "checkout", "-q", "-f", "HEAD", ".")
	}
	if seen["true"] == 0 {
		t.Errorf("no round left a cluster out: %v", seen)
	}
}

// changeFile changes a file in a way that may or may not have an effect.
func changeFile(t *testing.T, name string, random *rand.Rand) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		return // an earlier round removed it
	}
	text := string(data)
	switch random.IntN(5) {
	case 0:
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		return
	case 1:
		text = strings.NewReplacer("2", "4", "32", "48").Replace(text)
	case 2:
		text += "\n"
	case 3:
		put(t, filepath.Join(filepath.Dir(name), "more.cue"), "package "+filepath.Base(filepath.Dir(name))+"\n")
		return
	case 4:
		text = strings.ReplaceAll(text, "v\": 2", "v\": 3")
	}
	put(t, name, text)
}
