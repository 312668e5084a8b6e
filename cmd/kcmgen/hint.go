package main

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

// hint is advice for an error: the command to type next.
func hint(err error) string {
	var newer *tree.NewerSchemaError
	var conflict *plan.Conflict
	var folder *config.NoFolderError
	var unwritable *tree.NotWritableError
	var modes *tree.NoModesError
	var lost *lostManifestError
	if h := repositoryHint(err); h != "" {
		return h
	}
	switch {
	case errors.As(err, &newer):
		return "use the kcmgen that wrote it, or a newer one; kcmgen --version tells this one's"
	case errors.As(err, &conflict):
		return conflictHint(conflict)
	case errors.As(err, &lost):
		return "put manifest.json back from a backup; to start anew, move " + lost.dir + " away"
	case errors.As(err, &folder):
		return "name the folder of a cluster's package" + clustersAtHand() + "; without an argument all are taken"
	case errors.Is(err, tree.ErrLocked):
		return "wait for it to end, or see who it is: fuser -v " + lockFile(err)
	case errors.Is(err, tree.ErrInTheWay), errors.Is(err, tree.ErrOthers):
		return "move it away; what is no private key, kcmgen removes too: kcmgen export --prune"
	case errors.Is(err, syscall.ENOSPC):
		return "make room, and run it again"
	case errors.As(err, &modes) && modes.System != "":
		return "run kcmgen export on Linux or macOS, or in WSL; kcmgen vet works here too"
	case errors.As(err, &modes):
		return "write to a disk of this machine's own, such as your home: kcmgen export -o DIR"
	case errors.As(err, &unwritable):
		return "write to another folder: kcmgen export -o DIR"
	}
	return ""
}

// repositoryHint is advice on a user's own repository.
func repositoryHint(err error) string {
	var module *config.NoModuleError
	var edited *editedError
	var newer *newerCopyError
	var full *notEmptyError
	var taken *tree.ExistsError
	var shown *nothingShownError
	var gitRefused *gitError
	switch {
	case errors.As(err, &module):
		return "begin one: kcmgen init DIR"
	case errors.As(err, &edited):
		return "constraints of your own go to " + vendoring.UsrDir + "; to lose what was edited: kcmgen schema vendor --force"
	case errors.As(err, &newer):
		return "go install github.com/kcmgen/kcmgen/cmd/kcmgen@" + newer.theirs
	case errors.As(err, &full) && full.module:
		return "name a new folder, such as kcmgen init clusters/NAME"
	case errors.As(err, &full):
		return "name a new folder, or one with nothing but .git in it"
	case errors.As(err, &taken) && filepath.Base(taken.Path) == "pre-commit":
		return "add to it: kcmgen schema vendor --check && kcmgen fmt --check && kcmgen vet"
	case errors.As(err, &taken):
		return "name another folder"
	case errors.As(err, &shown):
		return "leave --node or --flag out to see all"
	case errors.As(err, &gitRefused):
		return "the hook lies in a git repository: git init " + gitRefused.dir
	}
	return ""
}

// clustersAtHand lists a few clusters of this module by name.
func clustersAtHand() string {
	var names []string
	for _, c := range outlines(nil) {
		if c.Name != "" && len(names) < 10 {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ", or a cluster here (" + strings.Join(names, ", ") + ")"
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
