package tree

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
)

// putName is where a file for a folder is written before it has its name.
func putName(name string) string { return "." + name + ".put" }

// Put writes one file of the folder name, readable for its owner only, that no
// manifest lists: whole, or not at all. Folders above it are made once it is
// written.
func (d *Disk) Put(name, file string, write func(io.Writer) error) error {
	next := putName(name)
	if err := d.clear(next); err != nil {
		return err
	}
	if err := d.put(next, write); err != nil {
		return errors.Join(err, d.clear(next))
	}
	at := path.Join(name, file)
	if err := d.parents(at); err != nil {
		return errors.Join(err, d.clear(next))
	}
	if err := d.root.Rename(next, at); err != nil {
		return errors.Join(d.named(err), d.clear(next))
	}
	return d.SyncDir(path.Dir(at))
}

// Open opens a file of the folder name, to read it.
func (d *Disk) Open(name, file string) (io.ReadSeekCloser, error) {
	f, err := d.root.Open(path.Join(name, file))
	if err != nil {
		return nil, d.named(err)
	}
	return f, nil
}

func (d *Disk) put(next string, write func(io.Writer) error) error {
	f, err := d.Create(next, 0o600)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return err
	}
	return settle([]pending{{next, f}})
}

// parents makes the folders above a file, as Stage would.
func (d *Disk) parents(at string) error {
	dir, mode := "", secretMode
	for part := range strings.SplitSeq(path.Dir(at), "/") {
		dir = path.Join(dir, part)
		if err := d.Mkdir(dir, mode); err == nil {
			if err := d.SyncDir(path.Dir(dir)); err != nil {
				return err
			}
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
		mode = impliedMode
	}
	return nil
}
