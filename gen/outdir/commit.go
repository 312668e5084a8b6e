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

// Replace puts t in the place of the directory name, whose state was read before,
// so that whoever looks, and whoever cuts the power, finds the old tree or the
// new one. Files that didn't change, those beside the tree and foreign ones are
// linked, not copied; of the latter two, those that prune is true for go.
//
// The new tree is built in .<name>.new beside it and made durable, then the two
// directories change their names with each other in one system call.
func (d *Dir) Replace(name string, t tree.Tree, old *State, prune func(path string) bool) error {
	next := "." + name + ".new"
	if err := d.disk.Clear(next); err != nil {
		return err
	}
	if err := d.build(name, next, t, old, prune); err != nil {
		// What the caller must know is why; the rest goes at the next run.
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

// Recover ends what a killed run left, keys among it: it says what it did, or
// nothing.
func (d *Dir) Recover(name string) (string, error) {
	next, previous, put := "."+name+".new", "."+name+".old", putName(name)
	// Only the two-step swap makes a previous tree. Without a tree under the
	// name itself, it died between its renames.
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

func (d *Dir) build(name, next string, t tree.Tree, old *State, prune func(string) bool) error {
	place := func(e tree.Entry) (bool, error) {
		was, ok := old.Ours.Get(e.Path)
		if !ok || !was.Same(e) {
			return false, nil
		}
		return d.disk.Link(path.Join(name, e.Path), path.Join(next, e.Path))
	}
	kept := slices.DeleteFunc(slices.Concat(old.foreign, old.beside), func(e tree.Entry) bool { return prune(e.Path) })
	all, foreign, err := withForeign(t, kept)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(d.disk.Dir(), name), err)
	}
	staging := d.disk.Staging()
	twins := map[string]string{} // where the first of equal blobs is
	err = tree.StagePlacing(staging, next, all, func(e tree.Entry) (bool, error) {
		if mode, ok := foreign[e.Path]; ok {
			return true, d.carry(path.Join(name, e.Path), path.Join(next, e.Path), mode)
		}
		placed, err := place(e)
		if e.Blob.Empty() || err != nil {
			return placed, err
		}
		// One program on every host is one file here.
		key, at := e.Sum()+e.Mode.String(), path.Join(next, e.Path)
		if first, ok := twins[key]; ok && !placed {
			return d.disk.Link(first, at)
		}
		twins[key] = at
		return placed, nil
	})
	if err := errors.Join(err, staging.Close()); err != nil {
		return err
	}
	return d.directoryTimes(name, next, kept)
}

// directoryTimes gives foreign directories their times back, which filling them took.
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

// ErrInTheWay is a file where the tree needs its own, and which may be the only
// copy of somebody's key.
var ErrInTheWay = errors.New("a file that kcmgen didn't write is in the way")

// ErrOthers is a file that kcmgen didn't write and can only take along as a copy
// that would no longer be its owner's.
var ErrOthers = errors.New("it is another user's, and can't be taken along")

// withForeign is the tree with foreign entries in it, and the modes of those
// that aren't directories.
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

// carry takes a foreign file along: linked, or copied where the file system or
// its owner doesn't let it be linked.
func (d *Dir) carry(from, to string, mode fs.FileMode) error {
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
		return fmt.Errorf("%s is a %s that kcmgen can't take along; move it away", filepath.Join(d.disk.Dir(), from), mode.Type())
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

// sameTime gives a copy the time of what it was copied from.
func (d *Dir) sameTime(from fs.File, to string) error {
	fi, err := from.Stat()
	if err != nil {
		return d.disk.Named(err)
	}
	return d.disk.Named(d.disk.Root().Chtimes(to, time.Time{}, fi.ModTime()))
}

// swap gives next the name, and name's directory the name of next, where that is
// possible in one step. Otherwise two renames do it, which Recover takes back if
// the run dies between them; TwoRenames then says that it was so.
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
