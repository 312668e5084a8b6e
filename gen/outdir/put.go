package outdir

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// putName returns the temporary name of a file for a cluster's directory.
func putName(name string) string { return "." + name + ".put" }

// put atomically writes a file that no manifest lists into the directory name. Only its
// owner can read it. Directories above it are made once it is written.
func (d *Dir) put(name, file string, write func(io.Writer) error) error {
	next := putName(name)
	if err := d.disk.Clear(next); err != nil {
		return err
	}
	if err := d.fill(next, write); err != nil {
		return errors.Join(err, d.disk.Clear(next))
	}
	at := path.Join(name, file)
	if err := d.parents(at); err != nil {
		return errors.Join(err, d.disk.Clear(next))
	}
	if err := d.disk.Root().Rename(next, at); err != nil {
		return errors.Join(d.disk.Named(err), d.disk.Clear(next))
	}
	return d.disk.SyncDir(path.Dir(at))
}

// open opens a file of the directory name for reading.
func (d *Dir) open(name, file string) (io.ReadSeekCloser, error) {
	f, err := d.disk.Root().Open(path.Join(name, file))
	if err != nil {
		return nil, d.disk.Named(err)
	}
	return f, nil
}

func (d *Dir) fill(next string, write func(io.Writer) error) error {
	f, err := d.disk.Create(next, 0o600)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close()
		return err
	}
	return tree.Settle(next, f)
}

// parents makes the directories above a file, with the modes that tree.Stage uses.
func (d *Dir) parents(at string) error {
	dir, mode := "", tree.SecretMode
	for part := range strings.SplitSeq(path.Dir(at), "/") {
		dir = path.Join(dir, part)
		if err := d.disk.Mkdir(dir, mode); err == nil {
			if err := d.disk.SyncDir(path.Dir(dir)); err != nil {
				return err
			}
		} else if !errors.Is(err, fs.ErrExist) {
			return err
		}
		mode = tree.ImpliedMode
	}
	return nil
}
