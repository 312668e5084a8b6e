//go:build unix

package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kcmgen/kcmgen/gen/vet"
)

var update = flag.Bool("update", false, "write what kcmgen says into the scripts that compare it")

// scripts is the pattern of the script files.
const scripts = "testdata/script/*.txtar"

// TestScripts runs every script in a directory that is a copy of this CUE module:
// schemas/, cue.mod/ and the ready clusters in cue/.
func TestScripts(t *testing.T) {
	if found, err := filepath.Glob(scripts); err != nil || len(found) < 40 {
		t.Fatalf("%s matches %d files (%v): the scripts are lost", scripts, len(found), err)
	}
	reachable(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Dir(scripts),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup:               setup,
		Condition:           condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     exits,
			"needs":     needs,
			"edit":      editFile,
			"expand":    expand,
			"program":   program,
			"serve":     serve,
			"perm":      perm,
			"snapshot":  snapshot,
			"unchanged": unchanged,
			"untouched": untouched,
			"changes":   changes,
		},
	})
}

// TestScriptsShowEveryRule: for each rule some script must expect its finding.
func TestScriptsShowEveryRule(t *testing.T) {
	found, err := filepath.Glob(scripts)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s matches nothing (%v)", scripts, err)
	}
	var all []byte
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	for _, r := range vet.Rules() {
		if !bytes.Contains(all, []byte("["+r.ID+"]\n")) {
			t.Errorf("no script shows rule %s failing: %s", r.ID, r.Doc)
		}
	}
}

// reachable makes kcmgen, in a temporary directory of the user who runs the tests, reachable
// for the unprivileged user of some scripts.
func reachable(t *testing.T) {
	name, err := exec.LookPath("kcmgen")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		name = filepath.Dir(name)
		if err := os.Chmod(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// wrappers are the commands that scripts put before a command.
var wrappers = map[string]string{
	// unpriv runs a command as an unprivileged user: root ignores file modes.
	"unpriv": `[ "$(id -u)" = 0 ] || exec "$@"
exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"`,
	// readonly DIR runs a command that sees DIR on a read-only mount.
	"readonly": `[ -n "$KCMGEN_MOUNT" ] || KCMGEN_MOUNT=1 exec $NAMESPACES --mount -- "$0" "$@"
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99
shift
exec "$@"`,
	// offline runs a command without a network, not even loopback.
	"offline": `exec $NAMESPACES --net -- "$@"`,
	// sshless runs kcmgen without an ssh program.
	"sshless": `kcmgen=$(command -v kcmgen)
PATH=${kcmgen%/*} exec "$@"`,
	// builder is buildah with its own store, which needs no kernel module.
	"builder": `exec buildah --storage-driver vfs --root "$WORK/.images/root" --runroot "$WORK/.images/run" "$@"`,
}

func setup(env *testscript.Env) error {
	for _, dir := range []string{"schemas", "cue.mod", "cue/example", "cue/ha-systemd", "cue/static-pod", "testdata/seeds"} {
		if err := os.CopyFS(filepath.Join(env.WorkDir, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			return err
		}
	}
	bin, home := filepath.Join(env.WorkDir, ".bin"), filepath.Join(env.WorkDir, ".home")
	for _, dir := range []string{bin, home} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return err
		}
	}
	for name, text := range wrappers {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			return err
		}
	}
	env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
	env.Setenv("HOME", home)
	me, err := user.Current()
	if err != nil {
		return err
	}
	env.Setenv("LOGIN_HOME", me.HomeDir) // ssh's, which no HOME moves
	env.Setenv("LC_ALL", "C")
	hostArch(env)
	env.Values[snapshots{}] = map[string]picture{}
	env.Values[asked{}] = env.T()
	return os.Chmod(filepath.Dir(env.WorkDir), 0o755)
}

func condition(cond string) (bool, error) {
	if cond == "root" {
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", cond)
}

// schemaPlace matches a position in the vocabulary, which changes with every comment there.
var schemaPlace = regexp.MustCompile(`(schemas/[\w/]+\.cue):\d+:\d+`)

// exits CODE PROGRAM [ARG...] runs a program that must end with exactly that code. In its
// output, positions in the vocabulary become schemas/FILE.cue:*.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	out, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if schemaPlace.MatchString(out + stderr) {
		fmt.Fprint(ts.Stdout(), schemaPlace.ReplaceAllString(out, "$1:*"))
		fmt.Fprint(ts.Stderr(), schemaPlace.ReplaceAllString(stderr, "$1:*"))
	}
}

