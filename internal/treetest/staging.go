//go:build unix

// Package treetest is the conformance suite of staging: every implementation of
// [tree.FS] must pass it, for a disk and for a host over SFTP.
package treetest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// A Target is an empty directory under test.
type Target struct {
	FS  tree.FS
	Dir string // the same directory, as this machine sees it
}

// Staging runs the suite. open makes a target of an empty directory. If another process
// serves it, open must start that process, so that it inherits the umask that the suite
// has set. Because a process has one umask, the suite must not run in parallel with
// other tests.
func Staging(t *testing.T, open func(t *testing.T, dir string) Target) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, Target)
	}{
		{"create is exclusive", createExclusive},
		{"mkdir is exclusive", mkdirExclusive},
		{"mode before content", modeBeforeContent},
		{"no symbolic link is followed", noLinkFollowed},
		{"what is in the way stays", inTheWayStays},
		{"contents", contents},
		{"many open files", manyOpen},
		{"sync dir", syncDir},
		{"errors name the path", errorsName},
		{"names stay inside", namesInside},
		{"a whole tree", wholeTree},
		{"a whole tree is new", wholeTreeNew},
		{"a blob that changes", blobChanges},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t, directory(t))) })
	}
	for _, mask := range []int{0, 0o022, 0o077, 0o377} {
		t.Run(fmt.Sprintf("modes with umask %03o", mask), func(t *testing.T) {
			dir := directory(t) // before the umask: some take away the user's own rights
			old := syscall.Umask(mask)
			defer syscall.Umask(old)
			exactModes(t, open(t, dir))
		})
	}
}

