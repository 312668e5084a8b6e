package disk

import (
	"io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile atomically replaces the contents of a file. It follows a symbolic link.
// The owner stays if the system permits.
func ReplaceFile(name string, data []byte, mode fs.FileMode) (err error) {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	d, err := Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() {
		if cerr := d.Close(); err == nil {
			err = cerr
		}
	}()
	was, statErr := os.Stat(name)
	if err := d.writeAtomic(filepath.Base(name), data, mode); err != nil {
		return d.named(err)
	}
	if statErr == nil {
		keepOwner(name, was)
	}
	return nil
}
