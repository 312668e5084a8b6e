package outdir

import (
	"io"

	"github.com/kcmgen/kcmgen/gen/disk"
)

// Unlocked opens an existing directory without a lock or a .gitignore.
func Unlocked(dir string) (*Dir, error) {
	d, err := disk.Open(dir)
	return &Dir{disk: d, unlock: func() {}}, err
}

// Put exports put.
func (d *Dir) Put(name, file string, write func(io.Writer) error) error {
	return d.put(name, file, write)
}

// OpenFile exports open.
func (d *Dir) OpenFile(name, file string) (io.ReadSeekCloser, error) { return d.open(name, file) }
