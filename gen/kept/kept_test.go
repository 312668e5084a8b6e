package kept

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

func open(t *testing.T, dir string, max int64, now time.Time) *Dir {
	t.Helper()
	d, err := Open(dir, max, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestKeeps: a result is returned to a later run, by its key only.
func TestKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	a, b := Key{1}, Key{2}
	d := open(t, dir, 1000, time.Now())
	if d.Get(a) != nil {
		t.Error("an empty directory has a result")
	}
	d.Put(a, []byte("text"))
	d = open(t, dir, 1000, time.Now())
	if got := d.Get(a); string(got) != "text" || d.Get(b) != nil {
		t.Errorf("got %q and %q", got, d.Get(b))
	}
	fi, err := os.Stat(files(t, dir)[0])
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", fi, err)
	}
}

// TestDamaged: a file that differs in any byte, is cut, has another name or mode, or is no
// regular file, is no result.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir, 1000, time.Now())
	k := Key{1}
	d.Put(k, []byte("text"))
	name := files(t, dir)[0]
	good, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			write(bad)
			if got := d.Get(k); got != nil {
				t.Errorf("byte %d, bit %d: %q", i, bit, got)
			}
		}
		write(good[:i])
		if got := d.Get(k); got != nil {
			t.Errorf("cut at %d: %q", i, got)
		}
	}
	write(append(bytes.Clone(good), 0))
	if got := d.Get(k); got != nil {
		t.Errorf("longer: %q", got)
	}
	write(good)
	if d.Get(k) == nil {
		t.Fatal("the good file is no result")
	}
	if err := os.Chmod(name, 0o620); err != nil {
		t.Fatal(err)
	}
	if d.Get(k) != nil {
		t.Error("a file that the group may write is a result")
	}
	other := Key{2}
	if err := os.Rename(name, filepath.Join(dir, fmt.Sprintf("%x", other))); err != nil {
		t.Fatal(err)
	}
	if d.Get(other) != nil {
		t.Error("the result of another key")
	}
	for what, make := range map[string]func() error{
		"directory": func() error { return os.Mkdir(name, 0o700) },
		"link":      func() error { return os.Symlink(fmt.Sprintf("%x", other), name) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		if d.Get(k) != nil {
			t.Errorf("a %s is a result", what)
		}
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestForeign: root uses nothing that another user wrote.
func TestForeign(t *testing.T) {
	need.Root(t)
	const other = 65534
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir, 1000, time.Now())
	k := Key{1}
	d.Put(k, []byte("text"))
	if err := os.Chown(files(t, dir)[0], other, other); err != nil {
		t.Fatal(err)
	}
	if got := d.Get(k); got != nil {
		t.Errorf("another user's file: %q", got)
	}
	if err := os.Chown(dir, other, other); err != nil {
		t.Fatal(err)
	}
	if d, err := Open(dir, 1000, time.Now()); err == nil {
		_ = d.Close()
		t.Error("another user's directory is used")
	}
}

// TestOpen: a directory that others may write to isn't used.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	if d, err := Open(dir, 1000, time.Now()); err == nil {
		_ = d.Close()
		t.Error("it is used")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := Open(file, 1000, time.Now()); err == nil {
		_ = d.Close()
		t.Error("a file is a directory")
	}
}

// put keeps a result at the directory's time.
func put(t *testing.T, d *Dir, dir string, k Key, size int) {
	t.Helper()
	d.Put(k, make([]byte, size))
	if err := os.Chtimes(filepath.Join(dir, fmt.Sprintf("%x", k)), d.now, d.now); err != nil {
		t.Fatal(err)
	}
}

// TestTrim: the results that were not used for longest go, and the leftovers of runs that
// were killed.
func TestTrim(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	const size = 100
	now := time.Now()
	max := int64(10 * (size + len(Key{})))
	for i := range 10 {
		d := open(t, dir, max, now.Add(time.Duration(i)*3*time.Hour))
		put(t, d, dir, Key{byte(i)}, size)
		if i > 0 && d.Get(Key{0}) == nil { // the first one is used all the time
			t.Fatalf("%d: the first one is gone", i)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(files(t, dir)); n != 10 {
		t.Fatalf("%d results where 10 fit", n)
	}
	leftover := filepath.Join(dir, ".leftover")
	if err := os.WriteFile(leftover, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir, max, now.Add(30*time.Hour))
	put(t, d, dir, Key{10}, size)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, max, now.Add(30*time.Hour))
	var left []int
	for i := range 11 {
		if d.Get(Key{byte(i)}) != nil {
			left = append(left, i)
		}
	}
	if want := []int{0, 5, 6, 7, 8, 9, 10}; fmt.Sprint(left) != fmt.Sprint(want) {
		t.Errorf("%v are left, %v were expected", left, want)
	}
	if _, err := os.Stat(leftover); err == nil {
		t.Error("the leftover is there")
	}
}

// TestConcurrent: runs that keep the same results don't disturb each other.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			d, err := Open(dir, 2000, time.Now())
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 100 {
				k := Key{byte(i % 10)}
				want := bytes.Repeat([]byte{byte(i % 10)}, 200)
				if got := d.Get(k); got != nil && !bytes.Equal(got, want) {
					t.Errorf("got %q", got)
				}
				d.Put(k, want)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestProgram: this program has an identity.
func TestProgram(t *testing.T) {
	if Program() == "" {
		t.Error("it has none")
	}
}
