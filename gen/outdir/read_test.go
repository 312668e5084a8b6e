package outdir

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestOpenRead: opening for reading makes nothing, and reads a missing directory as empty.
func TestOpenRead(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	d, err := OpenRead(t.Context(), dir, time.Second, func() {})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Read("one")
	if err != nil || s.Manifest != nil || len(s.Ours.Entries()) > 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if names, err := d.Clusters(); err != nil || len(names) > 0 {
		t.Errorf("%q, %v", names, err)
	}
	if at, text := d.Unfinished("one"); at != "one" || text != "" {
		t.Errorf("%q, %q", at, text)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dir); err == nil {
		t.Error("the directory was made")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if d, err = OpenRead(t.Context(), dir, time.Second, func() {}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestOpenReadLocks: readers share the lock, and wait for one that writes.
func TestOpenReadLocks(t *testing.T) {
	dir := t.TempDir()
	w, err := Open(t.Context(), dir, time.Second, func() {})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waited := false
	_, err = OpenRead(ctx, dir, time.Minute, func() { waited = true; cancel() })
	if err == nil || !waited {
		t.Errorf("it didn't wait: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := OpenRead(t.Context(), dir, time.Minute, func() {})
	if err != nil {
		t.Fatal(err)
	}
	b, err := OpenRead(t.Context(), dir, time.Minute, func() { t.Error("a reader waits for a reader") })
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Dir{a, b} {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestUnfinished: it says what Recover would do, and changes nothing.
func TestUnfinished(t *testing.T) {
	for name, c := range map[string]struct {
		dirs []string
		at   string
		said bool
	}{
		"nothing":          {nil, "one", false},
		"a tree":           {[]string{"one"}, "one", false},
		"a new one":        {[]string{"one", ".one.new"}, "one", true},
		"both":             {[]string{"one", ".one.old"}, "one", true},
		"between renames":  {[]string{".one.old", ".one.new"}, ".one.old", true},
		"a file's copy":    {[]string{"one", ".one.put"}, "one", true},
		"another's is new": {[]string{"one", ".two.new"}, "one", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, sub := range c.dirs {
				if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			d, err := OpenRead(t.Context(), dir, time.Second, func() {})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			at, text := d.Unfinished("one")
			if at != c.at || (text != "") != c.said {
				t.Errorf("%q, %q", at, text)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != len(c.dirs) {
				t.Errorf("%v, %v", left, err)
			}
		})
	}
}
