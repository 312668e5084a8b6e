package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Replace puts t in the place of the folder name, whose state was read before,
// so that whoever looks, and whoever cuts the power, finds the old tree or the
// new one. Files that didn't change, those beside the tree and foreign ones are
// linked, not copied; of the latter two, those that prune is true for go.
//
// The new tree is built in .<name>.new beside it and made durable, then the two
// folders change their names with each other in one system call.
func (d *Disk) Replace(name string, t Tree, old *State, prune func(path string) bool) error {
	next := "." + name + ".new"
	if err := d.clear(next); err != nil {
		return err
	}
	if err := d.build(name, next, t, old, prune); err != nil {
		// What the caller must know is why; the rest goes at the next run.
		_ = d.root.RemoveAll(next)
		return err
	}
	if err := d.swap(name, next); err != nil {
		_ = d.root.RemoveAll(next)
		return err
	}
	if err := d.SyncDir("."); err != nil {
		return fmt.Errorf("making %s durable: %w", d.dir, err)
	}
	return d.clear(next)
}

// Recover ends what a killed run left, keys among it: it says what it did, or
// nothing.
func (d *Disk) Recover(name string) (string, error) {
	next, previous, put := "."+name+".new", "."+name+".old", putName(name)
	// Only the two-step swap makes a previous tree. Without a tree under the
	// name itself, it died between its renames.
	if d.exists(previous) && !d.exists(name) {
		if err := d.root.Rename(previous, name); err != nil {
			return "", d.named(err)
		}
		return "an earlier run was ended while it replaced the tree: the previous tree is back", errors.Join(d.SyncDir("."), d.clear(next), d.clear(put))
	}
	if !d.exists(next) && !d.exists(previous) && !d.exists(put) {
		return "", nil
	}
	return "an earlier run was ended before it had cleaned up: removed what it left", errors.Join(d.clear(next), d.clear(previous), d.clear(put))
}

func (d *Disk) exists(name string) bool {
	_, err := d.root.Lstat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

func (d *Disk) clear(name string) error { return d.named(d.root.RemoveAll(name)) }

func (d *Disk) build(name, next string, t Tree, old *State, prune func(string) bool) error {
	place := func(e Entry) (bool, error) {
		was, ok := old.Ours.Get(e.Path)
		if !ok || !was.Same(e) {
			return false, nil
		}
		return d.link(path.Join(name, e.Path), path.Join(next, e.Path))
	}
	kept := slices.DeleteFunc(slices.Concat(old.foreign, old.beside), func(e Entry) bool { return prune(e.Path) })
	all, foreign, err := withForeign(t, kept)
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(d.dir, name), err)
	}
	staging := d.Staging()
	twins := map[string]string{} // where the first of equal blobs is
	err = stage(staging, next, all, func(e Entry) (bool, error) {
		if mode, ok := foreign[e.Path]; ok {
			return true, d.carry(path.Join(name, e.Path), path.Join(next, e.Path), mode)
		}
		placed, err := place(e)
		if e.Blob.Empty() || err != nil {
			return placed, err
		}
		// One program on every host is one file here.
		key, at := e.Blob.SHA256+e.Mode.String(), path.Join(next, e.Path)
		if first, ok := twins[key]; ok && !placed {
			return d.link(first, at)
		}
		twins[key] = at
		return placed, nil
	})
	if err := errors.Join(err, staging.Close()); err != nil {
		return err
	}
	return d.folderTimes(name, next, kept)
}

