package tree

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
// it open, if there is one; waiting is called once before that. The folder has
// a .gitignore before anything else is in it: what follows are private keys.
func OpenOut(ctx context.Context, dir string, wait time.Duration, waiting func()) (*Out, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, dir, wait, waiting)
	if err != nil {
		return nil, err
	}
	if err := ignore(dir); err != nil {
		unlock()
		return nil, err
	}
	d, err := OpenDisk(dir)
	if err != nil {
		unlock()
		return nil, err
	}
	return &Out{d, unlock}, nil
}

// Close releases the folder and its lock.
func (o *Out) Close() error {
	defer o.unlock()
	return o.Disk.Close()
}

// lock takes the lock file. The lock dies with its process, so none is ever stale.
func lock(ctx context.Context, dir string, wait time.Duration, waiting func()) (func(), error) {
	name := filepath.Join(dir, lockName)
	type result struct {
		f   *lockedfile.File
		err error
	}
	got := make(chan result, 1)
	go func() {
		f, err := lockedfile.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
		got <- result{f, err}
	}()
	say, end := time.NewTimer(min(wait, 200*time.Millisecond)), time.NewTimer(wait)
	defer say.Stop()
	defer end.Stop()
	for {
		select {
		case r := <-got:
			if r.err != nil {
				return nil, r.err
			}
			return func() { _ = r.f.Close() }, nil
		case <-say.C:
			waiting()
		case <-end.C:
			return nil, fmt.Errorf("%s: %w", name, ErrLocked)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// ignore keeps the folder out of git.
func ignore(dir string) error {
	name := filepath.Join(dir, ".gitignore")
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return writeAtomic(name, []byte("# Private keys lie below: nothing here belongs into git.\n*\n"), 0o644)
	}
	if err != nil {
		return err
	}
	if !slices.Contains(strings.Fields(string(data)), "*") {
		return fmt.Errorf("%s lets files below it into git, private keys too: add a line *", name)
	}
	return nil
}
