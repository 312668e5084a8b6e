//go:build !unix

package disk

import (
	"errors"
	"io/fs"
)

// NotFollowed has no effect on this system.
const NotFollowed = 0

// HasModes is false: modes on this system don't restrict reading.
const HasModes = false

// MayWrite returns nil: on this system only a write shows it.
func MayWrite(string) error { return nil }

// Foreign returns false: on this system file info has no owner.
func Foreign(fs.FileInfo) bool { return false }

// Own returns true: a file has no owner.
func Own(fs.FileInfo) bool { return true }

// ID can't identify the contents of a file here.
func ID(string) (string, error) { return "", errors.ErrUnsupported }

func (d *Disk) writeAtomic(name string, data []byte, mode fs.FileMode) error {
	if err := d.root.WriteFile("."+name+".new", data, mode); err != nil {
		return err
	}
	return d.root.Rename("."+name+".new", name)
}

// cannotLink returns true: on this system any failure to link is a reason to copy.
func cannotLink(error) bool { return true }

// keepOwner does nothing on this system.
func keepOwner(string, fs.FileInfo) {}
