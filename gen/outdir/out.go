// Package outdir is the directory of the clusters' trees, out/ by default: what lies
// where in it, its lock, the manifest of a tree, the images and the reports of
// deployments beside it, and how a tree takes the place of the one before.
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

// ErrLocked is another run that holds the directory for longer than the wait.
var ErrLocked = errors.New("another kcmgen is writing to it")

// Open opens the directory dir, made if missing, and waits for the run that has
// it open, if there is one; waiting is called once before that. A directory whose
// file system keeps no modes is refused, and the others have a .gitignore before
// anything else is in them: what follows are private keys.
func Open(ctx context.Context, dir string, wait time.Duration, waiting func()) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, dir, wait, waiting)
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

// Clusters are the names of the trees in the directory: directories with a manifest.
func (d *Dir) Clusters() ([]string, error) {
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

// TwoRenames reports whether a tree was replaced by two renames, because the
// file system can't exchange two directories: for a moment there was none.
func (d *Dir) TwoRenames() bool { return d.twoRenames.Load() }

// Close releases the directory and its lock.
func (d *Dir) Close() error {
	defer d.unlock()
	return d.disk.Close()
}

// lock takes the lock file. The lock dies with its process, so none is ever stale.
func lock(ctx context.Context, dir string, wait time.Duration, waiting func()) (func(), error) {
	name := filepath.Join(dir, lockName)
	// A link may lead anywhere, and what it leads to is given a mode below.
	if fi, err := os.Lstat(name); err == nil && !fi.Mode().IsRegular() {
		return nil, noLock(dir)
	}
	got := make(chan locked, 1)
	go func() {
		f, err := lockedfile.OpenFile(name, os.O_RDWR|os.O_CREATE|disk.NotFollowed, lockMode)
		got <- locked{f, err}
	}()
	say, end := time.NewTimer(min(wait, 200*time.Millisecond)), time.NewTimer(wait)
	defer say.Stop()
	defer end.Stop()
	for {
		select {
		case r := <-got:
			if r.err == nil {
				r.err = keepsModes(dir, r.f)
			}
			if r.err != nil {
				giveBack(r)
				return nil, r.err
			}
			return func() { giveBack(r) }, nil
		case <-say.C:
			waiting()
		case <-end.C:
			go func() { giveBack(<-got) }()
			return nil, fmt.Errorf("%s: %w", name, ErrLocked)
		case <-ctx.Done():
			go func() { giveBack(<-got) }()
			return nil, ctx.Err()
		}
	}
}

// noLock is the error of a lock file that is none.
func noLock(dir string) error {
	return &NotWritableError{dir, fmt.Errorf("%s in it is no regular file: look at it, and remove it", lockName)}
}

type locked struct {
	f   *lockedfile.File
	err error
}

// giveBack releases a lock, which may come after its waiter has gone.
func giveBack(r locked) {
	if r.f != nil {
		_ = r.f.Close()
	}
}

const ignoreName = ".gitignore"

// ignore keeps the directory out of git.
func (d *Dir) ignore() error {
	// What a killed run left of its own writing. Nobody else has the lock.
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
		return d.disk.WriteAtomic(ignoreName, []byte("# Private keys lie below: nothing here belongs into git.\n*\n"), 0o644)
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

// ignoresAll reports whether a .gitignore keeps everything out: the last line
// that speaks of it decides.
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
