package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// Staging is a tree.FS for many files. It keeps the last directory and its parents
// open: for a thousand hosts, resolving each path from the root costs more than writing
// the files. Close it before renaming a directory that it has used.
type Staging struct {
	disk *Disk
	open []openDirectory // each in the one before
}

type openDirectory struct {
	name string // from the disk's root
	root *os.Root
}

// Staging returns a tree.FS on the same directory.
func (d *Disk) Staging() *Staging { return &Staging{disk: d} }

// Close releases the directories.
func (s *Staging) Close() error {
	var all []error
	for len(s.open) > 0 {
		all = append(all, s.leave())
	}
	return errors.Join(all...)
}

// Mkdir implements tree.FS.
func (s *Staging) Mkdir(name string, mode fs.FileMode) error {
	dir, err := s.enter(path.Dir(name))
	if err != nil {
		return s.named(name, err)
	}
	return s.named(name, mkdir(dir, path.Base(name), mode))
}

// Create implements tree.FS.
func (s *Staging) Create(name string, mode fs.FileMode) (tree.File, error) {
	dir, err := s.enter(path.Dir(name))
	if err != nil {
		return nil, s.named(name, err)
	}
	f, err := create(dir, path.Base(name), mode)
	if err != nil {
		return nil, s.named(name, err)
	}
	return f, nil
}

// SyncDir implements tree.FS.
func (s *Staging) SyncDir(name string) error {
	dir, err := s.enter(path.Dir(name))
	if err != nil {
		return s.named(name, err)
	}
	return s.named(name, syncDir(dir, path.Base(name)))
}

// enter opens a directory and its parents, and closes open directories that aren't
// above it.
func (s *Staging) enter(dir string) (*os.Root, error) {
	for len(s.open) > 0 && dir != s.top().name && !strings.HasPrefix(dir, s.top().name+"/") {
		if err := s.leave(); err != nil {
			return nil, err
		}
	}
	at, rest := s.disk.root, dir
	if len(s.open) > 0 {
		at, rest = s.top().root, strings.TrimPrefix(dir[len(s.top().name):], "/")
	}
	if rest == "." || rest == "" {
		return at, nil
	}
	for part := range strings.SplitSeq(rest, "/") {
		next, err := at.OpenRoot(part)
		if err != nil {
			return nil, err
		}
		name := part
		if len(s.open) > 0 {
			name = s.top().name + "/" + part
		}
		s.open, at = append(s.open, openDirectory{name, next}), next
	}
	return at, nil
}

func (s *Staging) top() openDirectory { return s.open[len(s.open)-1] }

func (s *Staging) leave() error {
	last := s.top()
	s.open = s.open[:len(s.open)-1]
	return last.root.Close()
}

// named puts the full name into an error of an open directory.
func (s *Staging) named(name string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = &fs.PathError{Op: pe.Op, Path: name, Err: pe.Err}
	}
	return s.disk.named(err)
}
