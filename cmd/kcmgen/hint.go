package main

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// hint is advice for an error: the command to type next.
func hint(err error) string {
	var newer *tree.NewerSchemaError
	var conflict *plan.Conflict
	switch {
	case errors.As(err, &newer):
		return "use the kcmgen that wrote it, or a newer one; kcmgen --version tells this one's"
	case errors.As(err, &conflict):
		return "to keep what clients trust, change the CUE back; to start anew, move pki/" + conflict.ID + ".* out of the cluster's folder in out/"
	case errors.Is(err, tree.ErrLocked):
		return "wait for it to end, or see who it is: fuser -v " + lockFile(err)
	case errors.Is(err, tree.ErrInTheWay):
		return "move it away, or let kcmgen remove what it didn't write: kcmgen export --prune"
	case errors.Is(err, syscall.ENOSPC):
		return "make room: the old tree is as it was"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "write to another folder: kcmgen export -o DIR"
	}
	return ""
}

// lockFile is the name that the error begins with.
func lockFile(err error) string {
	name, _, _ := strings.Cut(err.Error(), ": ")
	return name
}
