//go:build unix

package tree

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// mayWrite returns an error if this process can't make entries in a folder.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// foreign reports whether a folder belongs to another user than this one.
func foreign(fi fs.FileInfo) bool {
	me := os.Geteuid()
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && me != 0 && int(st.Uid) != me
}

// writeAtomic writes a file that is whole or isn't there.
func writeAtomic(name string, data []byte, mode fs.FileMode) error {
	return renameio.WriteFile(name, data, mode, renameio.IgnoreUmask())
}
