//go:build unix

package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// NotFollowed opens a file without following a link and without blocking.
const NotFollowed = unix.O_NOFOLLOW | unix.O_NONBLOCK

// HasModes reports whether file modes restrict reading on this system.
const HasModes = true

// MayWrite returns an error if this process can't make entries in a directory.
func MayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

// Foreign reports whether a file or directory belongs to another user than this one.
func Foreign(fi fs.FileInfo) bool {
	me := os.Geteuid()
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && me != 0 && int(st.Uid) != me
}

// Own reports whether a file or directory belongs to this user. For root, too, those of
// other users don't.
func Own(fi fs.FileInfo) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// ID identifies a file and its contents: a change gives it another time of change, unless
// it comes within some milliseconds after the last one.
func ID(name string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return "", &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return fmt.Sprintf("%d %d %d %v %v", st.Dev, st.Ino, st.Size, st.Mtim, st.Ctim), nil
}

func (d *Disk) writeAtomic(name string, data []byte, mode fs.FileMode) error {
	return renameio.WriteFile(name, data, mode, renameio.IgnoreUmask(), renameio.WithRoot(d.root))
}

// cannotLink reports whether a link failed for a reason that doesn't prevent a copy:
// another file system, too many links, no links at all, or another user's file.
func cannotLink(err error) bool {
	for _, errno := range []syscall.Errno{syscall.EXDEV, syscall.EMLINK, syscall.EPERM, syscall.ENOTSUP, syscall.ENOSYS} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// keepOwner restores a file's owner if root replaced it.
func keepOwner(name string, was fs.FileInfo) {
	if st, ok := was.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		_ = os.Lchown(name, int(st.Uid), int(st.Gid)) // best effort
	}
}
