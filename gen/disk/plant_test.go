package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// TestPlant: a tree is added to existing files, or nothing of it is left.
func TestPlant(t *testing.T) {
	planted, err := tree.New([]tree.Entry{
		{Path: "a", Mode: 0o644, Data: []byte("a")},
		{Path: "a-b", Mode: 0o644, Data: []byte("a-b")},
		{Path: "dir/x", Mode: 0o600, Data: []byte("x")},
	})
	if err != nil {
		t.Fatal(err)
	}
	below := func(dir string) (out []string) {
		err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
			out = append(out, filepath.ToSlash(p[len(dir):]))
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		return out
	}
	whole := []string{"", "/a", "/a-b", "/dir", "/dir/x"}

	dir := filepath.Join(t.TempDir(), "new", "deep")
	if err := Plant(dir, planted); err != nil || !slices.Equal(below(dir), whole) {
		t.Fatalf("%v: %q", err, below(dir))
	}
	var exists *ExistsError
	if err := Plant(dir, planted); !errors.As(err, &exists) || exists.Path != filepath.Join(dir, "a") {
		t.Errorf("a second time: %v", err)
	}

	// The remains of a killed run are no obstacle, and are not removed.
	left := t.TempDir()
	if err := os.WriteFile(filepath.Join(left, ".kcmgen-1.new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Plant(left, planted); err != nil || !slices.Equal(below(left), slices.Insert(slices.Clone(whole), 1, "/.kcmgen-1.new")) {
		t.Errorf("after a killed run: %v: %q", err, below(left))
	}

	// One existing name keeps all from being written, also those before it.
	half := t.TempDir()
	if err := os.WriteFile(filepath.Join(half, "dir"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Plant(half, planted); !errors.As(err, &exists) || !slices.Equal(below(half), []string{"", "/dir"}) {
		t.Errorf("a taken name: %v: %q", err, below(half))
	}
	if err := Plant(filepath.Join(half, "dir", "new"), planted); err == nil || !slices.Equal(below(half), []string{"", "/dir"}) {
		t.Errorf("below a file: %v: %q", err, below(half))
	}
}
