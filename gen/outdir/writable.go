package outdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/kcmgen/kcmgen/gen/disk"
)

// NotWritableError is a directory that kcmgen can't, or must not, write trees to.
type NotWritableError struct {
	Dir string
	Err error
}

func (e *NotWritableError) Error() string { return "write to " + e.Dir + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *NotWritableError) Unwrap() error { return e.Err }

// Writable returns an error if trees can't be written below dir: if it is read-only, if
// it belongs to another user, who could read the keys, or if the system has no file
// modes. dir may be missing if it can be made.
func Writable(dir string) error {
	refuse := func(err error) error { return &NotWritableError{dir, err} }
	if !disk.HasModes {
		return refuse(&NoModesError{System: runtime.GOOS})
	}
	fi, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := Writable(filepath.Dir(dir)); err != nil && !errors.Is(err, errForeign) {
			return err
		}
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return refuse(fmt.Errorf("%s is a file", filepath.Dir(dir)))
	case err != nil:
		return err
	case !fi.IsDir():
		return refuse(errors.New("it is a file"))
	}
	if err := disk.MayWrite(dir); err != nil {
		return refuse(err)
	}
	if disk.Foreign(fi) {
		return refuse(errForeign)
	}
	return nil
}

var errForeign = errors.New("it belongs to another user, who could take the keys out of it")
