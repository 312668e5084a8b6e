//go:build unix

package outdir

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// A pull request may contain the lock file. If it is a link, its target keeps its mode and
// contents; if it is a fifo, opening it doesn't block.
func TestLockThatIsNone(t *testing.T) {
	for name, plant := range map[string]func(dir, at string) error{
		"link to a file":  func(dir, at string) error { return os.Symlink(filepath.Join(dir, "target"), at) },
		"link to nothing": func(dir, at string) error { return os.Symlink(filepath.Join(dir, "new"), at) },
		"fifo":            func(_, at string) error { return syscall.Mkfifo(at, 0o644) },
		"directory":       func(_, at string) error { return os.Mkdir(at, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			target := filepath.Join(dir, "target")
			if err := os.WriteFile(target, []byte("theirs"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(target, 0o644); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "out")
			if err := os.Mkdir(out, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := plant(dir, filepath.Join(out, lockName)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o, err := Open(ctx, out, time.Minute, func() { cancel() }) // waiting is an error here
			if err == nil {
				_ = o.Close()
				t.Error("it was taken for a lock file")
			} else if ctx.Err() != nil {
				t.Error("it was waited for")
			}
			fi, err := os.Stat(target)
			if err != nil || fi.Mode() != fs.FileMode(0o644) {
				t.Errorf("what it leads to is %v, %v", fi.Mode(), err)
			}
			if data, err := os.ReadFile(target); err != nil || string(data) != "theirs" {
				t.Errorf("what it leads to holds %q, %v", data, err)
			}
			if _, err := os.Lstat(filepath.Join(dir, "new")); err == nil {
				t.Error("a file was made where the link leads")
			}
		})
	}
}

// Foreign files are kept whatever their names, and so is a directory of them.
func TestForeignNames(t *testing.T) {
	dir := t.TempDir()
	d, err := Unlocked(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	replace := func(text string) {
		t.Helper()
		made, err := tree.New([]tree.Entry{{Path: "ours", Mode: 0o644, Data: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		made, err = WithManifest(made, Manifest{Cluster: "prod"})
		if err != nil {
			t.Fatal(err)
		}
		old, err := d.Read("prod")
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Replace("prod", made, old, func(string) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	replace("one")
	names := []string{"-rf", "\xff\xfe", "a\nb", "\x1b[31m", "b\\c", "-d/\xff"}
	for _, name := range names {
		at := filepath.Join(dir, "prod", name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace("two")
	for _, name := range names {
		if data, err := os.ReadFile(filepath.Join(dir, "prod", name)); err != nil || string(data) != name {
			t.Errorf("%q holds %q, %v", name, data, err)
		}
	}
}
