package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// Out is the folder of all clusters' trees, locked for one run.
type Out struct {
	*Disk
	unlock func()
}

const lockName = ".kcmgen.lock"

// ErrLocked is another run that holds the folder for longer than the wait.
var ErrLocked = errors.New("another kcmgen is writing to it")

// OpenOut opens the folder dir, made if missing, and waits for the run that has
// it open, if there is one; waiting is called once before that. A folder whose
// file system keeps no modes is refused, and the others have a .gitignore before
// anything else is in them: what follows are private keys.
func OpenOut(ctx context.Context, dir string, wait time.Duration, waiting func()) (*Out, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, dir, wait, waiting)
	if err != nil {
		return nil, err
	}
	d, err := OpenDisk(dir)
	if err != nil {
		unlock()
		return nil, err
	}
	out := &Out{d, unlock}
	if err := d.ignore(); err != nil {
		_ = out.Close()
		return nil, err
	}
	return out, nil
}

// Clusters are the names of the trees in the folder: folders with a manifest.
func (o *Out) Clusters() ([]string, error) {
	entries, err := fs.ReadDir(o.root.FS(), ".")
	if err != nil {
		return nil, o.named(err)
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] != '.' && o.exists(path.Join(e.Name(), ManifestName)) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Close releases the folder and its lock.
func (o *Out) Close() error {
	defer o.unlock()
	return o.Disk.Close()
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
		f, err := lockedfile.OpenFile(name, os.O_RDWR|os.O_CREATE|notFollowed, lockMode)
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

// ignore keeps the folder out of git.
func (d *Disk) ignore() error {
	// What a killed run left of its own writing. Nobody else has the lock.
	left, err := fs.Glob(d.root.FS(), "."+ignoreName+"*")
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := d.clear(name); err != nil {
			return err
		}
	}
	if !d.exists(ignoreName) {
		return d.named(d.writeAtomic(ignoreName, []byte("# Private keys lie below: nothing here belongs into git.\n*\n"), 0o644))
	}
	data, err := d.readRegular(ignoreName)
	if err != nil {
		return err
	}
	if !ignoresAll(string(data)) {
		return fmt.Errorf("%s lets files below it into git, private keys too: give it a line * at the end", filepath.Join(d.dir, ignoreName))
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
