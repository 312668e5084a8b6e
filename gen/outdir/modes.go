package outdir

import (
	"fmt"
	"io/fs"

	"github.com/kcmgen/kcmgen/gen/disk"
)

// NoModesError is a place where nothing keeps a private key to its owner: file
// modes mean nothing there.
type NoModesError struct {
	System string      // the operating system that has none; "" if it's the file system
	Mode   fs.FileMode // what the file system made of 0600
}

func (e *NoModesError) Error() string {
	if e.System != "" {
		return "on " + e.System + " no file modes keep private keys to their owner"
	}
	return fmt.Sprintf("its file system keeps no file modes: a file made 0600 is %04o", e.Mode)
}

// lockMode is the lock file's, and that of every private key.
const lockMode fs.FileMode = 0o600

// modeFile is an open file as far as its mode goes.
type modeFile interface {
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
}

// keepsModes finds out, by the lock file and so before the first key, whether
// the file system of dir gives a file the mode that was asked for. Some say so
// (vfat), some take any mode and forget it (ntfs-3g, many a shared directory).
func keepsModes(dir string, lock modeFile) error {
	fi, err := lock.Stat()
	if err != nil {
		return err
	}
	if !fi.Mode().IsRegular() {
		return noLock(dir)
	}
	if fi.Mode().Perm() == lockMode {
		return nil
	}
	if disk.Foreign(fi) {
		return &NotWritableError{dir, fmt.Errorf("%s in it belongs to another user", lockName)}
	}
	// Somebody may have changed it, or the umask; then it can be put right.
	refused := lock.Chmod(lockMode)
	if fi, err = lock.Stat(); err != nil {
		return err
	}
	if refused != nil || fi.Mode().Perm() != lockMode {
		return &NotWritableError{dir, &NoModesError{Mode: fi.Mode().Perm()}}
	}
	return nil
}
