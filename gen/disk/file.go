package disk

import (
	"io/fs"
	"os"
	"path/filepath"
)

// ReplaceFile gives a single file new contents: whoever looks sees the old ones
// or the new. A symbolic link stays one; what it leads to is replaced. The owner
// stays where the system lets it.
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
