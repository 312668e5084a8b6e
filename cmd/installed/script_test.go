//go:build unix

package installed_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kcmgen/kcmgen/internal/lsp"
	"github.com/kcmgen/kcmgen/internal/need"
)

// repo is the repository's root, as tests see it.
const repo = "../.."

// scripts is the pattern of the script files.
const scripts = "testdata/script/*.txtar"

// release is what the tests publish.
var release = module.Version{Path: "github.com/kcmgen/kcmgen", Version: "v0.1.0"}

// TestScripts runs every script with this environment: $RELEASE, a git repository with the
// current files, tagged; $PROXY, a module proxy that has it; $MODULES, a module cache that
// has everything else; and the variables for the caller's caches, so that nothing is
// fetched when they are warm. The command "built" sets $BUILT, a directory with the
// release's kcmgen, which is built once.
func TestScripts(t *testing.T) {
	found, err := filepath.Glob(scripts)
	if err != nil || len(found) < 4 {
		t.Fatalf("%s matches %d files (%v): the scripts are lost", scripts, len(found), err)
	}
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, program := range need.Unasked(string(data), nil) {
			t.Errorf("%s starts %s: say \"needs %[2]s\" before it", name, program)
		}
	}
	need.Program(t, "git")
	dir := t.TempDir()
	caller := goEnv(t)
	if err := publish(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	at := t.TempDir()
	proxy, modules := filepath.Join(at, "proxy"), filepath.Join(at, "modules")
	if err := errors.Join(offer(proxy, dir), borrow(caller["GOMODCACHE"], modules, ours...)); err != nil {
		t.Fatal(err)
	}
	built := sync.OnceValue(func() error { return build(dir, filepath.Join(at, "bin"), caller) })
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Dir(scripts),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for name, value := range caller {
				env.Setenv(name, value)
			}
			env.Setenv("RELEASE", dir)
			env.Setenv("PROXY", proxy)
			env.Setenv("MODULES", modules)
			env.Values[asked{}] = env.T()
			return home(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"needs": needs,
			"edit":  edit,
			"built": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) != 0 {
					ts.Fatalf("usage: built")
				}
				ts.Check(built())
				ts.Setenv("BUILT", filepath.Join(at, "bin"))
			},
			"complete": complete,
		},
	})
}

// goEnv returns the variables for the caller's caches. With -trimpath a checkout in another
// directory can use packages that were compiled elsewhere.
func goEnv(t *testing.T) map[string]string {
	t.Helper()
	names := []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOTOOLCHAIN"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	values := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(values) != len(names) {
		t.Fatalf("go env: %q", out)
	}
	env := map[string]string{"GOFLAGS": "-trimpath"}
	for i, name := range names {
		env[name] = values[i]
	}
	return env
}

// ours are the paths of the release in a module cache.
var ours = []string{"github.com/kcmgen", "cache/download/github.com/kcmgen"}

// borrow makes a module cache of symbolic links to another one, without some paths. In the
// caller's cache the release would stay for the next run, which has other files under the
// same version.
func borrow(from, to string, without ...string) error {
	all, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o777); err != nil {
		return err
	}
	for _, e := range all {
		name, left, below := e.Name(), false, []string(nil)
		for _, w := range without {
			first, rest, more := strings.Cut(w, "/")
			switch {
			case first != name:
			case more:
				below = append(below, rest)
			default:
				left = true
			}
		}
		switch {
		case left:
		case below != nil:
			err = borrow(filepath.Join(from, name), filepath.Join(to, name), below...)
		default:
			err = os.Symlink(filepath.Join(from, name), filepath.Join(to, name))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// build builds the kcmgen of a checkout.
func build(checkout, to string, env map[string]string) error {
	cmd := exec.Command("go", "build", "-C", checkout, "-o", to+string(filepath.Separator), "./cmd/kcmgen")
	cmd.Env = os.Environ()
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

// home sets up a user who can commit, and whose git reads other users' repositories.
func home(env *testscript.Env) error {
	dir := filepath.Join(env.WorkDir, ".home")
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	env.Setenv("HOME", dir)
	env.Setenv("LC_ALL", "C")
	env.Setenv("PRE_COMMIT_HOME", filepath.Join(dir, "pre-commit"))
	const config = "[user]\n\tname = A\n\temail = a@example.org\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n[protocol \"file\"]\n\tallow = always\n"
	return os.WriteFile(filepath.Join(dir, ".gitconfig"), []byte(config), 0o666)
}

// publish makes a tagged repository of all files that git tracks or would add; deleted files
// are still listed.
func publish(ctx context.Context, dir string) error {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repo
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("git ls-files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(repo, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"},
		{"add", "-A"},
		{"commit", "-q", "--no-verify", "-m", "a release"},
		{"tag", release.Version},
	} {
		cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath=/dev/null"}, args...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	fi, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if fi.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, fi.Mode().Perm())
}

// asked is the key of the test that runs a script.
type asked struct{}

// needs NAME... says which outside programs a script uses from here on. If one is missing,
// the rest is skipped.
func needs(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		need.Program(ts.Value(asked{}).(need.T), name)
	}
}

// edit FILE OLD NEW replaces the text OLD, which must occur once.
func edit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	data := ts.ReadFile(args[0])
	if n := strings.Count(data, args[1]); n != 1 {
		ts.Fatalf("%s has %q %d times", args[0], args[1], n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(data, args[1], args[2], 1)), 0o666))
}

// complete FILE OLD NEW prints what stock cue's language server offers to complete after a
// user replaces OLD, which must occur once, with NEW. A ‸ in NEW is the cursor. The file
// isn't changed.
func complete(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: complete FILE OLD NEW")
	}
	cue, err := exec.LookPath("cue")
	ts.Check(err)
	file, text := ts.MkAbs(args[0]), ts.ReadFile(args[0])
	if strings.Count(text, args[1]) != 1 {
		ts.Fatalf("%s has %q %d times", args[0], args[1], strings.Count(text, args[1]))
	}
	typed := strings.Replace(text, args[1], strings.Replace(args[2], "‸", "", 1), 1)
	s, end := lsp.Start(ts, cue, ts.MkAbs("."), []string{"HOME=" + ts.Getenv("HOME"), "CUE_REGISTRY=none"})
	defer end()
	s.Open(file, text)
	s.Change(file, 2, typed)
	at := lsp.Find(ts, typed, args[2])
	lsp.Until(ts, "completion", func() (string, bool) {
		labels := s.Completion(file, at)
		if len(labels) > 1 {
			fmt.Fprintln(ts.Stdout(), strings.Join(labels, "\n"))
		}
		return fmt.Sprint(labels), len(labels) > 1
	})
}

// offer makes a module proxy that has only the release, from a checkout.
func offer(dir, checkout string) error {
	at := filepath.Join(dir, filepath.FromSlash(release.Path), "@v")
	mod, err := os.ReadFile(filepath.Join(checkout, "go.mod"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(at, 0o777); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(at, release.Version+".zip"))
	if err != nil {
		return err
	}
	return errors.Join(
		zip.CreateFromDir(f, release, checkout), f.Close(),
		os.WriteFile(filepath.Join(at, "list"), []byte(release.Version+"\n"), 0o666),
		os.WriteFile(filepath.Join(at, release.Version+".info"), fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, release.Version), 0o666),
		os.WriteFile(filepath.Join(at, release.Version+".mod"), mod, 0o666),
	)
}
