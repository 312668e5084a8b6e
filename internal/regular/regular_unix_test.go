//go:build unix

package regular

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Files without a limited size are refused without blocking: the fifo here has no
// writer, and /dev/zero has no end.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("file"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at("large"), []byte("123456"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"to-file": "file", "to-fifo": "fifo", "to-zero": "/dev/zero", "to-null": "/dev/null", "to-dir": ".", "nowhere": "not-here",
	} {
		if err := os.Symlink(target, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	tooLarge := &SizeError{6, 5}
	for _, c := range []struct {
		name string
		want error
		in   error // of ReadIn, where it differs
	}{
		{"file", nil, nil},
		{"to-file", nil, nil},
		{"large", tooLarge, nil},
		{"fifo", ErrNotRegular, nil},
		{"to-fifo", ErrNotRegular, nil},
		{"to-zero", ErrNotRegular, errLeaves},
		{"to-null", ErrNotRegular, errLeaves},
		{"to-dir", ErrNotRegular, nil},
		{".", ErrNotRegular, nil},
		{"nowhere", fs.ErrNotExist, nil},
	} {
		check := func(how string, data []byte, err, want error) {
			t.Helper()
			var size *SizeError
			switch {
			case want == nil:
				if err != nil || !bytes.Equal(data, []byte("12345")) {
					t.Errorf("%s %s: %q, %v", how, c.name, data, err)
				}
			case want == tooLarge:
				if !errors.As(err, &size) || *size != *tooLarge {
					t.Errorf("%s %s: %v, want %v", how, c.name, err, want)
				}
			case want == errLeaves:
				if err == nil {
					t.Errorf("%s %s: a link led out of the root", how, c.name)
				}
			case !errors.Is(err, want):
				t.Errorf("%s %s: %v, want %v", how, c.name, err, want)
			}
		}
		data, err := Read(at(c.name), 5)
		check("Read", data, err, c.want)
		data, err = ReadIn(root, c.name, 5)
		if c.in != nil {
			c.want = c.in
		}
		check("ReadIn", data, err, c.want)
	}
}

var errLeaves = errors.New("leaves the root")

// A file that is replaced by a fifo after the check is still refused.
func TestOpenChecksWhatItOpened(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	f, _, err := checked(name, 5)(os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0))
	if !errors.Is(err, ErrNotRegular) || f != nil {
		t.Fatalf("an open fifo: %v, %v", f, err)
	}
}

// Files of unknown size are limited while reading.
func TestReadGrowing(t *testing.T) {
	name := "/proc/self/status"
	if _, err := os.Stat(name); err != nil {
		t.Skip("no /proc here")
	}
	var size *SizeError
	if _, err := Read(name, 10); !errors.As(err, &size) {
		t.Fatalf("more than ten bytes: %v", err)
	}
}

func TestBudget(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, name := range []string{a, b} {
		if err := os.WriteFile(name, []byte("123456"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	budget := NewBudget(6, 10)
	for range 3 { // once, however often
		if _, err := budget.Read(a); err != nil {
			t.Fatal(err)
		}
	}
	var sum *SumError
	if _, err := budget.Read(b); !errors.As(err, &sum) {
		t.Fatalf("12 bytes of 10: %v", err)
	}
}
