package trees_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/review/trees"
)

// example describes the example cluster, and returns its review tree.
func example(t *testing.T) (*review.Described, trees.Tree) {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	res, err := config.Load(context.Background(), root, []string{"./cue/example"}, config.Options{})
	if err != nil || len(res.Clusters) != 1 {
		t.Fatal(err)
	}
	d, err := review.Describe(res.Clusters[0], review.Places{Root: root, Cwd: root}, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := trees.Of(d)
	if err != nil {
		t.Fatal(err)
	}
	return d, trees.Tree{Cluster: "example", Tree: out}
}

func write(t *testing.T, dir string, all bool, some ...trees.Tree) int {
	t.Helper()
	changes, err := trees.Changes(dir, some, all)
	if err != nil {
		t.Fatal(err)
	}
	if err := trees.Write(dir, changes); err != nil {
		t.Fatal(err)
	}
	return len(changes)
}

// TestReadBack: what is written is read back as it was described, and a second run changes
// nothing.
func TestReadBack(t *testing.T) {
	d, one := example(t)
	dir := filepath.Join(t.TempDir(), "a", "review")
	if n := write(t, dir, true, one); n == 0 {
		t.Fatal("nothing was written")
	}
	if n := write(t, dir, true, one); n != 0 {
		t.Errorf("the second run makes %d changes", n)
	}
	if !trees.Is(dir) {
		t.Error("it is no review tree")
	}
	got, err := trees.Read(dir)
	if err != nil || len(got) != 1 {
		t.Fatal(err, len(got))
	}
	if !reflect.DeepEqual(got[0], d.Cluster) {
		t.Errorf("read:\n%+v\ndescribed:\n%+v", got[0], d.Cluster)
	}
}

// TestChanges: files that were edited, added to a tree or taken from it are mended; what
// kcmgen doesn't write there stays; trees of clusters that are gone are removed if the
// others are all.
func TestChanges(t *testing.T) {
	_, one := example(t)
	other := one
	other.Cluster = "other"
	dir := t.TempDir()
	write(t, dir, true, one, other)
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	put := func(name string) {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("README.md")
	put("example/notes.md")
	put("example/notes/a.md")
	for name, change := range map[string]func(string){
		"example/review.json":           put,
		"example/pki/old.crt.txt":       put,
		"example/nodes/cp-9/etc/x":      put,
		"example/pki/ca.key.txt":        func(name string) { _ = os.Remove(at(name)) },
		"example/pki/ca.crt.txt":        func(name string) { _ = os.Remove(at(name)); _ = os.Symlink("/dev/zero", at(name)) },
		"other/nodes/cp-1/etc/x/y/z.md": put,
	} {
		change(name)
		changes, err := trees.Changes(dir, []trees.Tree{one, other}, true)
		if err != nil || len(changes) != 1 || changes[0].Path != name {
			t.Errorf("%s: %v %v", name, changes, err)
		}
		if err := trees.Write(dir, changes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := os.Lstat(at("example/nodes/cp-9")); err == nil {
		t.Error("an empty directory is left")
	}
	if n := write(t, dir, false, one); n != 0 {
		t.Errorf("of one cluster alone: %d changes", n)
	}
	if n := write(t, dir, true, one); n == 0 {
		t.Error("the tree of a cluster that is gone stays")
	}
	for name, want := range map[string]bool{"README.md": true, "example/notes.md": true, "example/notes/a.md": true, "other": false} {
		if _, err := os.Lstat(at(name)); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", name, err, want)
		}
	}
}

// TestNotReview: a directory that holds another thing is left alone, above all an exported
// tree.
func TestNotReview(t *testing.T) {
	_, one := example(t)
	for _, name := range []string{"manifest.json", "pki/ca.key", "nodes/cp-1/etc/x"} {
		dir := t.TempDir()
		at := filepath.Join(dir, "example", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := trees.Changes(dir, []trees.Tree{one}, true)
		var not *trees.NotReviewError
		if !errors.As(err, &not) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSchema: a review.json of another format is refused by name.
func TestSchema(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema": 2}`:                 "review.json has schema 2, written by a newer kcmgen; this one knows 1",
		`{}`:                            "review.json isn't of kcmgen: its schema is 0, and 1 was expected",
		`[]`:                            "review.json isn't as kcmgen wrote it: json: ",
		`{"schema": 1}`:                 "review.json isn't as kcmgen wrote it: its cluster is \"\", and its directory \"a\"",
		"{\"schema\": 1}\n<<<<<<< HEAD": "review.json isn't as kcmgen wrote it: invalid character '<' after top-level value",
		`{"schema": 1, "name": "a"}`:    "it has no version of Kubernetes",
	} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "a"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "a", "review.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := trees.Read(dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
