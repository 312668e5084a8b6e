package tree_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/treetest"
)

var (
	file, dir, secret = treetest.File, treetest.Dir, treetest.Secret
	newTree           = treetest.New
)

func TestSafe(t *testing.T) {
	for _, p := range treetest.HostilePaths {
		if err := tree.Safe(p); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", p)) {
			t.Errorf("Safe(%q): %v", p, err)
		}
	}
	for _, p := range []string{
		"a", "a/b", ".a", "..a", "a..", "a/..b/c", "...", "a-b", "a/b-", "a b", "ä/ö", "日本", "a:b", "~", "~root/a", "$HOME", "a;b", "a'b", strings.Repeat("a/", 100) + "a",
	} {
		if err := tree.Safe(p); err != nil {
			t.Errorf("Safe(%q): %v", p, err)
		}
	}
}

func TestNew(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries []tree.Entry
		want    string // paths, or the error if it begins with !
	}{
		{"nothing", nil, ""},
		{"sorts", []tree.Entry{file("b", ""), file("a", "")}, "a b"},
		{"sorts by bytes", []tree.Entry{file("a/b", ""), file("a-b", ""), file("a.b", "")}, "a-b a.b a/b"},
		{"a directory and what is in it", []tree.Entry{file("a/b", ""), dir("a")}, "a a/b"},
		{"twice", []tree.Entry{file("a", "1"), file("a", "2")}, `!"a" is in the tree twice`},
		{"twice, a directory", []tree.Entry{file("a", "1"), dir("a")}, `!"a" is in the tree twice`},
		{"below a file", []tree.Entry{file("a", ""), file("a/b", "")}, `!"a/b" lies below "a", which is a file`},
		{"far below a file", []tree.Entry{file("a", ""), file("a-", ""), file("a/b/c/d", "")}, `!"a/b/c/d" lies below "a", which is a file`},
		{"hostile", []tree.Entry{file("ok", ""), file("a/../../b", "")}, `!"a/../../b" is not a safe path`},
	} {
		all, err := tree.New(c.entries)
		var got []string
		for _, e := range all.Entries() {
			got = append(got, e.Path)
		}
		switch {
		case err != nil && "!"+err.Error() != c.want:
			t.Errorf("%s: %v", c.name, err)
		case err == nil && strings.Join(got, " ") != c.want:
			t.Errorf("%s: %q", c.name, got)
		}
	}
	for _, p := range treetest.HostilePaths {
		if _, err := tree.New([]tree.Entry{file(p, "")}); err == nil {
			t.Errorf("New takes %q", p)
		}
	}
}

// TestNewKeeps: the caller's entries don't change.
func TestNewKeeps(t *testing.T) {
	es := []tree.Entry{file("b", ""), file("a", "")}
	all := newTree(t, es...)
	if es[0].Path != "b" || all.Entries()[0].Path != "a" {
		t.Errorf("%v, %v", es, all.Entries())
	}
	for p, want := range map[string]bool{"a": true, "b": true, "": false, "aa": false, "c": false} {
		if e, ok := all.Get(p); ok != want || ok && e.Path != p {
			t.Errorf("Get(%q): %v, %v", p, e, ok)
		}
	}
}

