//go:build linux || darwin

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// exchange atomically exchanges the names of two directories. It returns
// errors.ErrUnsupported if the file system can't.
func exchange(root *os.Root, a, b string) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	err = swapNames(int(dir.Fd()), a, b)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		return fmt.Errorf("exchanging directories: %w", errors.ErrUnsupported)
	}
	return &fs.PathError{Op: "exchange", Path: a, Err: err}
}
