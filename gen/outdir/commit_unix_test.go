//go:build unix

package outdir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// openDisk opens a directory of the test.
func openDisk(t *testing.T) (*outdir.Dir, string) {
	t.Helper()
	dir := t.TempDir()
	d, err := outdir.Unlocked(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, dir
}

// lay makes files: "path", "path=contents", or "path/" for a directory.
func lay(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		name, data, _ := strings.Cut(f, "=")
		full := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if strings.HasSuffix(name, "/") {
			err = errors.Join(err, os.MkdirAll(full, 0o755))
		} else {
			err = errors.Join(err, os.WriteFile(full, []byte(data), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// laid returns the files in a directory in lay's form; directories only if empty.
func laid(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		switch {
		case e.IsDir():
			if es, err := os.ReadDir(p); err != nil || len(es) > 0 {
				return err
			}
			rel += "/"
		case e.Type() == fs.ModeSymlink:
			to, err := os.Readlink(p)
			all = append(all, rel+"->"+to)
			return err
		case e.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			if filepath.Base(rel) != layout.Manifest {
				rel += "=" + string(data)
			}
		}
		all = append(all, rel)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// replace replaces x with a tree and its manifest.
func replace(t *testing.T, d *outdir.Dir, prune bool, es ...tree.Entry) error {
	t.Helper()
	old, err := d.Read("x")
	if err != nil {
		t.Fatal(err)
	}
	all, err := outdir.WithManifest(newTree(t, es...), outdir.Manifest{Cluster: "x"})
	if err != nil {
		t.Fatal(err)
	}
	return d.Replace("x", all, old, func(string) bool { return prune })
}

// TestOwnerComesBack: the owner on a host is in the manifest, and is there again when the
// tree is read. On this disk nothing changes for it.
func TestOwnerComesBack(t *testing.T) {
	d, at := openDisk(t)
	theirs, ours, key := file("a", "1"), file("b", "1"), secret("k", "K")
	theirs.Owner, key.Owner = "65520:65520", "65520:65520"
	if err := replace(t, d, false, theirs, ours, key); err != nil {
		t.Fatal(err)
	}
	s, err := d.Read("x")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []tree.Entry{theirs, ours, key} {
		if e, _ := s.Ours.Get(want.Path); e.Owner != want.Owner {
			t.Errorf("%s belongs to %q, want %q", want.Path, e.Owner, want.Owner)
		}
	}
	data, err := os.ReadFile(filepath.Join(at, "x/manifest.json"))
	if err != nil || strings.Count(string(data), `"owner":"65520:65520"`) != 2 || strings.Count(string(data), `"owner"`) != 2 {
		t.Errorf("%s %v", data, err)
	}
}

func TestReplace(t *testing.T) {
	first := []tree.Entry{file("a", "1"), secret("k/key", "K"), dir("d")}
	for _, c := range []struct {
		name    string
		foreign []string // laid in x after the first tree
		prune   bool
		second  []tree.Entry
		want    string
		err     string
	}{
		{"the same", nil, false, first, "a=1 d/ k/key=K manifest.json", ""},
		{"a change", nil, false, []tree.Entry{file("a", "2")}, "a=2 manifest.json", ""},
		{"nothing", nil, false, nil, "manifest.json", ""},
		{"a file becomes a directory", nil, false, []tree.Entry{file("a/b", "1")}, "a/b=1 manifest.json", ""},
		{"a directory becomes a file", nil, false, []tree.Entry{file("k", "1")}, "k=1 manifest.json", ""},
		{"foreign files", []string{"n=mine", "k/n=mine", "e/"}, false, []tree.Entry{file("a", "2")}, "a=2 e/ k/n=mine manifest.json n=mine", ""},
		{"foreign files in a directory of ours", []string{"d/n=mine"}, false, first, "a=1 d/n=mine k/key=K manifest.json", ""},
		{"pruned", []string{"n=mine", "k/n=mine", "e/"}, true, []tree.Entry{file("a", "2")}, "a=2 manifest.json", ""},
		{"in the way", []string{"b=mine"}, false, []tree.Entry{file("b", "1")}, "a=1 b=mine d/ k/key=K manifest.json", "b: a file that kcmgen didn't write is in the way"},
		{"in the way of a directory", []string{"b=mine"}, false, []tree.Entry{file("b/c", "1")}, "a=1 b=mine d/ k/key=K manifest.json", `"b/c" lies below "b", which is a file`},
		{"in the way as a directory", []string{"b/c=mine"}, false, []tree.Entry{file("b", "1")}, "a=1 b/c=mine d/ k/key=K manifest.json", "b: a file that kcmgen didn't write is in the way"},
		{"in the way, pruned", []string{"b/c=mine"}, true, []tree.Entry{file("b", "1")}, "b=1 manifest.json", ""},
		{"a directory that both have", []string{"b/c=mine"}, false, []tree.Entry{file("b/d", "1")}, "b/c=mine b/d=1 manifest.json", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, with := range []struct {
				name string
				do   func(t *testing.T, f func())
			}{{"exchange", func(_ *testing.T, f func()) { f() }}, {"two renames", withoutExchange}} {
				d, at := openDisk(t)
				if err := replace(t, d, false, first...); err != nil {
					t.Fatal(err)
				}
				lay(t, filepath.Join(at, "x"), c.foreign...)
				var err error
				with.do(t, func() { err = replace(t, d, c.prune, c.second...) })
				if got := fmt.Sprint(err); c.err == "" && err != nil || c.err != "" && !strings.Contains(got, c.err) {
					t.Errorf("%s: %v", with.name, err)
				}
				if err != nil && !strings.Contains(err.Error(), filepath.Join(at, "x")) {
					t.Errorf("%s: it isn't named: %v", with.name, err)
				}
				if got := laid(t, filepath.Join(at, "x")); got != c.want {
					t.Errorf("%s: there is %q, want %q", with.name, got, c.want)
				}
				if got := names(t, at); got != "x" {
					t.Errorf("%s: the other files are %s", with.name, got)
				}
			}
		})
	}
}

func names(t *testing.T, dir string) string {
	t.Helper()
	es, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range es {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

// TestReplaceKeeps: an unchanged file stays the same file, and a changed one is another, so
// that open files keep the old contents.
func TestReplaceKeeps(t *testing.T) {
	d, at := openDisk(t)
	if err := replace(t, d, false, file("same", "1"), file("changed", "1"), tree.Entry{Path: "mode", Mode: 0o600, Data: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	lay(t, at, "x/mine=1")
	stat := func() map[string]fs.FileInfo {
		all := map[string]fs.FileInfo{}
		for _, n := range []string{"same", "changed", "mode", "mine"} {
			fi, err := os.Lstat(filepath.Join(at, "x", n))
			if err != nil {
				t.Fatal(err)
			}
			all[n] = fi
		}
		return all
	}
	before := stat()
	old, err := os.Open(filepath.Join(at, "x", "changed"))
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := replace(t, d, false, file("same", "1"), file("changed", "22"), file("mode", "1")); err != nil {
		t.Fatal(err)
	}
	after := stat()
	for n, same := range map[string]bool{"same": true, "mine": true, "changed": false, "mode": false} {
		if os.SameFile(before[n], after[n]) != same {
			t.Errorf("%s: the same file: %v", n, !same)
		}
	}
	if data, err := os.ReadFile(old.Name()); err != nil || string(data) != "22" {
		t.Errorf("%q, %v", data, err)
	}
	if b := make([]byte, 3); !slices.Equal(b[:must(t)(old.Read(b))], []byte("1")) {
		t.Errorf("an open old file reads %q", b)
	}
}

func must(t *testing.T) func(int, error) int {
	return func(n int, err error) int {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// TestReplaceFirst: a killed run may have left a staged tree, and other files may have
// similar names.
func TestReplaceFirst(t *testing.T) {
	d, at := openDisk(t)
	lay(t, at, ".x.new/rest=1", ".y.new/not=mine", "y/a=1")
	if err := replace(t, d, false, file("a", "1")); err != nil {
		t.Fatal(err)
	}
	if got := laid(t, at); got != ".y.new/not=mine x/a=1 x/manifest.json y/a=1" {
		t.Error(got)
	}
}

// TestRecover has every state in which a run may have been killed, with two renames or with
// an exchange.
func TestRecover(t *testing.T) {
	for _, c := range []struct{ name, before, want, says string }{
		{"nothing at all", "", "", ""},
		{"a tree", "x/a=1", "x/a=1", ""},
		{"while staging", "x/a=1 .x.new/a=2", "x/a=1", "removed what it left"},
		{"while staging the first", ".x.new/a=2", "", "removed what it left"},
		{"between the renames", ".x.old/a=1 .x.new/a=2", "x/a=1", "the previous tree is back"},
		{"and what was staged is gone", ".x.old/a=1", "x/a=1", "the previous tree is back"},
		{"after both", "x/a=2 .x.old/a=1", "x/a=2", "removed what it left"},
		{"after both, with another staged", "x/a=2 .x.old/a=1 .x.new/a=3", "x/a=2", "removed what it left"},
		{"another cluster's", ".y.old/a=1 .y.new/a=2", ".y.new/a=2 .y.old/a=1", ""},
	} {
		d, at := openDisk(t)
		lay(t, at, strings.Fields(c.before)...)
		said, err := d.Recover("x")
		if err != nil || !strings.Contains(said, c.says) || (said == "") != (c.says == "") {
			t.Errorf("%s: %q, %v", c.name, said, err)
		}
		if got := laid(t, at); got != c.want {
			t.Errorf("%s: there is %q, want %q", c.name, got, c.want)
		}
		if said, err := d.Recover("x"); said != "" || err != nil {
			t.Errorf("%s: twice: %q, %v", c.name, said, err)
		}
	}
}

func TestRead(t *testing.T) {
	d, at := openDisk(t)
	if s, err := d.Read("x"); err != nil || s.Manifest != nil || len(s.Foreign) > 0 || len(s.Ours.Entries()) > 0 {
		t.Errorf("nothing: %+v, %v", s, err)
	}
	if err := replace(t, d, false, file("a/b", "1"), secret("a/key", "K"), dir("d")); err != nil {
		t.Fatal(err)
	}
	lay(t, at, "x/a/mine=1", "x/e/f=1", "x/d/z=1")
	if err := errors.Join(os.Symlink("b", filepath.Join(at, "x/a/link")), os.Remove(filepath.Join(at, "x/a/b")),
		syscall.Mkfifo(filepath.Join(at, "x/a/b"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s, err := d.Read("x")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Foreign, " "); got != "a/b a/link a/mine d/z e e/f" {
		t.Errorf("foreign are %s", got)
	}
	if e, ok := s.Ours.Get("a/key"); !ok || !e.IsSecret() || e.Mode != 0o600 {
		t.Errorf("a key is %v, %v", e, ok)
	}
	if _, ok := s.Ours.Get("a/b"); ok {
		t.Error("a fifo is taken for ours")
	}
	for name, c := range map[string]struct{ lay, want string }{
		"torn":    {`x/manifest.json={"sch`, "x/manifest.json: not a manifest"},
		"newer":   {`x/manifest.json={"schema":2}`, "x/manifest.json: the manifest has schema 2"},
		"hostile": {`x/manifest.json={"schema":1,"files":[{"path":"../../etc/passwd"}]}`, "is not a safe path"},
		"file":    {`x=`, "x is not a directory"},
	} {
		d, at := openDisk(t)
		lay(t, at, c.lay)
		if _, err := d.Read("x"); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), at) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d, at = openDisk(t)
	if err := os.Symlink(t.TempDir(), filepath.Join(at, "x")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read("x"); err == nil {
		t.Error("a link is followed")
	}
}

func TestWritable(t *testing.T) {
	at := t.TempDir()
	lay(t, at, "file=", "dir/")
	for p, want := range map[string]string{ // of what is there, or of what holds it
		"":          "",
		"dir":       "",
		"new":       "",
		"new/er":    "",
		"file":      "it is a file",
		"file/dir":  "is a file",
		"dir/../fi": "",
	} {
		err := outdir.Writable(filepath.Join(at, p))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if got := laid(t, at); got != "dir/ file=" {
		t.Errorf("it wrote: %s", got)
	}
}
