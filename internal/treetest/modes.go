//go:build unix

package treetest

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func directory(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "root")
	must(t, os.Mkdir(dir, 0o700))
	return dir
}

func exactModes(t *testing.T, target Target) {
	for _, mode := range []fs.FileMode{0o600, 0o644, 0o640, 0o400, 0o755, 0o666} {
		name := fmt.Sprintf("f%o", mode)
		must(t, put(target, name, mode, []byte("x")))
		if fi := see(t, target, name); fi != nil && fi.Mode() != mode {
			t.Errorf("Create with mode %v made %v", mode, fi.Mode())
		}
	}
	for _, mode := range []fs.FileMode{0o700, 0o755, 0o750, 0o777} {
		name := fmt.Sprintf("d%o", mode)
		must(t, target.FS.Mkdir(name, mode))
		if fi := see(t, target, name); fi != nil && (fi.Mode().Perm() != mode || !fi.IsDir()) {
			t.Errorf("Mkdir with mode %v made %v", mode, fi.Mode())
		}
		must(t, put(target, name+"/f", 0o600, nil))
	}
}
