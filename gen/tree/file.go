package tree

import (
	"io/fs"
	"path/filepath"
)

// ReplaceFile gives a single file new contents: whoever looks sees the old ones
// or the new. A symbolic link stays one; what it leads to is replaced.
func ReplaceFile(name string, data []byte, mode fs.FileMode) (err error) {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	d, err := OpenDisk(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer func() {
		if cerr := d.Close(); err == nil {
			err = cerr
		}
	}()
	return d.named(d.writeAtomic(filepath.Base(name), data, mode))
}
