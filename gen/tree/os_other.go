//go:build !unix

package tree

import (
	"io/fs"
	"runtime"
)

// notFollowed is nothing that can be asked for here.
const notFollowed = 0

// protects: what is called a mode here says who may write, not who may read.
func protects() error { return &NoModesError{System: runtime.GOOS} }

// mayWrite finds out at the first write here.
func mayWrite(string) error { return nil }

// foreign is not told by modes here.
func foreign(fs.FileInfo) bool { return false }

// writeAtomic writes a file that is whole or isn't there.
func (d *Disk) writeAtomic(name string, data []byte, mode fs.FileMode) error {
	if err := d.root.WriteFile("."+name+".new", data, mode); err != nil {
		return err
	}
	return d.root.Rename("."+name+".new", name)
}

// cannotLink says that any failure to link is a reason to copy here.
func cannotLink(error) bool { return true }

// keepOwner is nothing here.
func keepOwner(string, fs.FileInfo) {}
