// Package regular reads regular files of a limited size, and refuses others. It is for
// files that users name or others put there: reading a fifo would block, and reading a
// device may never end.
package regular

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
)

// ErrNotRegular is a directory, a fifo, a socket or a device where a file was expected,
// also through a symbolic link.
var ErrNotRegular = errors.New("it is no regular file")

// SizeError is a file that is larger than the limit. Sizes are in bytes.
type SizeError struct{ Size, Max int64 }

func (e *SizeError) Error() string {
	if e.Max < 1<<20 {
		return fmt.Sprintf("file is too large: %d bytes, at most %d", e.Size, e.Max)
	}
	return fmt.Sprintf("file is too large: %d MB, at most %d", e.Size>>20, e.Max>>20)
}

// Check returns an error unless name is a regular file of at most max bytes, or a link
// to one. It doesn't open it, because opening a device may have effects.
func Check(name string, max int64) (fs.FileInfo, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	return fi, fit(name, fi, max)
}

func fit(name string, fi fs.FileInfo, max int64) error {
	switch {
	case !fi.Mode().IsRegular():
		return &fs.PathError{Op: "read", Path: name, Err: ErrNotRegular}
	case fi.Size() > max:
		return &fs.PathError{Op: "read", Path: name, Err: &SizeError{fi.Size(), max}}
	}
	return nil
}

// Open opens a regular file of at most max bytes. The file may be replaced after the
// check, so it is opened without blocking and checked again.
func Open(name string, max int64) (*os.File, error) {
	f, _, err := open(name, max)
	return f, err
}

func open(name string, max int64) (*os.File, int64, error) {
	if _, err := Check(name, max); err != nil {
		return nil, 0, err
	}
	return checked(name, max)(os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0))
}

// checked returns an open file that fits, and its size.
func checked(name string, max int64) func(*os.File, error) (*os.File, int64, error) {
	return func(f *os.File, err error) (*os.File, int64, error) {
		if err != nil {
			return nil, 0, err
		}
		fi, err := f.Stat()
		if err == nil {
			err = fit(name, fi, max)
		}
		if err != nil {
			_ = f.Close()
			return nil, 0, err
		}
		return f, fi.Size(), nil
	}
}

// Read returns the contents of a regular file of at most max bytes.
func Read(name string, max int64) ([]byte, error) {
	f, size, err := open(name, max)
	if err != nil {
		return nil, err
	}
	return readAll(f, name, size, max)
}

// ReadIn is Read for a name in a root. Links can't lead out of it.
func ReadIn(root *os.Root, name string, max int64) ([]byte, error) {
	fi, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	return ReadListed(root, name, fi, max)
}

// ReadListed is ReadIn for a name that was just found to be fi, which saves a look at it.
func ReadListed(root *os.Root, name string, fi fs.FileInfo, max int64) ([]byte, error) {
	if err := fit(name, fi, max); err != nil {
		return nil, err
	}
	f, size, err := checked(name, max)(root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0))
	if err != nil {
		return nil, err
	}
	return readAll(f, name, size, max)
}

// readAll reads a file to its end and closes it. It checks the size again: some files
// grow, or have an unknown size, which the system says is 0.
func readAll(f *os.File, name string, size, max int64) ([]byte, error) {
	defer f.Close()
	data := make([]byte, 0, size+bytes.MinRead) // one allocation and one read, if the size stays
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > max:
			return nil, &fs.PathError{Op: "read", Path: name, Err: &SizeError{int64(len(data)), max}}
		case errors.Is(err, io.EOF) || err == nil && size > 0 && int64(len(data)) == size:
			return data, nil
		case err != nil:
			return nil, err
		case len(data) == cap(data):
			data = append(data, make([]byte, len(data))...)[:len(data)]
		}
	}
}

// SumError is a file that exceeds the total limit of a Budget, in bytes.
type SumError struct{ Max int64 }

func (e *SumError) Error() string {
	return fmt.Sprintf("with it, all files together are too large: at most %d MB are read", e.Max>>20)
}

// Budget limits the size of each of many files, and of all together. A file that is
// read again counts once. It is safe for concurrent use.
type Budget struct {
	file, sum int64

	mu   sync.Mutex
	read map[string]int64
	left int64
}

// NewBudget returns a budget with limits in bytes: file for each file, sum for all.
func NewBudget(file, sum int64) *Budget {
	return &Budget{file: file, sum: sum, left: sum, read: map[string]int64{}}
}

// File returns the limit of each file in bytes.
func (b *Budget) File() int64 { return b.file }

// Read is Read within the budget.
func (b *Budget) Read(name string) ([]byte, error) {
	return b.Count(name, func() ([]byte, error) { return Read(name, b.file) })
}

// Count calls read for the file name and charges its size to the budget. It returns a
// SumError if that exceeds the budget.
func (b *Budget) Count(name string, read func() ([]byte, error)) ([]byte, error) {
	data, err := read()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	more := int64(len(data)) - b.read[name]
	if more > b.left {
		return nil, &fs.PathError{Op: "read", Path: name, Err: &SumError{b.sum}}
	}
	if more > 0 {
		b.left -= more
		b.read[name] += more
	}
	return data, nil
}