func TestSame(t *testing.T) {
	base := tree.Entry{Path: "a", Mode: 0o600, Owner: "root:root", Data: []byte("x")}
	for _, c := range []struct {
		name   string
		change func(*tree.Entry)
		want   bool
	}{
		{"nothing", func(*tree.Entry) {}, true},
		{"the owner, which a disk hasn't", func(e *tree.Entry) { e.Owner = "" }, true},
		{"a secret with the same bytes", func(e *tree.Entry) { e.Data, e.Secret = nil, keys.NewSecret([]byte("x")) }, true},
		{"the path", func(e *tree.Entry) { e.Path = "b" }, false},
		{"the mode", func(e *tree.Entry) { e.Mode = 0o644 }, false},
		{"the contents", func(e *tree.Entry) { e.Data = []byte("y") }, false},
		{"the kind", func(e *tree.Entry) { e.Dir = true }, false},
	} {
		e := base
		c.change(&e)
		if got := base.Same(e); got != c.want || e.Same(base) != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct {
		name     string
		old, new []tree.Entry
		want     string
	}{
		{"nothing of nothing", nil, nil, ""},
		{"the same", []tree.Entry{file("a", "1"), dir("d")}, []tree.Entry{file("a", "1"), dir("d")}, ""},
		{"all new", nil, []tree.Entry{file("b", ""), file("a", "")}, "new a, new b"},
		{"all gone", []tree.Entry{file("b", ""), file("a", "")}, nil, "removed a, removed b"},
		{"some of each", []tree.Entry{file("a", "1"), file("b", "1"), file("d", "1")}, []tree.Entry{file("b", "2"), file("c", "1"), file("d", "1"), file("e", "")}, "removed a, changed b, new c, new e"},
		{"a secret", []tree.Entry{secret("a", "1")}, []tree.Entry{secret("a", "2")}, "changed a"},
		{"a file becomes a directory", []tree.Entry{file("a", "")}, []tree.Entry{dir("a")}, "changed a"},
		{"a mode", []tree.Entry{{Path: "a", Mode: 0o600}}, []tree.Entry{{Path: "a", Mode: 0o644}}, "changed a"},
		{"order of / and -", []tree.Entry{file("a-b", ""), file("a/b", "")}, []tree.Entry{file("a/b", ""), file("a.b", "")}, "removed a-b, new a.b"},
	} {
		var got []string
		for _, ch := range tree.Diff(newTree(t, c.old...), newTree(t, c.new...)) {
			got = append(got, fmt.Sprintf("%s %s", ch.Kind, ch.Path))
			if (ch.Kind == tree.Added) != (ch.Old.Path == "") || (ch.Kind == tree.Removed) != (ch.New.Path == "") {
				t.Errorf("%s: %s has old %v and new %v", c.name, ch.Path, ch.Old.Path, ch.New.Path)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// TestDiffTurnsOldIntoNew applies the differences of many small trees.
func TestDiffTurnsOldIntoNew(t *testing.T) {
	names := []string{"a", "a-b", "b/c", "b/d", "e"}
	make1 := func(bits int) tree.Tree {
		var es []tree.Entry
		for i, n := range names {
			if v := bits >> (2 * i) & 3; v > 0 {
				es = append(es, file(n, strings.Repeat("x", v)))
			}
		}
		return newTree(t, es...)
	}
	for i := 0; i < 1<<(2*len(names)); i += 7 {
		old, want := make1(i), make1(i*31%(1<<(2*len(names))))
		have := map[string]string{}
		for _, e := range old.Entries() {
			have[e.Path] = string(e.Data)
		}
		for _, ch := range tree.Diff(old, want) {
			if ch.Kind == tree.Removed {
				delete(have, ch.Path)
			} else {
				have[ch.Path] = string(ch.New.Data)
			}
		}
		for _, e := range want.Entries() {
			if have[e.Path] != string(e.Data) {
				t.Fatalf("from %d: %s is %q", i, e.Path, have[e.Path])
			}
		}
		if len(have) != len(want.Entries()) {
			t.Fatalf("from %d: %v", i, have)
		}
	}
}

// fakeFS records operations, and fails once.
type fakeFS struct {
	log  []string
	fail int // the operation that fails, from 1
	open int
	most int
}

type fakeFile struct {
	fs   *fakeFS
	name string
}

func (f *fakeFS) do(op, name string) error {
	f.log = append(f.log, op+" "+name)
	if len(f.log) == f.fail {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return nil
}

func (f *fakeFS) Mkdir(name string, mode fs.FileMode) error {
	return f.do(fmt.Sprintf("mkdir %o", mode), name)
}

func (f *fakeFS) Create(name string, mode fs.FileMode) (tree.File, error) {
	if err := f.do(fmt.Sprintf("create %o", mode), name); err != nil {
		return nil, err
	}
	f.open++
	f.most = max(f.most, f.open)
	return &fakeFile{f, name}, nil
}
func (f *fakeFS) SyncDir(name string) error     { return f.do("syncdir", name) }
func (f *fakeFile) Write(p []byte) (int, error) { return len(p), f.fs.do("write "+string(p), f.name) }
func (f *fakeFile) Sync() error                 { return f.fs.do("sync", f.name) }
func (f *fakeFile) Close() error                { f.fs.open--; return f.fs.do("close", f.name) }

func TestStageOrder(t *testing.T) {
	f := &fakeFS{}
	all := newTree(t, secret("p/q/key", "k"), file("p/a", "A"), tree.Entry{Path: "p/q", Dir: true, Mode: 0o750})
	if err := tree.Stage(f, "new", all); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"mkdir 700 new", "mkdir 755 new/p", "mkdir 750 new/p/q",
		"create 644 new/p/a", "write A new/p/a", "create 600 new/p/q/key", "write k new/p/q/key",
		"sync new/p/a", "close new/p/a", "sync new/p/q/key", "close new/p/q/key",
		"syncdir new/p/q", "syncdir new/p", "syncdir new",
	}
	if !slices.Equal(f.log, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(f.log, "\n"), strings.Join(want, "\n"))
	}
	if slices.ContainsFunc(f.log, func(s string) bool { return strings.Contains(s, "[secret]") }) {
		t.Error("a secret is written as its placeholder")
	}
}

// TestStageFails: whichever operation fails, Stage names the path, only closes open files
// after it, and leaves no file open.
func TestStageFails(t *testing.T) {
	var es []tree.Entry
	for i := range 130 { // more than are open at once
		es = append(es, file(fmt.Sprintf("d%d/f%03d", i%3, i), "x"))
	}
	all := newTree(t, es...)
	whole := &fakeFS{}
	if err := tree.Stage(whole, "new", all); err != nil || whole.open != 0 || whole.most > 128 {
		t.Fatalf("%v, %d open, %d at once", err, whole.open, whole.most)
	}
	for n := 1; n <= len(whole.log); n++ {
		f := &fakeFS{fail: n}
		err := tree.Stage(f, "new", all)
		_, name, _ := strings.Cut(f.log[n-1], " new")
		if err == nil || !strings.Contains(err.Error(), "new"+name) {
			t.Errorf("%s fails: %v", f.log[n-1], err)
		}
		if f.open != 0 {
			t.Errorf("%s fails: %d files stay open", f.log[n-1], f.open)
		}
		for _, op := range f.log[n:] {
			if strings.HasPrefix(op, "mkdir") || strings.HasPrefix(op, "create") || strings.HasPrefix(op, "write") || strings.HasPrefix(op, "syncdir") {
				t.Errorf("%s fails, and then %s", f.log[n-1], op)
				break
			}
		}
	}
}

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		owner    string
		uid, gid int
		ok       bool
	}{
		{"", 0, 0, true},
		{"root:root", 0, 0, true},
		{"65520:65520", 65520, 65520, true},
		{"1000:0", 1000, 0, true},
		{"kube:kube", 0, 0, false},
		{"1000", 0, 0, false},
		{"1000:-1", 0, 0, false},
	} {
		uid, gid, err := tree.Entry{Owner: c.owner}.IDs()
		if uid != c.uid || gid != c.gid || (err == nil) != c.ok {
			t.Errorf("%q: %d %d %v", c.owner, uid, gid, err)
		}
	}
}
