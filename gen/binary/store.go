// Package binary keeps checked programs in a cache directory: kube-controller-manager
// for each architecture. Every file is named by its SHA-256, which is checked before it
// is stored and each time it is used.
package binary

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// MaxSize is the default limit of a program's size, in bytes.
const MaxSize int64 = 1 << 30

// Store is the directory of checked programs.
type Store struct {
	Dir   string // made if missing
	Limit int64  // of a program's size, in bytes; 0 means MaxSize
}

// File is a checked program in the store.
type File struct {
	Path   string
	Size   int64
	SHA256 string
}

// Open opens a URL. The caller provides it: this package uses no network.
type Open func(ctx context.Context, url string) (io.ReadCloser, error)

// Have returns the program with a SHA-256, or ErrMissing. It removes a file whose
// checksum is wrong, and returns ErrMissing.
func (s Store) Have(arch, sum string) (File, error) {
	name := filepath.Join(s.Dir, sum)
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, fmt.Errorf("the program for %s (SHA-256 %s) %w", arch, sum, ErrMissing)
	}
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, f)
	if err != nil {
		return File{}, err
	}
	if hex.EncodeToString(hash.Sum(nil)) != sum {
		_ = os.Remove(name)
		return File{}, fmt.Errorf("the program for %s (SHA-256 %s) was corrupt in %s, and %w", arch, sum, s.Dir, ErrMissing)
	}
	// A cluster may name one checksum for two architectures.
	if err := check(f, arch); err != nil {
		return File{}, &ProgramError{name, arch, err}
	}
	return File{name, size, sum}, nil
}

// Fetch returns a program, and fetches it first if the store doesn't have it. It reports
// whether it was fetched. A URL needs a checksum, or Fetch returns ErrNoChecksum; a file
// doesn't. A file must exist even if the store has the program.
func (s Store) Fetch(ctx context.Context, arch string, d spec.Download, open Open) (f File, fetched bool, err error) {
	known := d.SHA256
	switch {
	case d.File != "":
		if known, err = hashOf(d.File); err != nil {
			return File{}, false, fetchError(d, err)
		}
	case known == "":
		return File{}, false, ErrNoChecksum
	}
	if d.SHA256 == "" || d.SHA256 == known {
		f, err = s.Have(arch, known)
		if err == nil || !errors.Is(err, ErrMissing) {
			return f, false, err
		}
	}
	var r io.ReadCloser
	if d.File != "" {
		r, err = openFile(d.File)
	} else {
		r, err = open(ctx, d.URL)
	}
	if err != nil {
		return File{}, false, fetchError(d, err)
	}
	defer r.Close()
	f, err = s.put(ctx, arch, d, r)
	return f, err == nil, err
}

// hashOf returns a file's SHA-256 in hex.
func hashOf(name string) (string, error) {
	f, err := openFile(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", cause(err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// openFile opens a regular file, and refuses others: a fifo would block.
func openFile(name string) (io.ReadCloser, error) {
	fi, err := os.Stat(name)
	if err == nil && !fi.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, cause(err)
	}
	f, err := os.Open(name)
	return f, cause(err)
}

// cause returns an error without its path, which FetchError adds.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// put writes r to a temporary file, checks it, and renames it to its final name. After
// an error it removes the file.
func (s Store) put(ctx context.Context, arch string, d spec.Download, r io.Reader) (_ File, err error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return File{}, err
	}
	s.sweep()
	tmp, err := os.CreateTemp(s.Dir, tempPrefix+"*")
	if err != nil {
		return File{}, err
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	hash := sha256.New()
	limit := cmp.Or(s.Limit, MaxSize)
	source := &reader{ctx: ctx, r: io.LimitReader(r, limit+1)}
	size, err := io.Copy(io.MultiWriter(tmp, hash), source)
	switch {
	case source.err != nil:
		return File{}, fetchError(d, source.err)
	case err != nil:
		return File{}, err
	case size > limit:
		return File{}, fetchError(d, fmt.Errorf("it is larger than %d bytes", limit))
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	if d.SHA256 != "" && sum != d.SHA256 {
		return File{}, &SumError{d.Origin(), d.SHA256, sum}
	}
	if err := check(tmp, arch); err != nil {
		return File{}, &ProgramError{d.Origin(), arch, err}
	}
	if err := tmp.Sync(); err != nil {
		return File{}, err
	}
	if err := tmp.Close(); err != nil {
		return File{}, err
	}
	// The directory isn't synced: losing the name to a power cut costs a download.
	name := filepath.Join(s.Dir, sum)
	return File{name, size, sum}, os.Rename(tmp.Name(), name)
}

const (
	tempPrefix = ".fetch-"
	tempAge    = time.Hour // since the last write
)

// sweep removes temporary files of killed runs: a running one keeps writing to its own.
func (s Store) sweep() {
	left, _ := filepath.Glob(filepath.Join(s.Dir, tempPrefix+"*"))
	for _, name := range left {
		if fi, err := os.Stat(name); err == nil && time.Since(fi.ModTime()) > tempAge {
			_ = os.Remove(name)
		}
	}
}

// reader fails when its context ends, and keeps the error to tell it from a write's.
type reader struct {
	ctx context.Context
	r   io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		r.err = err
		return 0, err
	}
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}
