package disk

import "golang.org/x/sys/unix"

func swapNames(dir int, a, b string) error {
	return unix.Renameat2(dir, a, dir, b, unix.RENAME_EXCHANGE)
}
