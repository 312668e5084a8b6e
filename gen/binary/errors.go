package binary

import (
	"errors"
	"fmt"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// ErrMissing is a program that isn't in the store.
var ErrMissing = errors.New("is not in the store")

// ErrNoChecksum is a URL without a checksum.
var ErrNoChecksum = errors.New("it has no sha256: what comes from its URL can't be checked")

// FetchError is a source that can't be read completely.
type FetchError struct {
	Origin string
	File   bool // the source is a file, not a URL
	Err    error
}

func (e *FetchError) Error() string {
	if e.File {
		return fmt.Sprintf("reading %s: %v", e.Origin, e.Err)
	}
	return fmt.Sprintf("fetching %s: %v", e.Origin, e.Err)
}

func fetchError(d spec.Download, err error) error {
	return &FetchError{d.Origin(), d.File != "", err}
}

// Unwrap returns the cause.
func (e *FetchError) Unwrap() error { return e.Err }

// SumError is a file with another checksum than the cluster names.
type SumError struct{ Origin, Want, Got string }

func (e *SumError) Error() string {
	return fmt.Sprintf("%s has SHA-256 %s, the cluster says %s", e.Origin, e.Got, e.Want)
}

// ProgramError is a file that isn't a program for its architecture.
type ProgramError struct {
	Origin, Arch string
	Err          error
}

func (e *ProgramError) Error() string {
	return fmt.Sprintf("%s is no program for %s: %v", e.Origin, e.Arch, e.Err)
}

// Unwrap returns the cause.
func (e *ProgramError) Unwrap() error { return e.Err }

// DynamicError is a program that is linked dynamically.
type DynamicError struct{ Origin, Interpreter string }

func (e *DynamicError) Error() string {
	return fmt.Sprintf("%s is linked dynamically: it needs %s, which an image from scratch doesn't have", e.Origin, e.Interpreter)
}
