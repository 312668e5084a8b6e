package facts

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/need"
)

// repo makes a repository with files, all of them added.
func repo(t *testing.T, files map[string]string) string {
	t.Helper()
	need.Program(t, "git")
	dir := t.TempDir()
	runGit(t, dir, "init", "-q")
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runGit(t, dir, "add", "-f", ".")
	return dir
}

func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

func keyPEM(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

// TestTracked: which files of a cluster are tracked private keys.
func TestTracked(t *testing.T) {
	key := keyPEM(t)
	kubeconfig := "users:\n- user:\n    client-key-data: " + base64.StdEncoding.EncodeToString([]byte(key)) + "\n"
	dir := repo(t, map[string]string{
		"infra/prod/cluster.cue": "", "infra/keys/ca.key": key, "infra/keys/ca.crt": "-----BEGIN CERTIFICATE-----\n", "infra/keys/unnamed.key": key,
		"infra/out/prod/pki/ca.key": key, "infra/out/prod/pki/nodes/cp-1/client.key": key, "infra/out/prod/pki/ca.crt": "x",
		"infra/out/prod/nodes/cp-1/etc/k/0123/controller-manager.conf": kubeconfig, "infra/out/prod/nodes/cp-1/etc/odd/name.pem": key,
		"infra/out/prod/nodes/cp-1/etc/k/0123/ca.crt": "x", "infra/out/stage/pki/ca.key": key, "elsewhere/prod/image/amd64/sa.key": key, "elsewhere/prod/manifest.json": `{"schema":1,"cluster":"prod"}`,
		"legacy/prod/nodes/a/vpn.key": key, "web/prod/pki/tls.key": key, "web/prod/manifest.json": `{"name":"prod"}`, "old/prod/pki/ca.key": key, "old/prod/manifest.json": `{"schema":1,"cluster":"stage"}`,
		"infra/prod/pki.key": key, "infra/out/prod/pki/empty.key": "", "infra/out/prod/pki/sealed.key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"infra/out/prod/pki/big.key": key + strings.Repeat("x\n", 1<<20), "infra/kube.conf": kubeconfig, "infra/id": key, "infra/out/prod/pki/naïve \n.key": key,
	})
	if err := os.Symlink("keys", filepath.Join(dir, "infra", "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "infra", "keys", "untracked.key"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &spec.Cluster{Name: "prod", Dir: filepath.Join(dir, "infra", "prod")}
	c.PKI.CA.KeyFile, c.PKI.CA.CertFile = "../link/ca.key", "../link/ca.crt"
	c.PKI.ServiceAccount.KeyFile = "../keys/untracked.key"
	c.PKI.FrontProxy = &spec.Authority{KeyFile: filepath.Join(dir, "infra", "keys", "none.key")}
	c.Deploy.Kubeconfig = "../kube.conf"
	c.Paths.TLSKey = "/etc/odd/name.pem"
	c.Nodes = []spec.Node{{Name: "cp-1", SSH: spec.SSH{IdentityFile: "../id"}}}
	want := []string{
		" elsewhere/prod/image/amd64/sa.key", " infra/out/prod/nodes/cp-1/etc/k/0123/controller-manager.conf", " infra/out/prod/nodes/cp-1/etc/odd/name.pem",
		" infra/out/prod/pki/big.key", " infra/out/prod/pki/ca.key", " infra/out/prod/pki/naïve \n.key", " infra/out/prod/pki/nodes/cp-1/client.key",
		"deploy.kubeconfig infra/kube.conf", `nodes."cp-1".ssh.identityFile infra/id`, "pki.ca.keyFile infra/keys/ca.key",
	}
	t.Chdir(dir)
	check := func(what string, x *Index) {
		t.Helper()
		found, err := x.tracked(c, filepath.Join(filepath.Dir(filepath.Dir(c.Dir)), "infra", "out"))
		var got []string
		for _, k := range found {
			got = append(got, k.Field+" "+filepath.ToSlash(k.File))
		}
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n got %q\nwant %q", what, err, got, want)
		}
	}
	check("a repository", &Index{})
	runGit(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "a")
	check("a commit", &Index{})
	for _, version := range []string{"2", "3", "4"} {
		runGit(t, dir, "update-index", "--index-version", version)
		check("index version "+version, &Index{})
	}
	runGit(t, dir, "update-index", "--split-index")
	check("a split index", &Index{})
	// In a hook, git sets the index; the files need not exist.
	empty := t.TempDir()
	c.Dir = filepath.Join(empty, "infra", "prod")
	c.PKI.CA.KeyFile = "../keys/ca.key"
	t.Chdir(empty)
	t.Setenv("GIT_DIR", filepath.Join(dir, ".git"))
	t.Setenv("GIT_WORK_TREE", empty)
	check("a hook", &Index{})
	t.Setenv("GIT_INDEX_FILE", filepath.Join(dir, "no-such-index"))
	if found, err := (&Index{}).tracked(c, "out"); err != nil || len(found) != 0 {
		t.Errorf("an empty index: %q, %v", found, err)
	}
}

// TestTrackedOnce: git runs once for many clusters of a repository.
func TestTrackedOnce(t *testing.T) {
	dir := repo(t, map[string]string{"a": ""})
	bin, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	real := need.Program(t, "git")
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >>'%s'\nexec '%s' \"$@\"\n", log, real)
	if err := os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	x := &Index{}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if _, err := x.tracked(&spec.Cluster{Name: fmt.Sprint("c", i), Dir: filepath.Join(dir, fmt.Sprint(i))}, "out"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	data, err := os.ReadFile(log)
	if err != nil || bytes.Count(data, []byte("\n")) != 1 {
		t.Errorf("git was run for 50 clusters: %v\n%s", err, data)
	}
}

// TestTrackedRunsNothing: no program of the repository's configuration is run.
func TestTrackedRunsNothing(t *testing.T) {
	dir := repo(t, map[string]string{"out/prod/pki/ca.key": keyPEM(t)})
	ran := filepath.Join(t.TempDir(), "ran")
	script := filepath.Join(t.TempDir(), "evil")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch '"+ran+"'\ncat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"core.fsmonitor", "pager.ls-files", "pager.cat-file", "core.pager", "core.sshCommand", "core.gitProxy", "alias.ls-files", "alias.cat-file", "filter.x.smudge", "filter.x.clean", "diff.x.textconv", "diff.external", "credential.helper"} {
		runGit(t, dir, "config", name, script)
	}
	runGit(t, dir, "config", "core.hooksPath", filepath.Dir(script))
	if err := os.WriteFile(filepath.Join(dir, ".gitattributes"), []byte("* filter=x diff=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := (&Index{}).tracked(&spec.Cluster{Name: "prod", Dir: dir}, filepath.Join(dir, "out"))
	if err != nil || len(found) != 1 {
		t.Errorf("%q, %v", found, err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a program of the repository's configuration was run")
	}
}

// TestNothingTracked: without a repository or without git, nothing is tracked; if git
// fails, that is an error.
func TestNothingTracked(t *testing.T) {
	c := &spec.Cluster{Name: "prod", Dir: t.TempDir()}
	if found, err := (&Index{}).tracked(c, "out"); err != nil || found != nil {
		t.Errorf("no repository: %q, %v", found, err)
	}
	c.Dir = repo(t, map[string]string{"a": ""})
	if err := os.WriteFile(filepath.Join(c.Dir, ".git", "index"), []byte("garbage garbage garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&Index{}).tracked(c, "out"); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a broken index: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if found, err := (&Index{}).tracked(c, "out"); err != nil || found != nil {
		t.Errorf("no git: %q, %v", found, err)
	}
}
