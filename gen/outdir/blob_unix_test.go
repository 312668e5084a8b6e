//go:build unix

package outdir_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// big is a program too large to be held in memory.
func big(t *testing.T, p, data string) tree.Entry {
	t.Helper()
	all := bytes.Repeat([]byte(data), 1+(2<<20)/len(data))
	name := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(name, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return tree.Entry{Path: p, Mode: 0o755, Blob: tree.Blob{Path: name, Size: int64(len(all)), SHA256: fmt.Sprintf("%x", sha256.Sum256(all))}}
}

func at(e tree.Entry, p string) tree.Entry {
	e.Path = p
	return e
}

func stat(t *testing.T, name string) os.FileInfo {
	t.Helper()
	fi, err := os.Lstat(name)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

// TestBlobs: large files are read back as blobs, stored once for all hosts, and not written
// again.
func TestBlobs(t *testing.T) {
	d, dir := openDisk(t)
	one := big(t, "a/kcm", "one")
	es := []tree.Entry{one, at(one, "b/kcm"), file("c", "1")}
	if err := replace(t, d, false, es...); err != nil {
		t.Fatal(err)
	}
	name := func(p string) string { return filepath.Join(dir, "x", p) }
	first := stat(t, name("a/kcm"))
	if first.Mode() != 0o755 || first.Size() != one.Blob.Size || !os.SameFile(first, stat(t, name("b/kcm"))) {
		t.Errorf("written were %v of %d bytes, and another", first.Mode(), first.Size())
	}
	read := func() tree.Tree {
		t.Helper()
		s, err := d.Read("x")
		if err != nil {
			t.Fatal(err)
		}
		return s.Ours
	}
	for _, p := range []string{"a/kcm", "b/kcm"} {
		e, _ := read().Get(p)
		if e.Bytes() != nil || e.Blob.SHA256 != one.Blob.SHA256 || e.Blob.Path != name(p) || e.Size() != one.Blob.Size {
			t.Errorf("%s is read as %+v", p, e)
		}
		if !e.Same(at(one, p)) || e.Same(at(big(t, p, "two"), p)) || e.Same(tree.Entry{Path: p, Mode: 0o755}) {
			t.Errorf("%s is the same as what it isn't, or isn't as what it is", p)
		}
		small := tree.Entry{Path: p, Mode: 0o755, Data: bytes.Repeat([]byte("one"), 1+(2<<20)/3)}
		if !e.Same(small) || !small.Same(e) {
			t.Errorf("%s is another as a blob", p)
		}
	}
	manifest, _ := read().Get(layout.Manifest)
	if want := fmt.Sprintf(`"path":"a/kcm","mode":"0755","size":%d,"sha256":"%s"`, one.Blob.Size, one.Blob.SHA256); !strings.Contains(string(manifest.Data), want) {
		t.Errorf("the manifest doesn't say %s:\n%s", want, manifest.Data)
	}
	// Another file changes: these are linked, also to each other.
	if err := replace(t, d, false, append(es[:2:2], file("c", "2"), at(one, "z/kcm"))...); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"a/kcm", "b/kcm", "z/kcm"} {
		if !os.SameFile(first, stat(t, name(p))) {
			t.Errorf("%s was written again", p)
		}
	}
	// A file that was changed in place is restored.
	f, err := os.OpenFile(name("a/kcm"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("x")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if e, _ := read().Get("b/kcm"); e.Same(at(one, "b/kcm")) {
		t.Error("a change isn't seen")
	}
	if err := replace(t, d, false, es...); err != nil {
		t.Fatal(err)
	}
	if e, _ := read().Get("b/kcm"); !e.Same(at(one, "b/kcm")) {
		t.Error("a change isn't put right")
	}
}

// TestPut: an unlisted file is written atomically, is readable for its owner only, and is
// kept when a tree is replaced.
func TestPut(t *testing.T) {
	d, dir := openDisk(t)
	const unlisted = "image/amd64.tar"
	put := func(data string, fails error) error {
		return d.Put("x", unlisted, func(w io.Writer) error {
			_, err := io.WriteString(w, data)
			return errors.Join(err, fails)
		})
	}
	broken := errors.New("broken")
	if err := put("half", broken); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
	if got := laid(t, dir); got != "" {
		t.Errorf("it left %s", got)
	}
	// The directory may be missing; it will hold keys.
	if err := put("1", nil); err != nil {
		t.Fatal(err)
	}
	if m := stat(t, filepath.Join(dir, "x")).Mode().Perm(); m != 0o700 {
		t.Errorf("x has mode %o", m)
	}
	if m := stat(t, filepath.Join(dir, "x", unlisted)).Mode().Perm(); m != 0o600 {
		t.Errorf("%s has mode %o", unlisted, m)
	}
	if err := put("half", broken); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
	for _, step := range []struct {
		es    []tree.Entry
		prune bool
	}{{[]tree.Entry{file("a", "1")}, false}, {[]tree.Entry{file("image/amd64/a", "1")}, true}, {nil, true}} {
		old, err := d.Read("x")
		if err != nil {
			t.Fatal(err)
		}
		if len(old.Foreign) > 0 {
			t.Errorf("foreign are %v", old.Foreign)
		}
		all, err := outdir.WithManifest(newTree(t, step.es...), outdir.Manifest{Cluster: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(old.Unlisted(), []string{unlisted}) {
			t.Errorf("unlisted are %v", old.Unlisted())
		}
		if err := d.Replace("x", all, old, func(p string) bool { return step.prune && p != unlisted }); err != nil {
			t.Fatal(err)
		}
		if got := laid(t, dir); !strings.Contains(got, "x/image/amd64.tar=1") {
			t.Errorf("there is %s", got)
		}
	}
	if err := put("2", nil); err != nil {
		t.Fatal(err)
	}
	if got := laid(t, dir); got != "x/image/amd64.tar=2 x/manifest.json" {
		t.Errorf("there is %s", got)
	}
	f, err := d.OpenFile("x", unlisted)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(f); string(data) != "2" || errors.Join(err, f.Close()) != nil {
		t.Errorf("%s holds %q (%v)", unlisted, data, err)
	}
	// At another path the file is foreign; and so is a directory of that name.
	lay(t, dir, "x/image/mips.tar=theirs", "x/other/amd64.tar=theirs")
	if s, err := d.Read("x"); err != nil || !slices.Equal(s.Foreign, []string{"image/mips.tar", "other", "other/amd64.tar"}) {
		t.Errorf("foreign are %v (%v)", s.Foreign, err)
	}
	for _, theirs := range []string{"x/image/mips.tar", "x/other"} {
		if err := os.RemoveAll(filepath.Join(dir, theirs)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "x", unlisted)); err != nil {
		t.Fatal(err)
	}
	lay(t, dir, "x/"+unlisted+"/note=mine")
	if s, err := d.Read("x"); err != nil || len(s.Foreign) != 2 {
		t.Errorf("foreign are %v (%v)", s.Foreign, err)
	}
	if err := put("3", nil); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "x", unlisted)) {
		t.Errorf("over a directory: %v", err)
	}
	if got := laid(t, dir); got != "x/image/amd64.tar/note=mine x/manifest.json" {
		t.Errorf("there is %s", got)
	}
	// It can be pruned, and its directory with it.
	if err := os.RemoveAll(filepath.Join(dir, "x", unlisted)); err != nil {
		t.Fatal(err)
	}
	if err := put("4", nil); err != nil {
		t.Fatal(err)
	}
	old, err := d.Read("x")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Replace("x", old.Ours, old, func(p string) bool { return p == unlisted }); err != nil {
		t.Fatal(err)
	}
	if got := laid(t, dir); strings.Contains(got, "image") {
		t.Errorf("there is %s", got)
	}
}
