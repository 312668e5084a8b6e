// Package outdir manages the directory of the clusters' trees, out/ by default: its
// lock, reading a tree and its manifest, replacing a tree, and the images and reports of
// deployments in a cluster's directory.
package outdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
)

// Dir is the directory of all clusters' trees, locked for one run.
type Dir struct {
	disk       *disk.Disk
	unlock     func()
	twoRenames atomic.Bool
}

const lockName = ".kcmgen.lock"

// ErrLocked means that another run held the lock for longer than the wait.
var ErrLocked = errors.New("another kcmgen is writing to it")

// Open opens and locks the directory dir, and makes it if missing. If another run has
// the lock, it calls waiting once and waits. Because private keys follow, it refuses a
// file system without modes, and writes a .gitignore first.
func Open(ctx context.Context, dir string, wait time.Duration, waiting func()) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, dir, wait, waiting, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	d, err := disk.Open(dir)
	if err != nil {
		unlock()
		return nil, err
	}
	out := &Dir{disk: d, unlock: unlock}
	if err := out.ignore(); err != nil {
		_ = out.Close()
		return nil, err
	}
	return out, nil
}

// OpenRead opens the directory dir for reading and changes nothing: it makes neither the
// directory nor the lock. A missing directory reads as an empty one. It waits as Open does
// for a run that writes.
func OpenRead(ctx context.Context, dir string, wait time.Duration, waiting func()) (*Dir, error) {
	d, err := disk.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Dir{unlock: func() {}}, nil
	}
	if err != nil {
		return nil, err
	}
	unlock := func() {}
	if d.Exists(lockName) { // without it no run has written here yet
		if unlock, err = lock(ctx, dir, wait, waiting, os.O_RDONLY); err != nil {
			return nil, errors.Join(err, d.Close())
		}
	}
	return &Dir{disk: d, unlock: unlock}, nil
}

// missing reports whether the directory isn't there; only OpenRead opens such a one.
func (d *Dir) missing() bool { return d.disk == nil }

// Clusters returns the names of the trees: directories with a manifest.
func (d *Dir) Clusters() ([]string, error) {
	if d.missing() {
		return nil, nil
	}
	entries, err := fs.ReadDir(d.disk.Root().FS(), ".")
	if err != nil {
		return nil, d.disk.Named(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] != '.' && d.disk.Exists(path.Join(e.Name(), layout.Manifest)) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// TwoRenames reports whether a tree was replaced by two renames, because the file
// system can't exchange two directories. Between them there was no tree.
func (d *Dir) TwoRenames() bool { return d.twoRenames.Load() }

// Close releases the directory and its lock.
func (d *Dir) Close() error {
	defer d.unlock()
	if d.missing() {
		return nil
	}
	return d.disk.Close()
}

// lock takes the lock: with os.O_RDONLY together with other readers, else alone. The system
// releases it with the process, so it is never stale.
func lock(ctx context.Context, dir string, wait time.Duration, waiting func(), flag int) (func(), error) {
	name := filepath.Join(dir, lockName)
	// Never follow a link: the mode of the file is changed below.
	if fi, err := os.Lstat(name); err == nil && !fi.Mode().IsRegular() {
		return nil, noLock(dir)
	}
	got := make(chan locked, 1)
	go func() {
		f, err := lockedfile.OpenFile(name, flag|disk.NotFollowed, lockMode)
		got <- locked{f, err}
	}()
	report, end := time.NewTimer(min(wait, 200*time.Millisecond)), time.NewTimer(wait)
	defer report.Stop()
	defer end.Stop()
	for {
		select {
		case r := <-got:
			if r.err == nil && flag != os.O_RDONLY {
				r.err = keepsModes(dir, r.f)
			}
			if r.err != nil {
				release(r)
				return nil, r.err
			}
			return func() { release(r) }, nil
		case <-report.C:
			waiting()
		case <-end.C:
			go func() { release(<-got) }()
			return nil, fmt.Errorf("%s: %w", name, ErrLocked)
		case <-ctx.Done():
			go func() { release(<-got) }()
			return nil, ctx.Err()
		}
	}
}

// noLock returns the error for a lock file that isn't a regular file.
func noLock(dir string) error {
	return &NotWritableError{dir, fmt.Errorf("%s in it is no regular file: look at it, and remove it", lockName)}
}

type locked struct {
	f   *lockedfile.File
	err error
}

// release releases a lock, also one that arrives after the wait has ended.
func release(r locked) {
	if r.f != nil {
		_ = r.f.Close()
	}
}

const ignoreName = ".gitignore"

// ignore keeps the directory out of git.
func (d *Dir) ignore() error {
	// Temporary files of a killed run. This run holds the lock, so they aren't in use.
	left, err := fs.Glob(d.disk.Root().FS(), "."+ignoreName+"*")
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := d.disk.Clear(name); err != nil {
			return err
		}
	}
	if !d.disk.Exists(ignoreName) {
		return d.disk.WriteAtomic(ignoreName, []byte("# Private keys lie below: nothing here belongs in git.\n*\n"), 0o644)
	}
	data, err := d.readRegular(ignoreName)
	if err != nil {
		return err
	}
	if !ignoresAll(string(data)) {
		return fmt.Errorf("%s lets files below it into git, private keys too: give it a line * at the end", filepath.Join(d.disk.Dir(), ignoreName))
	}
	return nil
}

// ignoresAll reports whether a .gitignore ignores everything. The last matching line
// decides.
func ignoresAll(text string) bool {
	all := false
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case line == "*":
			all = true
		case strings.HasPrefix(line, "!") && line != "!.gitignore":
			all = false
		}
	}
	return all
}
