// Package kept keeps results between runs: small files in a directory of the user's cache,
// by key. A result that can't be read, was damaged, or was written by another user, is as
// good as none, and an error of the disk costs time only.
package kept

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Key is the SHA-256 of everything that a result depends on.
type Key = [sha256.Size]byte

// maxResult is the maximum size of a result in bytes.
const maxResult = 16 << 20

// leftoverAge is the age after which the file of a run that was killed is removed.
const leftoverAge = time.Hour

// Dir is a directory with results. It is safe for concurrent use, by several programs too.
type Dir struct {
	root *os.Root
	max  int64 // bytes of all files
	now  time.Time
	put  atomic.Bool
}

// Open opens a directory, and makes it if it is missing. max limits the size of all its
// files in bytes; now is the time of the run. It returns an error for a directory that
// other users may write to.
func Open(dir string, max int64, now time.Time) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	fi, err := root.Stat(".")
	if err == nil && !own(fi) {
		err = errors.New(dir + ": other users may write to it")
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Dir{root: root, max: max, now: now}, nil
}

// own reports whether a file is this user's, and no one else may write it.
func own(fi fs.FileInfo) bool {
	return !disk.HasModes || disk.Own(fi) && fi.Mode().Perm()&0o022 == 0
}

// Get returns the result with a key; nil if there is none.
func (d *Dir) Get(k Key) []byte {
	name := hex.EncodeToString(k[:])
	fi, err := d.root.Lstat(name)
	if err != nil || !fi.Mode().IsRegular() || !own(fi) {
		return nil
	}
	data, err := regular.ReadIn(d.root, name, maxResult+sha256.Size)
	if err != nil || len(data) < sha256.Size {
		return nil
	}
	sum, rest := data[:sha256.Size], data[sha256.Size:]
	if want := checksum(k, rest); !bytes.Equal(sum, want[:]) {
		return nil
	}
	if d.now.Sub(fi.ModTime()) > leftoverAge { // results that are used stay longest
		_ = d.root.Chtimes(name, d.now, d.now)
	}
	return rest
}

// checksum is over the key too: a file under another's name is no result.
func checksum(k Key, data []byte) [sha256.Size]byte {
	h := sha256.New()
	h.Write(k[:])
	h.Write(data)
	return [sha256.Size]byte(h.Sum(nil))
}

// Put keeps a result.
func (d *Dir) Put(k Key, data []byte) {
	if len(data) > maxResult {
		return
	}
	sum := checksum(k, data)
	name := hex.EncodeToString(k[:])
	tmp := "." + name[:16] + "." + rand.Text()
	f, err := d.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	_, err = f.Write(append(sum[:], data...))
	if err = errors.Join(err, f.Close()); err == nil {
		err = d.root.Rename(tmp, name)
	}
	if err != nil {
		_ = d.root.Remove(tmp)
		return
	}
	d.put.Store(true)
}

// Close closes the directory. If the run has put results, it removes the ones that were not
// used for longest until the rest fits into three quarters of the limit.
func (d *Dir) Close() error {
	if d.put.Load() {
		d.trim()
	}
	return d.root.Close()
}

func (d *Dir) trim() {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return
	}
	var all []fs.FileInfo
	var sum int64
	for _, e := range entries {
		fi, err := e.Info()
		switch {
		case err != nil || !fi.Mode().IsRegular():
		case e.Name()[0] == '.':
			if d.now.Sub(fi.ModTime()) > leftoverAge {
				_ = d.root.Remove(e.Name())
			}
		default:
			all = append(all, fi)
			sum += fi.Size()
		}
	}
	if sum <= d.max {
		return
	}
	slices.SortFunc(all, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, fi := range all {
		if sum <= d.max/4*3 {
			return
		}
		if d.root.Remove(fi.Name()) == nil {
			sum -= fi.Size()
		}
	}
}
