//go:build !unix

package tree

import (
	"io/fs"
	"os"
)

// mayWrite finds out at the first write here.
func mayWrite(string) error { return nil }

// foreign is not told by modes here.
func foreign(fs.FileInfo) bool { return false }

// writeAtomic writes a file that is whole or isn't there.
func writeAtomic(name string, data []byte, mode fs.FileMode) error {
	if err := os.WriteFile(name+".new", data, mode); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}
