// Package disk writes to this machine's disk: only below a given directory, durably,
// and with atomic replacement.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// Disk is a directory of this machine as a tree.FS. No name leads out of it, not even
// through symbolic links.
type Disk struct {
	dir  string // for messages
	root *os.Root
}

// Open opens an existing directory.
func Open(dir string) (*Disk, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Disk{dir: dir, root: root}, nil
}

// Close releases the directory.
func (d *Disk) Close() error { return d.root.Close() }

// Dir returns the directory's name, as given to Open.
func (d *Disk) Dir() string { return d.dir }

// Root returns the directory as an os.Root. Pass errors of its methods through Named.
func (d *Disk) Root() *os.Root { return d.root }

// Exists reports whether a file or directory exists.
func (d *Disk) Exists(name string) bool {
	_, err := d.root.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// Clear removes a file or a directory with all in it. It may be missing.
func (d *Disk) Clear(name string) error { return d.named(d.root.RemoveAll(name)) }

// WriteAtomic atomically writes a file, through a temporary file .<name><number>.
func (d *Disk) WriteAtomic(name string, data []byte, mode fs.FileMode) error {
	return d.named(d.writeAtomic(name, data, mode))
}

// Link makes a hard link. It returns false if the file can be copied but not linked.
func (d *Disk) Link(from, to string) (bool, error) {
	err := d.root.Link(from, to)
	if err != nil && cannotLink(err) {
		return false, nil
	}
	return err == nil, d.named(err)
}

// Exchange atomically exchanges the names of two directories. It returns
// errors.ErrUnsupported if the file system can't.
func (d *Disk) Exchange(a, b string) error {
	err := exchange(d.root, a, b)
	if errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return d.named(err)
}

// Mkdir implements tree.FS.
func (d *Disk) Mkdir(name string, mode fs.FileMode) error {
	return d.named(mkdir(d.root, name, mode))
}

func mkdir(dir *os.Root, name string, mode fs.FileMode) error {
	if err := dir.Mkdir(name, mode); err != nil {
		return err
	}
	// The umask may have cleared bits.
	return dir.Chmod(name, mode)
}

// Create implements tree.FS.
func (d *Disk) Create(name string, mode fs.FileMode) (tree.File, error) {
	f, err := create(d.root, name, mode)
	if err != nil {
		return nil, d.named(err)
	}
	return f, nil
}

func create(dir *os.Root, name string, mode fs.FileMode) (tree.File, error) {
	f, err := dir.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(mode); err != nil {
		_ = f.Close()
		return nil, Within(name, err)
	}
	return f, nil
}

// Named prepends the directory's name to the path in an error, so that users can find
// the file.
func (d *Disk) Named(err error) error { return d.named(err) }

// Within replaces the path in an error with the name that the file was opened by:
// errors of an os.Root's files have the whole path, and Named would repeat half of it.
func Within(name string, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: name, Err: pe.Err}
	}
	return err
}

// SyncDir implements tree.FS.
func (d *Disk) SyncDir(name string) error { return d.named(syncDir(d.root, name)) }

func syncDir(dir *os.Root, name string) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	err = f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return Within(name, err)
}

func (d *Disk) named(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return &fs.PathError{Op: verb(pe.Op), Path: filepath.Join(d.dir, filepath.FromSlash(pe.Path)), Err: pe.Err}
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return fmt.Errorf("%s %s: %w", verb(le.Op), filepath.Join(d.dir, filepath.FromSlash(le.New)), le.Err)
	}
	return err
}

// verb turns the name of a system call into a word.
func verb(op string) string {
	switch op {
	case "openat":
		return "open"
	case "mkdirat":
		return "mkdir"
	case "unlinkat":
		return "remove"
	case "linkat":
		return "link"
	case "renameat":
		return "rename"
	case "chmodat", "fchmodat":
		return "chmod"
	}
	return op
}
