package outdir

import (
	"fmt"
	"io/fs"

	"github.com/kcmgen/kcmgen/gen/disk"
)

// NoModesError is a place without file modes, where private keys would be readable by
// other users.
type NoModesError struct {
	System string      // the operating system without modes; "" if it's the file system
	Mode   fs.FileMode // of a file that was created with 0600
}

func (e *NoModesError) Error() string {
	if e.System != "" {
		return "on " + e.System + " no file modes keep private keys to their owner"
	}
	return fmt.Sprintf("its file system keeps no file modes: a file made 0600 is %04o", e.Mode)
}

// lockMode is the mode of the lock file, and of every private key.
const lockMode fs.FileMode = 0o600

// modeFile is the part of an open file that keepsModes uses.
type modeFile interface {
	Stat() (fs.FileInfo, error)
	Chmod(mode fs.FileMode) error
}

// keepsModes returns an error unless the file system of dir keeps file modes. It tests
// the lock file, before the first key is written. Some file systems refuse a mode
// (vfat), some accept and forget it (ntfs-3g, many shared directories).
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
	// The mode may have been changed later, or by the umask: then chmod works.
	refused := lock.Chmod(lockMode)
	if fi, err = lock.Stat(); err != nil {
		return err
	}
	if refused != nil || fi.Mode().Perm() != lockMode {
		return &NotWritableError{dir, &NoModesError{Mode: fi.Mode().Perm()}}
	}
	return nil
}
