package repository

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/disk"
)

// hook checks the files in git's index, because the working tree may differ from the
// commit. It searches for CUE modules, so that later ones are checked too. It vets
// before it checks the format. Keys aren't in a commit, so what can't be checked without
// them is only counted.
const hook = `#!/bin/sh
# Written by kcmgen init --git-hook. It checks what is about to be committed.
set -e
git diff --cached --quiet -- '*.cue' '*.json' '*.yaml' '*.yml' '*.toml' '*.txt' '*.service' '*.key' '*.pem' '*.conf' && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
# CUE files may embed the others, or name them as another component's.
git ls-files -z -- '*.cue' '*.json' '*.yaml' '*.yml' '*.toml' '*.txt' '*.service' |
	git -c core.autocrlf=false checkout-index -z --stdin --prefix="$tmp/"
# Keys aren't copied: kcmgen asks git which ones it tracks.
GIT_INDEX_FILE=$(git rev-parse --path-format=absolute --git-path index)
GIT_DIR=$(git rev-parse --absolute-git-dir)
GIT_WORK_TREE=$tmp
export GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE
cd "$tmp"
find . -type d -name cue.mod -prune | sort | while IFS= read -r module; do
	dir=${module%/cue.mod}
	[ ! -d "$module/pkg/github.com/kcmgen" ] || kcmgen schema vendor --check "$dir" </dev/null || exit
	kcmgen vet --unchecked count "$dir/..." </dev/null || exit
	kcmgen fmt --check "$dir" </dev/null || exit
done
`

// GitError is an error of a git command.
type GitError struct {
	Dir string
	Err error
}

func (e *GitError) Error() string { return fmt.Sprintf("git in %s: %v", e.Dir, e.Err) }
func (e *GitError) Unwrap() error { return e.Err }

func git(dir string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", &GitError{dir, err}
	}
	return strings.TrimSpace(string(out)), nil
}

// HookFile returns the path of the pre-commit hook of the repository around dir. It
// returns an error if that exists, or if other repositories share it.
func HookFile(dir string) (string, error) {
	dir = nearestExisting(dir)
	hooks, err := git(dir, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(hooks) {
		hooks = filepath.Join(dir, hooks)
	}
	if err := checkOwnHooks(dir, hooks); err != nil {
		return "", err
	}
	name := filepath.Join(hooks, "pre-commit")
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return "", errors.Join(&disk.ExistsError{Path: name}, err)
	}
	return name, nil
}

// checkOwnHooks returns an error if a directory of hooks lies outside the repository.
func checkOwnHooks(dir, hooks string) error {
	at, err := resolve(hooks)
	if err != nil {
		return err
	}
	for _, of := range []string{"--show-toplevel", "--git-common-dir"} {
		own, err := git(dir, "rev-parse", "--path-format=absolute", of)
		if err != nil {
			return err
		}
		if own, err = resolve(own); err != nil {
			return err
		}
		if rel, err := filepath.Rel(own, at); err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	return fmt.Errorf("core.hooksPath is %s, which other repositories use too: nothing is written there", hooks)
}

// resolve returns a path without symbolic links. The end of it need not exist.
func resolve(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	for dir, rest := name, ""; ; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil || dir == filepath.Dir(dir) {
			return filepath.Join(real, rest), err
		}
	}
}

// WriteHook writes the pre-commit hook of the repository around dir, and returns its
// name.
func WriteHook(dir string) (string, error) {
	name, err := HookFile(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err
	}
	return name, disk.ReplaceFile(name, []byte(hook), 0o755)
}
