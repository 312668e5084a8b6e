// Package disk writes to this machine's disk: below a directory that no name leads out
// of, durable, and where something is replaced, at once.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// Disk is a directory of this machine as a tree.FS. No name leads out of it, not by
// symbolic links either.
type Disk struct {
	dir  string // as people call it
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

// Dir is the directory's own name, as people call it.
func (d *Disk) Dir() string { return d.dir }

// Root is the directory itself. The errors of its methods go through Named.
func (d *Disk) Root() *os.Root { return d.root }

// Exists reports whether there is something of a name.
func (d *Disk) Exists(name string) bool {
	_, err := d.root.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// Clear removes a file, or a directory with all that is in it. Nothing there is no error.
func (d *Disk) Clear(name string) error { return d.named(d.root.RemoveAll(name)) }

// WriteAtomic writes a file that is whole or isn't there, by way of a file
// .<name><number> beside it.
func (d *Disk) WriteAtomic(name string, data []byte, mode fs.FileMode) error {
	return d.named(d.writeAtomic(name, data, mode))
}

// Link makes a second name for a file; false where that can't be had.
func (d *Disk) Link(from, to string) (bool, error) {
	err := d.root.Link(from, to)
	if err != nil && cannotLink(err) {
		return false, nil
	}
	return err == nil, d.named(err)
}

// Exchange swaps the names of two directories in one step. It returns
// errors.ErrUnsupported where the file system can't.
func (d *Disk) Exchange(a, b string) error {
	err := exchange(d.root, a, b)
	if errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return d.named(err)
}

// Mkdir is FS.Mkdir.
func (d *Disk) Mkdir(name string, mode fs.FileMode) error {
	return d.named(mkdir(d.root, name, mode))
}

func mkdir(dir *os.Root, name string, mode fs.FileMode) error {
	if err := dir.Mkdir(name, mode); err != nil {
		return err
	}
	// The umask may have taken bits away.
	return dir.Chmod(name, mode)
}

// Create is FS.Create.
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

// Named puts the directory's own name before the path of an error, so that it names a
// file that people can look at.
func (d *Disk) Named(err error) error { return d.named(err) }

// Within gives the error of an open file the name that it was opened by: a root's
// files tell their whole path, and named would say the half of it twice.
func Within(name string, err error) error {
	if pe := (*fs.PathError)(nil); errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: name, Err: pe.Err}
	}
	return err
}

// SyncDir is FS.SyncDir.
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
