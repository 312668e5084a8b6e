package config

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/child"
)

// TestMain makes the test binary a program with children: here all that isn't plain is
// evaluated in one.
func TestMain(m *testing.M) {
	if child.Is(os.Args[1:]) {
		os.Exit(child.Serve(os.Stdin, os.Stdout, func(payload []byte) (func([]byte) []byte, error) {
			return Answers(payload, testRules)
		}))
	}
	os.Exit(m.Run())
}

// calling is a module with n clusters that need a child.
func calling(t *testing.T, n int) string {
	files := map[string]string{}
	for i := range n {
		text := strings.ReplaceAll(clusterOf(fmt.Sprintf("import \"strings\"\n\n_a: strings.ToLower(\"C%d\")\n", i), `"cp-1": address: "10.0.0.11"`), "\"prod\"", "_a")
		files[fmt.Sprintf("c%d/cluster.cue", i)] = strings.Replace(text, "package prod", fmt.Sprintf("package c%d", i), 1)
	}
	return module(t, files)
}

// TestLoadInChildren: a package that takes too much memory or too long is named, and no
// other is lost, wherever it stands among those of its child.
func TestLoadInChildren(t *testing.T) {
	const n = 9
	for name, c := range map[string]struct{ hostile, want string }{
		"memory": {`_b: len(strings.Repeat(strings.Repeat("0123456789", 100000), 10000))`, "256 MiB of memory"},
		"time":   {"_d: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n_b: len([for a in _d for b in _d for c in _d for d in _d for e in _d for f in _d for g in _d for h in _d {a}])", "takes more than 4s"},
	} {
		root := calling(t, n)
		for _, i := range []int{0, 4} {
			at := filepath.Join(root, fmt.Sprintf("c%d", i), "hostile.cue")
			text := fmt.Sprintf("package c%d\n\nimport \"strings\"\n\n_x: strings.ToLower(\"X\")\n%s\ncluster: flags: \"cluster-name\": \"x\\(_b)\"\n", i, c.hostile)
			if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			if name == "time" {
				break // the second has less time, and its message says so
			}
		}
		res, err := Load(t.Context(), root, []string{root + "/..."}, Options{Limits: Limits{Time: 4 * time.Second, Memory: 256 << 20}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range res.Clusters {
			got = append(got, c.Name)
		}
		for _, f := range res.Findings {
			if f.Rule != "cue-limit" || !strings.Contains(f.Message, c.want) {
				t.Errorf("%s: %+v", name, f)
			}
			got = append(got, strings.Split(filepath.ToSlash(f.Pos.File), "/")[0])
		}
		slices.Sort(got)
		if want := []string{"c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "prod"}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
}

// TestInterrupt: Load returns at once, and its children have ended.
func TestInterrupt(t *testing.T) {
	root := calling(t, 1)
	text := "package c0\n\n_d: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n_b: len([for a in _d for b in _d for c in _d for d in _d for e in _d for f in _d for g in _d for h in _d {a}])\ncluster: flags: \"cluster-name\": \"x\\(_b)\"\n"
	if err := os.WriteFile(filepath.Join(root, "c0", "hostile.cue"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	begin := time.Now()
	_, err := Load(ctx, root, []string{"./c0"}, Options{Limits: Limits{Time: time.Hour}})
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}
