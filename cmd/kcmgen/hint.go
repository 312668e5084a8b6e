package main

import (
	"errors"
	"strings"
	"syscall"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// hint is advice for an error: the command to type next.
func hint(err error) string {
	var newer *tree.NewerSchemaError
	var conflict *plan.Conflict
	var folder *config.NoFolderError
	var unwritable *tree.NotWritableError
	var lost *lostManifestError
	switch {
	case errors.As(err, &newer):
		return "use the kcmgen that wrote it, or a newer one; kcmgen --version tells this one's"
	case errors.As(err, &conflict):
		return conflictHint(conflict)
	case errors.As(err, &lost):
		return "put manifest.json back from a backup; to start anew, move " + lost.dir + " away"
	case errors.As(err, &folder):
		return "name the folder of a cluster's package; kcmgen vet without an argument takes them all"
	case errors.Is(err, tree.ErrLocked):
		return "wait for it to end, or see who it is: fuser -v " + lockFile(err)
	case errors.Is(err, tree.ErrInTheWay), errors.Is(err, tree.ErrOthers):
		return "move it away; what is no private key, kcmgen removes too: kcmgen export --prune"
	case errors.Is(err, syscall.ENOSPC):
		return "make room, and run it again"
	case errors.As(err, &unwritable):
		return "write to another folder: kcmgen export -o DIR"
	}
	return ""
}

func conflictHint(c *plan.Conflict) string {
	anew := "to start anew, move pki/" + c.ID + ".* out of the cluster's folder in out/"
	if c.Lost != "" {
		return "put pki/" + c.ID + c.Lost + " back from a backup; " + anew
	}
	return "to keep what clients trust, change the CUE back; " + anew
}

// lockFile is the name that the error begins with.
func lockFile(err error) string {
	name, _, _ := strings.Cut(err.Error(), ": ")
	return name
}
