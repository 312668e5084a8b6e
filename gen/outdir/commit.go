package outdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Replace atomically replaces the directory name with t. At any time, and after a power
// cut, the directory holds the old tree or the new one. old is the state that was read
// before. Files that didn't change, unlisted files and foreign files are linked, not
// copied; unlisted and foreign files for which prune returns true are removed.
//
// The new tree is built in .<name>.new and made durable. Then the two directories are
// exchanged in one system call.
func (d *Dir) Replace(name string, t tree.Tree, old *State, prune func(path string) bool) error {
	next := "." + name + ".new"
	if err := d.disk.Clear(next); err != nil {
		return err
	}
	if err := d.build(name, next, t, old, prune); err != nil {
		// The next run removes what remains.
		_ = d.disk.Root().RemoveAll(next)
		return err
	}
	if err := d.swap(name, next); err != nil {
		_ = d.disk.Root().RemoveAll(next)
		return err
	}
	if err := d.disk.SyncDir("."); err != nil {
		return fmt.Errorf("making %s durable: %w", d.disk.Dir(), err)
	}
	return d.disk.Clear(next)
}

// Recover restores or removes what a killed run left of a tree, keys among it. It
// returns what it did in words, or "".
func (d *Dir) Recover(name string) (string, error) {
	next, previous, put := "."+name+".new", "."+name+".old", putName(name)
	// Only the swap by two renames makes a previous tree. If there is no tree under
	// the name itself, the run died between the renames.
	if d.disk.Exists(previous) && !d.disk.Exists(name) {
		if err := d.disk.Root().Rename(previous, name); err != nil {
			return "", d.disk.Named(err)
		}
		return "an earlier run was ended while it replaced the tree: the previous tree is back", errors.Join(d.disk.SyncDir("."), d.disk.Clear(next), d.disk.Clear(put))
	}
	if !d.disk.Exists(next) && !d.disk.Exists(previous) && !d.disk.Exists(put) {
		return "", nil
	}
	return "an earlier run was ended before it had cleaned up: removed what it left", errors.Join(d.disk.Clear(next), d.disk.Clear(previous), d.disk.Clear(put))
}

// Unfinished says what Recover would do, and where the tree is until then: under its own
// name, or under that of the previous tree. It changes nothing.
func (d *Dir) Unfinished(name string) (at, text string) {
	if d.missing() {
		return name, ""
	}
	next, previous, put := "."+name+".new", "."+name+".old", putName(name)
	switch {
	case d.disk.Exists(previous) && !d.disk.Exists(name):
		return previous, "an earlier run was ended while it replaced the tree: an export puts the previous tree back first"
	case d.disk.Exists(next) || d.disk.Exists(previous) || d.disk.Exists(put):
		return name, "an earlier run was ended before it had cleaned up: an export removes what it left"
	}
	return name, ""
}

func (d *Dir) build(name, next string, t tree.Tree, old *State, prune func(string) bool) error {
	place := func(e tree.Entry) (bool, error) {
		was, ok := old.Ours.Get(e.Path)
		if !ok || !was.Same(e) {
			return false, nil
		}
		return d.disk.Link(path.Join(name, e.Path), path.Join(next, e.Path))
	}
	kept := slices.DeleteFunc(slices.Concat(old.foreign, old.unlisted), func(e tree.Entry) bool { return prune(e.Path) })
	all, foreign, err := withForeign(t, kept)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(d.disk.Dir(), name), err)
	}
	staging := d.disk.Staging()
	first := map[string]string{} // the path of the first of equal blobs
	err = tree.StagePlacing(staging, next, all, func(e tree.Entry) (bool, error) {
		if mode, ok := foreign[e.Path]; ok {
			return true, d.keep(path.Join(name, e.Path), path.Join(next, e.Path), mode)
		}
		placed, err := place(e)
		if e.Blob.Empty() || err != nil {
			return placed, err
		}
		// The same program for every host is stored once.
		key, at := e.Sum()+e.Mode.String(), path.Join(next, e.Path)
		if from, ok := first[key]; ok && !placed {
			return d.disk.Link(from, at)
		}
		first[key] = at
		return placed, nil
	})
	if err := errors.Join(err, staging.Close()); err != nil {
		return err
	}
	return d.directoryTimes(name, next, kept)
}

