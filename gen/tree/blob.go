package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// Blob is the contents of a file that stays where it lies until they are
// written: a program of 70 MB, for every host.
type Blob struct {
	Path   string // on this machine
	Size   int64
	SHA256 string // in hex; what is read there has to have it
}

// Empty reports whether there is no blob.
func (b Blob) Empty() bool { return b.Path == "" }

// Size is the length of the contents.
func (e Entry) Size() int64 {
	if !e.Blob.Empty() {
		return e.Blob.Size
	}
	return int64(len(e.Bytes()))
}

// Sum is the SHA-256 of the contents, in hex.
func (e Entry) Sum() string {
	if !e.Blob.Empty() {
		return e.Blob.SHA256
	}
	sum := sha256.Sum256(e.Bytes())
	return hex.EncodeToString(sum[:])
}

// writeTo writes the contents.
func (e Entry) writeTo(w io.Writer) error {
	if e.Blob.Empty() {
		_, err := w.Write(e.Bytes())
		return err
	}
	return e.Blob.writeTo(w)
}

// writeTo copies the file, which may have changed since somebody looked: what
// was written is held to be the blob's own contents.
func (b Blob) writeTo(w io.Writer) error {
	f, err := os.Open(b.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	// A byte more than it should have tells of a file that grew. What w can read
	// in its own way, it does.
	if _, err := io.Copy(w, io.TeeReader(io.LimitReader(f, b.Size+1), sum)); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != b.SHA256 {
		return fmt.Errorf("%s: %w: its SHA-256 is %s, and was %s", b.Path, ErrBlobChanged, got, b.SHA256)
	}
	return nil
}

// ErrBlobChanged is a file that holds something else than the blob it was.
var ErrBlobChanged = errors.New("it changed while it was read")
