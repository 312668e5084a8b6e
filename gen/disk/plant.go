package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// ExistsError is a file or directory that Plant would have to overwrite.
type ExistsError struct{ Path string }

func (e *ExistsError) Error() string { return e.Path + " is there already" }

// Plant writes a tree into a directory, which it makes if missing. Nothing is
// overwritten: if one of the tree's topmost names exists, or anything fails, the
// directory stays as it was.
func Plant(dir string, t tree.Tree) (err error) {
	made, err := makeDirectories(dir)
	defer func() {
		if err != nil {
			for _, d := range made { // deepest first
				_ = os.Remove(d)
			}
		}
	}()
	if err != nil {
		return err
	}
	d, err := Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	tops := topmost(t)
	for _, name := range tops {
		if d.Exists(name) {
			return &ExistsError{filepath.Join(dir, name)}
		}
	}
	// The name is unique, so that the remains of a killed run never conflict.
	planting := fmt.Sprintf(".kcmgen-%d.new", os.Getpid())
	if err := tree.Stage(d, planting, t); err != nil {
		return errors.Join(err, d.Clear(planting))
	}
	defer func() { err = errors.Join(err, d.Clear(planting)) }()
	for i, name := range tops {
		if err := d.root.Rename(planting+"/"+name, name); err != nil {
			for _, back := range tops[:i] {
				err = errors.Join(err, d.Clear(back))
			}
			return d.named(err)
		}
	}
	return d.SyncDir(".")
}

// topmost returns the first parts of a tree's paths.
func topmost(t tree.Tree) []string {
	var out []string
	for _, e := range t.Entries() {
		first, _, _ := strings.Cut(e.Path, "/")
		if !slices.Contains(out, first) {
			out = append(out, first)
		}
	}
	return out
}

// makeDirectories makes a directory and the missing ones above it. It returns those
// that were missing, deepest first.
func makeDirectories(dir string) (made []string, err error) {
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		fi, err := os.Stat(d)
		if err == nil && !fi.IsDir() {
			return nil, fmt.Errorf("%s is a file", d)
		}
		if err == nil || d == filepath.Dir(d) {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return nil, err
		}
		made = append(made, d)
	}
	return made, os.MkdirAll(dir, 0o755)
}
