//go:build unix

package gen

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/facts"
)

// history makes a repository whose clusters lie in infra/: without a module at "empty", one
// cluster at "one", another version of it at "two", and a third that isn't committed. It
// returns the directory infra.
func history(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "empty")
	git("tag", "empty")
	infra := filepath.Join(root, "infra")
	write(t, filepath.Join(infra, "cue.mod", "module.cue"), "module: \"example.com/clusters@v0\"\nlanguage: version: \"v0.15.0\"\n")
	for _, state := range [][2]string{{"one", "v1.36.0"}, {"two", "v1.37.0"}, {"", "v1.37.1"}} {
		write(t, filepath.Join(infra, "prod", "cluster.cue"), fmt.Sprintf(`package prod

import "github.com/kcmgen/kcmgen/schemas"

cluster: schemas.#Cluster & {
	name:    "prod"
	version: %q
	layout:  "systemd"
	nodes: "cp-1": address: "10.0.0.11"
}
`, state[1]))
		if state[0] != "" {
			git("add", "-A")
			git("commit", "-q", "-m", state[0])
			git("tag", state[0])
		}
	}
	return infra
}

// TestSnapshots: two revisions and a directory are evaluated beside each other, each as it
// is, and nothing stays behind.
func TestSnapshots(t *testing.T) {
	infra := history(t)
	t.Setenv("TMPDIR", t.TempDir())
	index := &facts.Index{}
	revision := func(name string) *Snapshot {
		t.Helper()
		s, err := OpenRevision(infra, name, index)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	here, err := OpenDirectory(filepath.Dir(infra), "infra", index)
	if err != nil {
		t.Fatal(err)
	}
	all := []*Snapshot{revision("one"), revision("two"), here}
	for _, args := range [][]string{nil, {"prod"}, {"./prod"}, {filepath.Join(infra, "prod")}} {
		var versions []string
		for _, s := range all {
			l, err := s.Load(t.Context(), Request{Args: args, Now: time.Now()})
			if err != nil || len(l.Clusters) != 1 || s.Lacks != "" {
				t.Fatalf("%s %q: %v, %+v, %q", s.Name, args, err, l, s.Lacks)
			}
			c := l.Clusters[0].Cluster
			versions = append(versions, c.Version.String())
			if at := s.There(c.Dir); at != filepath.Join(infra, "prod") || s.Shown(c.Dir) != "prod" {
				t.Errorf("%s: %s lies at %s, shown as %s", s.Name, c.Dir, at, s.Shown(c.Dir))
			}
			if len(l.All) != len(l.Findings) {
				t.Errorf("%s: %d of %d findings", s.Name, len(l.All), len(l.Findings))
			}
		}
		if got := strings.Join(versions, " "); got != "v1.36.0 v1.37.0 v1.37.1" {
			t.Errorf("%q: %s", args, got)
		}
	}
	for _, s := range all {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(infra, "prod", "cluster.cue")); err != nil {
		t.Error(err) // Close leaves a user's directory alone
	}
}

// TestSnapshotsLacking: what isn't there is said.
func TestSnapshotsLacking(t *testing.T) {
	infra := history(t)
	s, err := OpenRevision(infra, "empty", &facts.Index{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if l, err := s.Load(t.Context(), Request{Now: time.Now()}); err != nil || len(l.Clusters) > 0 || s.Lacks == "" {
		t.Errorf("%v, %+v, %q", err, l, s.Lacks)
	}
	for name, open := range map[string]func() (*Snapshot, error){
		"revision":   func() (*Snapshot, error) { return OpenRevision(infra, "nope", &facts.Index{}) },
		"repository": func() (*Snapshot, error) { return OpenRevision(t.TempDir(), "HEAD", &facts.Index{}) },
		"directory":  func() (*Snapshot, error) { return OpenDirectory(infra, "nope", &facts.Index{}) },
		"file":       func() (*Snapshot, error) { return OpenDirectory(infra, "prod/cluster.cue", &facts.Index{}) },
	} {
		_, err := open()
		if option := (*OptionError)(nil); !errors.As(err, &option) {
			t.Errorf("%s: %v", name, err)
		}
		if unknown := (*RevisionError)(nil); errors.As(err, &unknown) != (name == "revision") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
