//go:build !unix

package disk

import (
	"io/fs"
)

// NotFollowed is nothing that can be asked for here.
const NotFollowed = 0

// HasModes is false: what is called a mode here says who may write, not who may read.
const HasModes = false

// MayWrite finds out at the first write here.
func MayWrite(string) error { return nil }

// Foreign is not told by modes here.
func Foreign(fs.FileInfo) bool { return false }

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