// folderTimes gives foreign folders their times back, which filling them took.
func (d *Disk) folderTimes(name, next string, kept []Entry) error {
	for _, e := range kept {
		if !e.Dir {
			continue
		}
		f, err := d.root.Open(path.Join(name, e.Path))
		if err != nil {
			return d.named(err)
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
// that aren't folders.
func withForeign(t Tree, kept []Entry) (Tree, map[string]fs.FileMode, error) {
	es := append([]Entry(nil), t.entries...)
	foreign := map[string]fs.FileMode{}
	for _, e := range kept {
		if ours, ok := t.Get(e.Path); ok {
			if ours.Dir && e.Dir {
				continue
			}
			return Tree{}, nil, fmt.Errorf("%s: %w", e.Path, ErrInTheWay)
		}
		if e.Dir {
			es = append(es, Entry{Path: e.Path, Dir: true, Mode: e.Mode.Perm()})
			continue
		}
		es = append(es, Entry{Path: e.Path})
		foreign[e.Path] = e.Mode
	}
	all, err := sorted(es) // what others call their files is their business
	return all, foreign, err
}

// link makes a second name for a file; false where that can't be had.
func (d *Disk) link(from, to string) (bool, error) {
	err := d.root.Link(from, to)
	if err != nil && cannotLink(err) {
		return false, nil
	}
	return err == nil, d.named(err)
}

// carry takes a foreign file along: linked, or copied where the file system or
// its owner doesn't let it be linked.
func (d *Disk) carry(from, to string, mode fs.FileMode) error {
	if ok, err := d.link(from, to); ok || err != nil {
		return err
	}
	switch {
	case mode&fs.ModeSymlink != 0:
		target, err := d.root.Readlink(from)
		if err != nil {
			return d.named(err)
		}
		return d.named(d.root.Symlink(target, to))
	case !mode.IsRegular():
		return fmt.Errorf("%s is a %s that kcmgen can't take along; move it away", filepath.Join(d.dir, from), mode.Type())
	}
	in, err := d.root.Open(from)
	if err != nil {
		return d.named(err)
	}
	defer in.Close()
	if fi, err := in.Stat(); err != nil || foreign(fi) {
		return errors.Join(d.named(err), fmt.Errorf("%s: %w", filepath.Join(d.dir, filepath.FromSlash(from)), ErrOthers))
	}
	out, err := d.Create(to, mode.Perm())
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = d.sameTime(in, to)
	}
	return errors.Join(err, settle([]pending{{to, out}}))
}

// sameTime gives a copy the time of what it was copied from.
func (d *Disk) sameTime(from fs.File, to string) error {
	fi, err := from.Stat()
	if err != nil {
		return d.named(err)
	}
	return d.named(d.root.Chtimes(to, time.Time{}, fi.ModTime()))
}

// swap gives next the name, and name's folder the name of next, where that is
// possible in one step. Otherwise two renames do it, which Recover takes back if
// the run dies between them; TwoRenames then says that it was so.
func (d *Disk) swap(name, next string) error {
	if !d.exists(name) {
		return d.named(d.root.Rename(next, name))
	}
	err := exchange(d.root, name, next)
	if !errors.Is(err, errors.ErrUnsupported) {
		return d.named(err)
	}
	d.twoRenames.Store(true)
	previous := "." + name + ".old"
	if err := d.clear(previous); err != nil {
		return err
	}
	if err := d.root.Rename(name, previous); err != nil {
		return d.named(err)
	}
	if err := d.root.Rename(next, name); err != nil {
		return errors.Join(d.named(err), d.named(d.root.Rename(previous, name)))
	}
	if err := d.SyncDir("."); err != nil {
		return err
	}
	return d.clear(previous)
}

// NotWritableError is a folder that trees can't be written to.
type NotWritableError struct {
	Dir string
	Err error
}

func (e *NotWritableError) Error() string { return "write to " + e.Dir + ": " + e.Err.Error() }

// Unwrap is the cause.
func (e *NotWritableError) Unwrap() error { return e.Err }

// Writable returns an error if trees can't be written below dir, before any
// work is done: it is read-only, or another user's, who could take the keys out
// of it, or this system has nothing to keep them in. dir may be missing if it
// can be made.
func Writable(dir string) error {
	refuse := func(err error) error { return &NotWritableError{dir, err} }
	if err := protects(); err != nil {
		return refuse(err)
	}
	fi, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := Writable(filepath.Dir(dir)); err != nil && !errors.Is(err, errForeign) {
			return err
		}
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return refuse(fmt.Errorf("%s is a file", filepath.Dir(dir)))
	case err != nil:
		return err
	case !fi.IsDir():
		return refuse(errors.New("it is a file"))
	}
	if err := mayWrite(dir); err != nil {
		return refuse(err)
	}
	if foreign(fi) {
		return refuse(errForeign)
	}
	return nil
}

var errForeign = errors.New("it belongs to another user, who could take the keys out of it")
