package outdir

import (
	"io"

	"github.com/kcmgen/kcmgen/gen/disk"
)

// Unlocked opens a directory that is there, and writes neither a lock nor a .gitignore.
func Unlocked(dir string) (*Dir, error) {
	d, err := disk.Open(dir)
	return &Dir{disk: d, unlock: func() {}}, err
}

// Put is put.
func (d *Dir) Put(name, file string, write func(io.Writer) error) error {
	return d.put(name, file, write)
}

// OpenFile is open.
func (d *Dir) OpenFile(name, file string) (io.ReadSeekCloser, error) { return d.open(name, file) }