// put writes a file through the target.
func put(target Target, name string, mode fs.FileMode, data []byte) error {
	f, err := target.FS.Create(name, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// see returns the info of a file or directory, as this machine sees it.
func see(t *testing.T, target Target, name string) fs.FileInfo {
	t.Helper()
	fi, err := os.Lstat(filepath.Join(target.Dir, name))
	if err != nil {
		t.Error(err)
		return nil
	}
	return fi
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func createExclusive(t *testing.T, target Target) {
	must(t, put(target, "f", 0o644, []byte("first")))
	if err := put(target, "f", 0o600, []byte("second")); err == nil {
		t.Error("Create of a file that is there succeeds")
	}
	same(t, target, "f", "first")
	if fi := see(t, target, "f"); fi != nil && fi.Mode() != 0o644 {
		t.Errorf("its mode is now %v", fi.Mode())
	}
}

func mkdirExclusive(t *testing.T, target Target) {
	must(t, target.FS.Mkdir("d", 0o755))
	if err := target.FS.Mkdir("d", 0o700); err == nil {
		t.Error("Mkdir of a directory that is there succeeds")
	}
	if fi := see(t, target, "d"); fi != nil && fi.Mode().Perm() != 0o755 {
		t.Errorf("its mode is now %v", fi.Mode())
	}
	if err := target.FS.Mkdir("no/such", 0o700); err == nil {
		t.Error("Mkdir makes parents")
	}
	must(t, put(target, "f", 0o600, nil))
	if err := target.FS.Mkdir("f", 0o700); err == nil {
		t.Error("Mkdir where a file is succeeds")
	}
}

func modeBeforeContent(t *testing.T, target Target) {
	for _, mode := range []fs.FileMode{0o600, 0o644} {
		name := fmt.Sprintf("f%o", mode)
		f, err := target.FS.Create(name, mode)
		must(t, err)
		fi := see(t, target, name)
		if fi != nil && (fi.Mode() != mode || fi.Size() != 0) {
			t.Errorf("before its first byte it is %v with %d bytes", fi.Mode(), fi.Size())
		}
		_, err = f.Write([]byte("secret"))
		must(t, errors.Join(err, f.Sync(), f.Close()))
		same(t, target, name, "secret")
	}
}

// noLinkFollowed plants links as an attacker would: nothing may be written through
// them.
func noLinkFollowed(t *testing.T, target Target) {
	outside := t.TempDir()
	at := func(name string) string { return filepath.Join(target.Dir, name) }
	must(t, os.WriteFile(outside+"/file", []byte("theirs"), 0o600))
	must(t, os.WriteFile(at("inside"), []byte("ours"), 0o600))
	for name, to := range map[string]string{
		"to-file": outside + "/file", "to-new": outside + "/new", "to-dir": outside,
		"to-inside": "inside", "dangling": "nowhere", "to-itself": "to-itself",
	} {
		must(t, os.Symlink(to, at(name)))
		if err := put(target, name, 0o644, []byte("written")); err == nil {
			t.Errorf("Create through the link %s succeeds", name)
		}
		if err := target.FS.Mkdir(name, 0o755); err == nil {
			t.Errorf("Mkdir through the link %s succeeds", name)
		}
		if got, err := os.Readlink(at(name)); err != nil || got != to {
			t.Errorf("the link %s is now %q, %v", name, got, err)
		}
	}
	same(t, target, "inside", "ours")
	if data, err := os.ReadFile(outside + "/file"); err != nil || string(data) != "theirs" {
		t.Errorf("the file outside is now %q, %v", data, err)
	}
	if es, err := os.ReadDir(outside); err != nil || len(es) != 1 {
		t.Errorf("outside are now %v, %v", es, err)
	}
	if _, err := os.Lstat(at("nowhere")); err == nil {
		t.Error("what the dangling link leads to was made")
	}
}

func inTheWayStays(t *testing.T, target Target) {
	must(t, syscall.Mkfifo(filepath.Join(target.Dir, "fifo"), 0o622))
	must(t, os.Mkdir(filepath.Join(target.Dir, "dir"), 0o751))
	for name, kind := range map[string]fs.FileMode{"fifo": fs.ModeNamedPipe, "dir": fs.ModeDir} {
		before := see(t, target, name)
		if err := put(target, name, 0o644, []byte("x")); err == nil {
			t.Errorf("Create where a %s is succeeds", name)
		}
		if err := target.FS.Mkdir(name, 0o755); err == nil {
			t.Errorf("Mkdir where a %s is succeeds", name)
		}
		if after := see(t, target, name); before != nil && after != nil && (after.Mode() != before.Mode() || after.Mode().Type() != kind) {
			t.Errorf("the %s was %v, is %v", name, before.Mode(), after.Mode())
		}
	}
}

func contents(t *testing.T, target Target) {
	big := bytes.Repeat([]byte("0123456789abcde\n"), 5<<20/16)
	for name, data := range map[string][]byte{
		"empty": nil, "one": {0}, "text": []byte("a\r\nb\n"), "page": big[:4096], "packet": big[:32769], "big": big,
	} {
		must(t, put(target, name, 0o600, data))
		same(t, target, name, string(data))
	}
	f, err := target.FS.Create("parts", 0o600)
	must(t, err)
	for i := range 100 {
		_, werr := fmt.Fprintf(f, "%d,", i)
		err = errors.Join(err, werr)
	}
	must(t, errors.Join(err, f.Sync(), f.Close()))
	if data, _ := os.ReadFile(filepath.Join(target.Dir, "parts")); !strings.HasPrefix(string(data), "0,1,2,") || !strings.HasSuffix(string(data), "98,99,") {
		t.Errorf("written in parts: %q", data)
	}
}

// manyOpen opens as many files at once as Stage does.
func manyOpen(t *testing.T, target Target) {
	var open []tree.File
	for i := range 128 {
		f, err := target.FS.Create(fmt.Sprint(i), 0o600)
		must(t, err)
		_, err = fmt.Fprint(f, i)
		must(t, err)
		open = append(open, f)
	}
	for i, f := range open {
		must(t, errors.Join(f.Sync(), f.Close()))
		same(t, target, fmt.Sprint(i), fmt.Sprint(i))
	}
}

func syncDir(t *testing.T, target Target) {
	must(t, target.FS.Mkdir("d", 0o700))
	must(t, put(target, "d/f", 0o600, []byte("x")))
	for _, name := range []string{"d", "."} {
		must(t, target.FS.SyncDir(name))
	}
	if err := target.FS.SyncDir("nowhere"); err == nil {
		t.Error("SyncDir of nothing succeeds")
	}
}

func errorsName(t *testing.T, target Target) {
	must(t, put(target, "there", 0o600, nil))
	_, create := target.FS.Create("there", 0o600)
	_, below := target.FS.Create("missing-dir/file", 0o600)
	for what, c := range map[string]struct {
		err  error
		name string
	}{
		"Create":           {create, "there"},
		"Create below":     {below, "missing-dir/file"},
		"Mkdir":            {target.FS.Mkdir("there", 0o700), "there"},
		"Mkdir below":      {target.FS.Mkdir("missing-dir/d", 0o700), "missing-dir/d"},
		"SyncDir":          {target.FS.SyncDir("missing-dir"), "missing-dir"},
		"Mkdir of a child": {target.FS.Mkdir("there/child", 0o700), "there/child"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.name) {
			t.Errorf("%s: %v doesn't name %s", what, c.err, c.name)
		}
	}
}

// namesInside tries names that lead out of the directory. A tree has none, but an FS
// must refuse them too.
func namesInside(t *testing.T, target Target) {
	must(t, os.Symlink("..", filepath.Join(target.Dir, "up")))
	for _, name := range []string{"../escaped", "up/escaped", "a/../../escaped"} {
		if err := put(target, name, 0o600, nil); err == nil {
			t.Errorf("Create(%q) succeeds", name)
		}
		if err := target.FS.Mkdir(name, 0o700); err == nil {
			t.Errorf("Mkdir(%q) succeeds", name)
		}
	}
	if _, err := os.Lstat(filepath.Join(filepath.Dir(target.Dir), "escaped")); err == nil {
		t.Error("a file was made outside")
	}
}

// sample returns a tree with all kinds of entries.
func sample(t *testing.T) tree.Tree {
	t.Helper()
	es := []tree.Entry{
		{Path: "a/deep/directory", Dir: true, Mode: 0o755},
		{Path: "a/deep/directory/public", Mode: 0o644, Data: []byte("public")},
		{Path: "a/key", Mode: 0o600, Secret: keys.NewSecret([]byte("secret"))},
		{Path: "a-b", Mode: 0o640, Data: []byte("sorts between a and a/")},
		{Path: "empty", Mode: 0o444},
		{Path: "script", Mode: 0o755, Data: []byte("#!/bin/sh\n")},
	}
	for i := range 140 { // more than Stage has open at once
		es = append(es, tree.Entry{Path: fmt.Sprintf("many/%d", i), Mode: 0o600, Data: fmt.Appendf(nil, "%d", i)})
	}
	all, err := tree.New(append(es, tree.Entry{Path: "program", Mode: 0o755, Blob: blob(t, program)}))
	must(t, err)
	return all
}

// program is larger than one write and one packet.
var program = bytes.Repeat([]byte("0123456789abcde\n"), 3<<20/16)

// blob writes a file and returns it as a blob.
func blob(t *testing.T, data []byte) tree.Blob {
	t.Helper()
	name := filepath.Join(t.TempDir(), "blob")
	must(t, os.WriteFile(name, data, 0o600))
	return tree.Blob{Path: name, Size: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
}

// blobChanges stages blobs whose files have changed since they were hashed.
func blobChanges(t *testing.T, target Target) {
	for name, change := range map[string]func(file string) error{
		"other bytes": func(file string) error { return os.WriteFile(file, bytes.ToUpper(program), 0o600) },
		"shorter":     func(file string) error { return os.Truncate(file, 100) },
		"longer":      func(file string) error { return os.Truncate(file, int64(len(program))+1) },
		"gone":        os.Remove,
	} {
		b := blob(t, program)
		all, err := tree.New([]tree.Entry{{Path: "program", Mode: 0o755, Blob: b}})
		must(t, err)
		must(t, change(b.Path))
		err = tree.Stage(target.FS, name, all)
		if err == nil || !strings.Contains(err.Error(), b.Path) || name != "gone" && !errors.Is(err, tree.ErrBlobChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func wholeTree(t *testing.T, target Target) {
	all := sample(t)
	must(t, tree.Stage(target.FS, "new", all))
	want := map[string]bool{".": true, "a": true, "a/deep": true, "many": true}
	for _, e := range all.Entries() {
		want[e.Path] = true
		fi := see(t, target, "new/"+e.Path)
		if fi == nil {
			continue
		}
		if fi.Mode().Perm() != e.Mode || fi.IsDir() != e.Dir {
			t.Errorf("%s is %v, not %v", e.Path, fi.Mode(), e.Mode)
		}
		if !e.Dir {
			data := e.Bytes()
			if !e.Blob.Empty() {
				data = program
			}
			same(t, target, "new/"+e.Path, string(data))
		}
	}
	for name, mode := range map[string]fs.FileMode{"new": 0o700, "new/a": 0o700, "new/a/deep": 0o755, "new/many": 0o755} {
		if fi := see(t, target, name); fi != nil && fi.Mode().Perm() != mode {
			t.Errorf("the implied directory %s is %v, not %v", name, fi.Mode(), mode)
		}
	}
	err := filepath.WalkDir(filepath.Join(target.Dir, "new"), func(p string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(filepath.Join(target.Dir, "new"), p)
		if !want[rel] {
			t.Errorf("%s is there too", rel)
		}
		return err
	})
	must(t, err)
}

// wholeTreeNew stages a tree where something exists.
func wholeTreeNew(t *testing.T, target Target) {
	elsewhere := t.TempDir()
	must(t, os.Mkdir(filepath.Join(target.Dir, "directory"), 0o755))
	must(t, os.Symlink(elsewhere, filepath.Join(target.Dir, "link")))
	must(t, os.WriteFile(filepath.Join(target.Dir, "file"), []byte("x"), 0o600))
	for _, name := range []string{"directory", "link", "file"} {
		err := tree.Stage(target.FS, name, sample(t))
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Stage where a %s is: %v", name, err)
		}
	}
	for _, dir := range []string{elsewhere, filepath.Join(target.Dir, "directory")} {
		if es, err := os.ReadDir(dir); err != nil || len(es) > 0 {
			t.Errorf("%s holds %v, %v", dir, es, err)
		}
	}
}

func same(t *testing.T, target Target, name, want string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(target.Dir, name))
	if err != nil || string(data) != want {
		t.Errorf("%s holds %.40q (%d bytes), not %.40q (%d bytes); %v", name, data, len(data), want, len(want), err)
	}
}
