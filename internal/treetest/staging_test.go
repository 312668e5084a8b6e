//go:build unix

package treetest_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/treetest"
)

// brokenVar names the broken FS that runBroken tests.
const brokenVar = "TREETEST_BROKEN"

func TestDisk(t *testing.T) {
	treetest.Staging(t, func(t *testing.T, dir string) treetest.Target {
		d := openDisk(t, dir)
		return treetest.Target{FS: d, Dir: dir}
	})
}

func TestDiskForMany(t *testing.T) {
	treetest.Staging(t, func(t *testing.T, dir string) treetest.Target {
		d := openDisk(t, dir)
		s := d.Staging()
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return treetest.Target{FS: s, Dir: dir}
	})
}

func openDisk(t *testing.T, dir string) *disk.Disk {
	t.Helper()
	d, err := disk.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// runBroken runs the suite on an FS that must fail.
func runBroken(t *testing.T, name string) {
	treetest.Staging(t, func(t *testing.T, dir string) treetest.Target {
		d := openDisk(t, dir)
		return treetest.Target{FS: broken{d, name, dir}, Dir: dir}
	})
}

// TestSuiteFindsFaults breaks one thing at a time, and requires that the suite fails where
// that is tested.
func TestSuiteFindsFaults(t *testing.T) {
	if name := os.Getenv(brokenVar); name != "" { // in a process of its own
		runBroken(t, name)
		return
	}
	for name, where := range map[string]string{
		"nothing":                    "",
		"takes the umask":            "modes_with_umask_077",
		"chmods afterwards":          "mode_before_content",
		"isn't exclusive":            "create_is_exclusive",
		"follows dangling links":     "no_symbolic_link_is_followed",
		"removes what's there":       "what_is_in_the_way_stays",
		"mkdir isn't exclusive":      "mkdir_is_exclusive",
		"mkdir makes parents":        "mkdir_is_exclusive",
		"loses the end":              "contents",
		"syncs nothing":              "sync_dir",
		"doesn't name":               "errors_name_the_path",
		"leads out":                  "names_stay_inside",
		"directories take the umask": "modes_with_umask_022",
		"has few files":              "many_open_files",
		"stages over what's there":   "a_whole_tree_is_new",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuiteFindsFaults$", "-test.v", "-test.count=1")
			cmd.Env = append(os.Environ(), brokenVar+"="+name)
			out, err := cmd.CombinedOutput()
			if where == "" {
				if err != nil {
					t.Errorf("the suite fails an FS in which nothing is broken: %v\n%s", err, out)
				}
				return
			}
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestSuiteFindsFaults/"+where+" ") {
				t.Errorf("not found: %v\n%s", err, out)
			}
		})
	}
}

// broken is a disk with one of many faults.
type broken struct {
	*disk.Disk
	fault, dir string
}

// Mkdir implements tree.FS, unless that is the fault.
func (b broken) Mkdir(name string, mode fs.FileMode) error {
	full := filepath.Join(b.dir, name)
	switch b.fault {
	case "leads out":
		return errors.Join(os.Mkdir(full, mode), os.Chmod(full, mode))
	case "mkdir makes parents":
		if _, err := os.Lstat(full); err != nil {
			return errors.Join(os.MkdirAll(full, mode), os.Chmod(full, mode))
		}
	case "directories take the umask":
		return os.Mkdir(full, mode)
	}
	err := b.Disk.Mkdir(name, mode)
	if errors.Is(err, fs.ErrExist) && (b.fault == "mkdir isn't exclusive" || b.fault == "stages over what's there") {
		return nil
	}
	return b.anonymous(err)
}

// Create implements tree.FS, unless that is the fault.
func (b broken) Create(name string, mode fs.FileMode) (tree.File, error) {
	full := filepath.Join(b.dir, name)
	flags := os.O_CREATE | os.O_WRONLY | os.O_EXCL
	fi, err := os.Lstat(full)
	there := err == nil
	switch {
	case b.fault == "leads out", b.fault == "takes the umask", b.fault == "chmods afterwards":
	case b.fault == "isn't exclusive" && there && fi.Mode().IsRegular(),
		b.fault == "follows dangling links" && there && fi.Mode()&fs.ModeSymlink != 0:
		flags &^= os.O_EXCL
	case b.fault == "removes what's there":
		_ = os.Remove(full)
	case b.fault == "has few files" && name == "100":
		return nil, errors.New("too many files")
	case b.fault == "loses the end":
		f, err := b.Disk.Create(name, mode)
		return short{f}, err
	default:
		f, err := b.Disk.Create(name, mode)
		return f, b.anonymous(err)
	}
	f, err := os.OpenFile(full, flags, mode)
	switch {
	case err != nil:
		return nil, err
	case b.fault == "takes the umask":
		return f, nil
	case b.fault == "chmods afterwards":
		return late{f, mode}, f.Chmod(0o666)
	}
	return f, f.Chmod(mode)
}

// SyncDir implements tree.FS, unless that is the fault.
func (b broken) SyncDir(name string) error {
	if b.fault == "syncs nothing" {
		return nil
	}
	return b.Disk.SyncDir(name)
}

// anonymous removes the name from an error, if that is the fault.
func (b broken) anonymous(err error) error {
	var pe *fs.PathError
	if b.fault == "doesn't name" && errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// late sets its mode when it is closed.
type late struct {
	*os.File
	mode fs.FileMode
}

func (f late) Close() error { return errors.Join(f.Chmod(f.mode), f.File.Close()) }

// short writes at most one packet.
type short struct{ tree.File }

func (f short) Write(p []byte) (int, error) {
	_, err := f.File.Write(p[:min(len(p), 32768)])
	return len(p), err
}
