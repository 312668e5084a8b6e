//go:build unix

package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestID: a changed file has another ID, also of the same size.
func TestID(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	id := func() string {
		t.Helper()
		got, err := ID(name)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	first := id()
	if id() != first {
		t.Error("an unchanged file has another ID")
	}
	for n := 0; id() == first; n++ { // until the clock of the file system has moved
		if n == 1_000_000 {
			t.Fatal("a changed file has the same ID")
		}
		write("b")
	}
	if _, err := ID(name + "-missing"); err == nil {
		t.Error("a missing file has an ID")
	}
}
