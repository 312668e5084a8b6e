package facts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// commit commits everything in a repository.
func commit(t *testing.T, dir string) {
	t.Helper()
	runGit(t, dir, "add", "-A", "-f")
	runGit(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "--allow-empty", "-m", "a")
}

// tree returns the files below a directory, with their contents or sizes.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		if to, err := os.Readlink(name); err == nil {
			out[rel] = "-> " + to
			return nil
		}
		data, err := os.ReadFile(name)
		if len(data) > 100 {
			data = []byte("long")
		}
		out[rel] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRevision: a revision's modules are extracted as they were, whatever the work tree and
// the index say now; what lies outside of them, and links that lead out, are left out.
func TestRevision(t *testing.T) {
	dir := repo(t, map[string]string{
		"infra/cue.mod/module.cue": "module", "infra/prod/cluster.cue": "old", "infra/prod/ca.crt": "certificate",
		"infra/gone.cue": "gone", "outside/a.cue": "a", "README.md": "read", "infra/\nodd \"name\".cue": "odd",
		"infra/long.cue": strings.Repeat("x", maxBlob+1),
	})
	for name, to := range map[string]string{"infra/prod/link.cue": "../gone.cue", "infra/out.cue": "../../x", "infra/abs.cue": "/etc/passwd"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	commit(t, dir)
	for name, text := range map[string]string{"infra/prod/cluster.cue": "new", "infra/untracked.cue": "untracked", ".gitattributes": "*.cue filter=evil\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runGit(t, dir, "config", "filter.evil.smudge", "touch "+filepath.Join(dir, "ran"))
	runGit(t, dir, "mv", "infra/gone.cue", "infra/moved.cue")
	r, err := FindRevision(filepath.Join(dir, "infra"), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Renamed) != 1 || r.Renamed["infra/gone.cue"] != "infra/moved.cue" || len(r.Commit) != 40 {
		t.Errorf("%q, renamed %q", r.Commit, r.Renamed)
	}
	to := t.TempDir()
	if err := r.Extract(to); err != nil {
		t.Fatal(err)
	}
	got := treeOf(t, to)
	want := map[string]string{
		"infra/cue.mod/module.cue": "module", "infra/prod/cluster.cue": "old", "infra/prod/ca.crt": "certificate", "infra/gone.cue": "gone",
		"infra/\nodd \"name\".cue": "odd", "infra/prod/link.cue": "-> ../gone.cue", "infra/long.cue": "long",
	}
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s has %q, not %q", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, not %d: %q", len(got), len(want), got)
	}
	if len(r.Dropped) != 2 || r.Dropped[0] != "infra/abs.cue" || r.Dropped[1] != "infra/out.cue" {
		t.Errorf("links that lead out: %q", r.Dropped)
	}
	if fi, err := os.Stat(filepath.Join(to, "infra", "long.cue")); err != nil || fi.Size() != maxBlob+1 {
		t.Errorf("a file that is too large has lost its size: %v, %v", fi, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a program of the repository's configuration ran")
	}
}

// TestComplete: a key that git doesn't track is that of today; one that is tracked is the
// revision's, and one that was added since isn't there.
func TestComplete(t *testing.T) {
	dir := repo(t, map[string]string{"infra/cue.mod/module.cue": "", "infra/prod/cluster.cue": "", "keys/tracked.key": "old"})
	commit(t, dir)
	r, err := FindRevision(dir, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"keys/tracked.key": "new", "keys/added.key": "added", "keys/untracked.key": "untracked"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runGit(t, dir, "add", "keys/added.key")
	to := t.TempDir()
	if err := r.Extract(to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"tracked": "old", "untracked": "untracked", "added": "", "nowhere": ""} {
		c := &spec.Cluster{Name: "prod", Dir: filepath.Join(to, "infra", "prod")}
		c.PKI.CA.KeyFile = "../../keys/" + name + ".key"
		for range 2 { // other clusters may name it too
			if err := r.Complete(to, c, &Index{}); err != nil {
				t.Fatal(err)
			}
		}
		data, _ := os.ReadFile(c.Local(c.PKI.CA.KeyFile))
		if string(data) != want {
			t.Errorf("%s.key has %q, not %q", name, data, want)
		}
	}
}

// TestRevisionIndex: keys that the revision tracks are found for its clusters, by their
// names of today.
func TestRevisionIndex(t *testing.T) {
	dir := repo(t, map[string]string{"infra/cue.mod/module.cue": "", "infra/prod/cluster.cue": "", "infra/ca.key": keyPEM(t)})
	commit(t, dir)
	runGit(t, dir, "rm", "-q", "infra/ca.key")
	r, err := FindRevision(dir, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := r.Extract(to); err != nil {
		t.Fatal(err)
	}
	x, err := r.Index(to)
	if err != nil {
		t.Fatal(err)
	}
	c := &spec.Cluster{Name: "prod", Dir: filepath.Join(to, "infra", "prod")}
	c.PKI.CA.KeyFile = "../ca.key"
	t.Chdir(dir)
	found, err := x.tracked(c, filepath.Join(dir, "infra", "out"))
	if err != nil || len(found) != 1 || found[0].File != filepath.Join("infra", "ca.key") {
		t.Errorf("%+v, %v", found, err)
	}
	c.Dir = filepath.Join(dir, "infra", "prod")
	if found, err := (&Index{}).tracked(c, ""); err != nil || len(found) != 0 {
		t.Errorf("today: %+v, %v", found, err)
	}
}

// TestUnknownRevision: what git doesn't know is told from a repository that isn't there.
func TestUnknownRevision(t *testing.T) {
	dir := repo(t, map[string]string{"a": ""})
	commit(t, dir)
	for _, name := range []string{"nope", "", "--all", "HEAD:a", "HEAD~1", "HEAD\nHEAD"} {
		_, err := FindRevision(dir, name)
		if e := (*RevisionError)(nil); !errors.As(err, &e) || e.Shallow || e.Name != name {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := FindRevision(t.TempDir(), "HEAD"); !errors.Is(err, ErrNoGit) {
		t.Errorf("outside: %v", err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	commit(t, dir)
	runGit(t, dir, "clone", "-q", "--depth", "1", "file://"+dir, clone)
	_, err := FindRevision(clone, "HEAD~1")
	if e := (*RevisionError)(nil); !errors.As(err, &e) || !e.Shallow || !strings.Contains(e.Hint(), "--unshallow") {
		t.Errorf("shallow: %v", err)
	}
}
