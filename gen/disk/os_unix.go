//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// NotFollowed has a file opened as itself, be it a link, and without waiting for it.
const NotFollowed = unix.O_NOFOLLOW | unix.O_NONBLOCK

// HasModes says that file modes keep keys to their owner here.
const HasModes = true

// MayWrite returns an error if this process can't make entries in a directory.
func MayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// Foreign reports whether a file or directory belongs to another user than this one.
func Foreign(fi fs.FileInfo) bool {
	me := os.Geteuid()
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && me != 0 && int(st.Uid) != me
}

func (d *Disk) writeAtomic(name string, data []byte, mode fs.FileMode) error {
	return renameio.WriteFile(name, data, mode, renameio.IgnoreUmask(), renameio.WithRoot(d.root))
}

// cannotLink reports whether a file can't be given a second name for a reason
// that copying it gets around: another file system, too many names, one that has
// no links, or a file of somebody else's.
func cannotLink(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EXDEV, syscall.EMLINK, syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// keepOwner gives a file the owner that it had: root writes for others too.
func keepOwner(name string, was fs.FileInfo) {
	if st, ok := was.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		_ = os.Lchown(name, int(st.Uid), int(st.Gid)) // it is written; whose it is comes second
	}
}
