package hostfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// TestHostRoot: names and links of a host stay within its directory.
func TestHostRoot(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "host")
	for name, data := range map[string]string{"outside": "outside", "host/etc/in": "in", "host/outside": "the host's own"} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"absolute": "/etc/in", "up": "../../outside", "away": filepath.Join(dir, "outside"), "loop": "loop", "dir": "/etc"} {
		if err := os.Symlink(to, filepath.Join(root, "etc", name)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for on, want := range map[string]string{
		"/etc/in": "in", "/etc/absolute": "in", "/etc/dir/in": "in", "/etc/dir/../etc/in": "in",
		"/../outside": "the host's own", "/etc/up": "the host's own",
	} {
		data, found, err := r.read(on)
		if string(data) != want || err != nil {
			t.Errorf("%s: %q, %v", on, data, err)
		}
		if again, err := os.ReadFile(filepath.Join(root, found)); string(again) != want {
			t.Errorf("%s is found at %s, which has %q, %v", on, found, again, err)
		}
	}
	for on, want := range map[string]error{"/etc/away": fs.ErrNotExist, "/etc/loop": errLinks, "/etc/none": fs.ErrNotExist} {
		if data, _, err := r.read(on); !errors.Is(err, want) {
			t.Errorf("%s: %q, %v", on, data, err)
		}
	}
	for _, name := range []string{filepath.Join(root, "none"), filepath.Join(dir, "outside")} {
		if err := CheckRoot(name); err == nil {
			t.Errorf("%s is taken as a directory", name)
		}
	}
}