// edit FILE OLD NEW replaces the text OLD, which must occur once.
func editFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: edit FILE OLD NEW")
	}
	data := ts.ReadFile(args[0])
	if n := strings.Count(data, args[1]); n != 1 {
		ts.Fatalf("%s has %q %d times", args[0], args[1], n)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(data, args[1], args[2], 1)), 0o666))
}

// perm MODE PATTERN... checks the permission bits of files; each pattern must match some.
func perm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: perm MODE PATTERN...")
	}
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	for _, pattern := range args[1:] {
		names, err := filepath.Glob(ts.MkAbs(pattern))
		ts.Check(err)
		if len(names) == 0 {
			ts.Fatalf("%s matches no file", pattern)
		}
		for _, name := range names {
			fi, err := os.Lstat(name)
			ts.Check(err)
			if got := fi.Mode().Perm(); got != fs.FileMode(want) {
				ts.Fatalf("%s has mode %04o, want %04o", name, got, want)
			}
		}
	}
}

// picture is the state of a directory: the content of each path, and its inode and time.
type picture map[string]struct{ content, file string }

type snapshots struct{}

func taken(ts *testscript.TestScript) map[string]picture {
	return ts.Value(snapshots{}).(map[string]picture)
}

// keptBelow is the cache directory, to which every command that evaluates adds.
const keptBelow = ".home/.cache"

func look(ts *testscript.TestScript, dir string) picture {
	out := picture{}
	root := ts.MkAbs(dir)
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Lstat(p)
		if err != nil {
			return err
		}
		content := fi.Mode().String()
		switch {
		case fi.Mode().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			content += fmt.Sprintf(" %x", sha256.Sum256(data))
		case fi.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			content += " " + target
		}
		rel, err := filepath.Rel(root, p)
		if strings.HasPrefix(rel, keptBelow) {
			return err
		}
		out[rel] = struct{ content, file string }{content, fmt.Sprint(inode(fi), fi.ModTime().UnixNano())}
		return err
	})
	if !errors.Is(err, fs.ErrNotExist) {
		ts.Check(err)
	}
	return out
}

// snapshot DIR NAME remembers the state of a directory, which may be missing.
func snapshot(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: snapshot DIR NAME")
	}
	taken(ts)[args[1]] = look(ts, args[0])
}

// generation matches the part of a path that differs from run to run.
var generation = regexp.MustCompile(`\b[0-9a-f]{16}\b`)

// difference returns what changed in a directory since a snapshot: "+", "-" or "~", and the
// path. Directories are included if asked for.
func difference(ts *testscript.TestScript, args []string, directories bool) []string {
	if len(args) != 2 {
		ts.Fatalf("usage: unchanged | untouched | changes DIR NAME")
	}
	was, ok := taken(ts)[args[1]]
	if !ok {
		ts.Fatalf("no snapshot is called %q", args[1])
	}
	is := look(ts, args[0])
	var out []string
	all := maps.Clone(was)
	maps.Copy(all, is)
	for _, p := range slices.Sorted(maps.Keys(all)) {
		old, before := was[p]
		now, after := is[p]
		switch {
		case !directories && strings.HasPrefix(all[p].content, "d"):
		case !before:
			out = append(out, "+ "+p)
		case !after:
			out = append(out, "- "+p)
		case old.content != now.content:
			out = append(out, "~ "+p)
		}
	}
	return out
}

// unchanged DIR NAME checks that the directory has the same paths, modes and bytes.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	diff := difference(ts, args, true)
	if neg == (len(diff) > 0) {
		return
	}
	ts.Fatalf("%s since %s:\n%s", args[0], args[1], strings.Join(diff, "\n"))
}

// untouched DIR NAME checks that it is unchanged, with the same inodes and times.
func untouched(ts *testscript.TestScript, neg bool, args []string) {
	unchanged(ts, false, args)
	is, was := look(ts, args[0]), taken(ts)[args[1]]
	for _, p := range slices.Sorted(maps.Keys(is)) {
		if is[p].file != was[p].file {
			ts.Fatalf("%s was written again (inode and time were %s, are %s)", p, was[p].file, is[p].file)
		}
	}
	if neg {
		ts.Fatalf("untouched can't be negated")
	}
}

// changes DIR NAME prints the files that changed since the snapshot, for cmp.
func changes(ts *testscript.TestScript, _ bool, args []string) {
	lines := difference(ts, args, false)
	for i, line := range lines {
		lines[i] = generation.ReplaceAllString(line, "<generation>")
	}
	// By path, with generations replaced.
	slices.SortFunc(lines, func(a, b string) int {
		return cmp.Or(cmp.Compare(a[2:], b[2:]), cmp.Compare(a, b))
	})
	out := ts.Stdout()
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
}

// inode distinguishes a file that was replaced from one that wasn't touched.
func inode(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}
