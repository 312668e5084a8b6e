package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// Blob is contents that stay in a file until they are written, such as a program of
// 70 MB.
type Blob struct {
	Path   string // on this machine
	Size   int64  // in bytes
	SHA256 string // in hex; checked when the file is read
}

// Empty reports whether there is no blob.
func (b Blob) Empty() bool { return b.Path == "" }

// Size returns the length of the contents in bytes.
func (e Entry) Size() int64 {
	if !e.Blob.Empty() {
		return e.Blob.Size
	}
	return int64(len(e.Bytes()))
}

// Sum returns the SHA-256 of the contents in hex.
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

// writeTo copies the file. It returns ErrBlobChanged if the file no longer has the
// blob's checksum.
func (b Blob) writeTo(w io.Writer) error {
	f, err := os.Open(b.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	// One byte more than the size detects a file that grew.
	if _, err := io.Copy(w, io.TeeReader(io.LimitReader(f, b.Size+1), sum)); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != b.SHA256 {
		return fmt.Errorf("%s: %w: its SHA-256 is %s, and was %s", b.Path, ErrBlobChanged, got, b.SHA256)
	}
	return nil
}

// ErrBlobChanged means that a blob's file no longer has its checksum.
var ErrBlobChanged = errors.New("it changed while it was read")
