package tree

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"
)

// FS is where a tree is staged: a disk, or a host over SFTP. Names are relative to its
// root, with slashes. Every implementation must pass the suite in treetest.
type FS interface {
	// Mkdir makes a new directory with exactly this mode.
	Mkdir(name string, mode fs.FileMode) error
	// Create makes a new file with exactly this mode before its first byte, and
	// follows no symbolic link.
	Create(name string, mode fs.FileMode) (File, error)
	// SyncDir makes the entries of a directory durable.
	SyncDir(name string) error
}

// File is a file being written.
type File interface {
	io.Writer
	Sync() error
	Close() error
}

// Modes of directories that a tree needs but doesn't name: SecretMode for those that
// hold a secret, otherwise ImpliedMode, which is safe to copy to a host.
const (
	ImpliedMode fs.FileMode = 0o755
	SecretMode  fs.FileMode = 0o700
)

// Stage writes a tree into the new directory dir and makes all of it durable. It
// returns the first error with its path; the caller may then remove what was staged.
func Stage(fsys FS, dir string, t Tree) error {
	return StagePlacing(fsys, dir, t, func(Entry) (bool, error) { return false, nil })
}

// StagePlacing is Stage, except that it skips files for which place returns true, because
// place put them there by other means.
func StagePlacing(fsys FS, dir string, t Tree, place func(Entry) (bool, error)) error {
	if err := fsys.Mkdir(dir, SecretMode); err != nil {
		return err
	}
	dirs := []string{dir}
	for _, d := range directories(t) {
		if err := fsys.Mkdir(path.Join(dir, d.Path), d.Mode); err != nil {
			return err
		}
		dirs = append(dirs, path.Join(dir, d.Path))
	}
	files := func(write func(Entry) error) error {
		for _, e := range t.entries {
			if e.Dir {
				continue
			}
			if placed, err := place(e); placed || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if err := write(e); err != nil {
				return err
			}
		}
		return nil
	}
	write := inTurn
	if n := parallel(fsys); n > 1 {
		write = func(fsys FS, dir string, files eachFile) error { return atOnce(fsys, dir, files, n) }
	}
	if err := write(fsys, dir, files); err != nil {
		return err
	}
	// Deepest first: a directory is durable when its children are.
	slices.Reverse(dirs)
	for _, d := range dirs {
		if err := fsys.SyncDir(d); err != nil {
			return fmt.Errorf("making %s durable: %w", d, err)
		}
	}
	return nil
}

// eachFile calls write for each file to write, until an error.
type eachFile func(write func(Entry) error) error

// parallel returns how many files to write at once: one on a disk, many on a host,
// where the round trip takes most of the time.
func parallel(fsys FS) int {
	if p, ok := fsys.(interface{ Parallel() int }); ok {
		return p.Parallel()
	}
	return 1
}

// atOnce writes n files at a time.
func atOnce(fsys FS, dir string, files eachFile, n int) error {
	var mu sync.Mutex
	var first error
	failed := func() error {
		mu.Lock()
		defer mu.Unlock()
		return first
	}
	free := make(chan struct{}, n)
	var all sync.WaitGroup
	err := files(func(e Entry) error {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			p, err := write(fsys, path.Join(dir, e.Path), e)
			if err == nil {
				err = settle([]pending{p})
			}
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = err
			}
		})
		return failed()
	})
	all.Wait()
	if err == nil {
		err = failed()
	}
	return err
}

// inTurn writes one file after the other, and syncs many together.
func inTurn(fsys FS, dir string, files eachFile) error {
	var open []pending
	defer func() {
		for _, p := range open {
			_ = p.file.Close()
		}
	}()
	batch := func() error {
		full := open
		open = nil
		return settle(full)
	}
	err := files(func(e Entry) error {
		p, err := write(fsys, path.Join(dir, e.Path), e)
		if err != nil {
			return err
		}
		if open = append(open, p); len(open) == maxOpen {
			return batch()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return batch()
}

// maxOpen is the number of files that are synced together, so that a journal commits
// them together.
const maxOpen = 128

type pending struct {
	name string
	file File
}

func write(fsys FS, name string, e Entry) (pending, error) {
	f, err := fsys.Create(name, e.Mode)
	if err != nil {
		return pending{}, err
	}
	if err := e.writeTo(f); err != nil {
		_ = f.Close()
		return pending{}, fmt.Errorf("writing %s: %w", name, err)
	}
	return pending{name, f}, nil
}

// Settle makes a file durable and closes it.
func Settle(name string, f File) error { return settle([]pending{{name, f}}) }

// settle syncs and closes all files, also after an error, and returns the first error.
func settle(files []pending) error {
	var first error
	for _, p := range files {
		err := p.file.Sync()
		if cerr := p.file.Close(); err == nil {
			err = cerr
		}
		if err != nil && first == nil {
			first = fmt.Errorf("making %s durable: %w", p.name, err)
		}
	}
	return first
}

// directories returns all directories of a tree, parents first: those that it names,
// and those that it needs.
func directories(t Tree) []Entry {
	seen := map[string]Entry{}
	for _, e := range t.entries {
		for d := path.Dir(e.Path); d != "."; d = path.Dir(d) {
			if _, ok := seen[d]; !ok {
				seen[d] = Entry{Path: d, Mode: ImpliedMode, Dir: true}
			}
		}
		if d := path.Dir(e.Path); d != "." && e.IsSecret() {
			seen[d] = Entry{Path: d, Mode: SecretMode, Dir: true}
		}
	}
	for _, e := range t.entries {
		if e.Dir { // an explicit mode wins
			seen[e.Path] = e
		}
	}
	out := make([]Entry, 0, len(seen))
	for _, e := range seen {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	return out
}
