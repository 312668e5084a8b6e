package main

import (
	"fmt"
	"syscall"
)

// filesystem returns the kind of file system of dir, which says whether a sync matters.
func filesystem(dir string) string {
	var s syscall.Statfs_t
	if dir == "" || syscall.Statfs(dir, &s) != nil {
		return "none"
	}
	switch s.Type { // statfs(2)
	case 0x01021994:
		return "tmpfs, in memory"
	case 0xef53:
		return "ext4"
	case 0x58465342:
		return "xfs"
	case 0x9123683e:
		return "btrfs"
	case 0x794c7630:
		return "overlayfs"
	}
	return fmt.Sprintf("filesystem %#x", s.Type)
}
