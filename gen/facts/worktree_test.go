package facts

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// TestHookBelow: in a linked work tree git sets the git directory and not the root. A hook
// in a directory below the root still finds the keys, and no keys of another repository.
func TestHookBelow(t *testing.T) {
	dir := repo(t, map[string]string{"infra/prod/cluster.cue": ""})
	runGit(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "a")
	tree := filepath.Join(t.TempDir(), "tree")
	runGit(t, dir, "worktree", "add", "-q", tree)
	if err := os.WriteFile(filepath.Join(tree, "infra", "ca.key"), []byte(keyPEM(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	runGit(t, tree, "add", "-f", "infra/ca.key")
	other := repo(t, map[string]string{"infra/prod/cluster.cue": "", "infra/ca.key": keyPEM(t)})
	count := func(what, at string, want int) {
		t.Helper()
		c := &spec.Cluster{Name: "prod", Dir: filepath.Join(at, "infra", "prod")}
		c.PKI.CA.KeyFile = "../ca.key"
		found, err := (&Index{}).tracked(c, "")
		if err != nil || len(found) != want {
			t.Errorf("%s: %q, %v; want %d", what, found, err, want)
		}
	}
	t.Chdir(filepath.Join(tree, "infra"))
	own := filepath.Join(dir, ".git", "worktrees", "tree")
	t.Setenv("GIT_DIR", own)
	count("a work tree", tree, 1)
	t.Setenv("GIT_INDEX_FILE", filepath.Join(own, "index"))
	count("a work tree, with its index", tree, 1)
	count("its repository", dir, 0)
	count("another repository", other, 1)
	t.Setenv("GIT_INDEX_FILE", filepath.Join(t.TempDir(), "none"))
	count("an index of one's own", tree, 0)
	t.Setenv("GIT_DIR", "")
	t.Setenv("GIT_INDEX_FILE", filepath.Join(dir, ".git", "index"))
	count("another repository, and an index alone", other, 1)
	t.Chdir(filepath.Join(other, "infra"))
	t.Setenv("GIT_INDEX_FILE", ".git/index")
	count("an index said from the root", other, 1)
	t.Setenv("GIT_DIR", filepath.Join(other, ".git"))
	count("an index said from the root, and its repository", other, 1)
}

// TestNoRepository: a broken .git is no repository; inside another repository it is
// ignored, as by git.
func TestNoRepository(t *testing.T) {
	key := keyPEM(t)
	gone := t.TempDir()
	if err := os.WriteFile(filepath.Join(gone, ".git"), []byte("gitdir: ../no/such\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	within := repo(t, map[string]string{"sub/out/prod/pki/ca.key": key})
	for _, at := range []string{filepath.Join(empty, ".git"), filepath.Join(within, "sub", ".git")} {
		if err := os.Mkdir(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]int{gone: 0, empty: 0, filepath.Join(within, "sub"): 1} {
		found, err := (&Index{}).tracked(&spec.Cluster{Name: "prod", Dir: dir}, filepath.Join(dir, "out"))
		if err != nil || len(found) != want {
			t.Errorf("%s: %q, %v; want %d", dir, found, err, want)
		}
	}
}

// TestOwner: the error for another user's repository has its directory.
func TestOwner(t *testing.T) {
	dir := repo(t, map[string]string{"a": ""})
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("GIT_CONFIG_SYSTEM", os.DevNull)
	_, err := (&Index{}).tracked(&spec.Cluster{Name: "prod", Dir: dir}, "")
	if owner := (*vet.OwnerError)(nil); !errors.As(err, &owner) || owner.Dir != dir {
		t.Errorf("%v", err)
	}
}
