package repository

import (
	"errors"
	"path/filepath"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Hint returns advice on an error of this package, such as the command to type next; "" if it
// has none.
func Hint(err error) string {
	var edited *EditedError
	var newer *NewerCopyError
	var full *NotEmptyError
	var name *NameTakenError
	var taken *ExistsError
	var gitRefused *GitError
	switch {
	case errors.As(err, &edited):
		return "constraints of your own go to " + OwnDir + "; to lose what was edited: kcmgen schema vendor --force"
	case errors.As(err, &newer):
		return "go install github.com/kcmgen/kcmgen/cmd/kcmgen@" + newer.Theirs
	case errors.As(err, &full) && full.Module != "":
		return "name a new directory in this CUE module, such as " + spec.ShellWord(filepath.Join(full.Module, "clusters", "NAME"))
	case errors.As(err, &name):
		return "give this one another: --name"
	case errors.As(err, &full):
		return "name a new directory, or one with nothing but .git in it"
	case errors.As(err, &taken) && filepath.Base(taken.Path) == "pre-commit":
		return "add to it: kcmgen schema vendor --check && kcmgen vet && kcmgen fmt --check"
	case errors.As(err, &taken):
		return "name another directory"
	case errors.As(err, &gitRefused):
		return "the hook lies in a git repository: git init " + spec.ShellWord(gitRefused.Dir)
	}
	return ""
}