// directoryTimes restores the times of foreign directories, which writing into them
// changed.
func (d *Dir) directoryTimes(name, next string, kept []tree.Entry) error {
	for _, e := range kept {
		if !e.Dir {
			continue
		}
		f, err := d.disk.Root().Open(path.Join(name, e.Path))
		if err != nil {
			return d.disk.Named(err)
		}
		err = d.sameTime(f, path.Join(next, e.Path))
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ErrInTheWay is a foreign file at a path of the tree. It may be the only copy of a
// key.
var ErrInTheWay = errors.New("a file that kcmgen didn't write is in the way")

// ErrOthers is a foreign file of another user that can't be linked: a copy would have
// another owner.
var ErrOthers = errors.New("it belongs to another user, and can't be kept")

// withForeign adds foreign entries to a tree. It returns the tree, and the modes of the
// foreign entries that aren't directories by path.
func withForeign(t tree.Tree, kept []tree.Entry) (tree.Tree, map[string]fs.FileMode, error) {
	es := append([]tree.Entry(nil), t.Entries()...)
	foreign := map[string]fs.FileMode{}
	for _, e := range kept {
		if ours, ok := t.Get(e.Path); ok {
			if ours.Dir && e.Dir {
				continue
			}
			return tree.Tree{}, nil, fmt.Errorf("%s: %w", e.Path, ErrInTheWay)
		}
		if e.Dir {
			es = append(es, tree.Entry{Path: e.Path, Dir: true, Mode: e.Mode.Perm()})
			continue
		}
		es = append(es, tree.Entry{Path: e.Path})
		foreign[e.Path] = e.Mode
	}
	all, err := tree.NewFound(es)
	return all, foreign, err
}

// keep puts a foreign file into the new tree: as a link, or as a copy if the file
// system or its owner forbids a link.
func (d *Dir) keep(from, to string, mode fs.FileMode) error {
	if ok, err := d.disk.Link(from, to); ok || err != nil {
		return err
	}
	switch {
	case mode&fs.ModeSymlink != 0:
		target, err := d.disk.Root().Readlink(from)
		if err != nil {
			return d.disk.Named(err)
		}
		return d.disk.Named(d.disk.Root().Symlink(target, to))
	case !mode.IsRegular():
		return fmt.Errorf("%s is a %s that kcmgen can't keep; move it away", filepath.Join(d.disk.Dir(), from), mode.Type())
	}
	in, err := d.disk.Root().Open(from)
	if err != nil {
		return d.disk.Named(err)
	}
	defer in.Close()
	if fi, err := in.Stat(); err != nil || disk.Foreign(fi) {
		return errors.Join(d.disk.Named(err), fmt.Errorf("%s: %w", filepath.Join(d.disk.Dir(), filepath.FromSlash(from)), ErrOthers))
	}
	out, err := d.disk.Create(to, mode.Perm())
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = d.sameTime(in, to)
	}
	return errors.Join(err, tree.Settle(to, out))
}

// sameTime sets the modification time of a copy to that of the original.
func (d *Dir) sameTime(from fs.File, to string) error {
	fi, err := from.Stat()
	if err != nil {
		return d.disk.Named(err)
	}
	return d.disk.Named(d.disk.Root().Chtimes(to, time.Time{}, fi.ModTime()))
}

// swap exchanges the names of two directories, in one step if the file system can.
// Otherwise it uses two renames, and TwoRenames reports true; Recover undoes the first
// if the run dies between them.
func (d *Dir) swap(name, next string) error {
	if !d.disk.Exists(name) {
		return d.disk.Named(d.disk.Root().Rename(next, name))
	}
	err := d.disk.Exchange(name, next)
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	d.twoRenames.Store(true)
	previous := "." + name + ".old"
	if err := d.disk.Clear(previous); err != nil {
		return err
	}
	if err := d.disk.Root().Rename(name, previous); err != nil {
		return d.disk.Named(err)
	}
	if err := d.disk.Root().Rename(next, name); err != nil {
		return errors.Join(d.disk.Named(err), d.disk.Named(d.disk.Root().Rename(previous, name)))
	}
	if err := d.disk.SyncDir("."); err != nil {
		return err
	}
	return d.disk.Clear(previous)
}
