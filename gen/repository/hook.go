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

// hook checks what is about to be committed as it stands in git's index: the
// working tree may hold more, or less. It looks for CUE modules itself, so that
// it holds for those that come later. What is wrong comes before how it is laid out;
// and keys, which are no part of a commit, are counted and not listed.
const hook = `#!/bin/sh
# Written by kcmgen init --git-hook. What is about to be committed has to pass.
set -e
git diff --cached --quiet -- '*.cue' '*.json' '*.yaml' '*.yml' '*.toml' '*.txt' '*.key' '*.pem' '*.conf' && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
# CUE embeds the others.
git ls-files -z -- '*.cue' '*.json' '*.yaml' '*.yml' '*.toml' '*.txt' |
	git -c core.autocrlf=false checkout-index -z --stdin --prefix="$tmp/"
# Keys aren't brought there: kcmgen asks git which it tracks.
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

// GitError is git's refusal.
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

// HookFile is where the pre-commit hook of the repository around dir has to lie;
// it is an error if there is one.
func HookFile(dir string) (string, error) {
	dir = existing(dir)
	hooks, err := git(dir, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(hooks) {
		hooks = filepath.Join(dir, hooks)
	}
	if err := ownHooks(dir, hooks); err != nil {
		return "", err
	}
	name := filepath.Join(hooks, "pre-commit")
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return "", errors.Join(&disk.ExistsError{Path: name}, err)
	}
	return name, nil
}

// ownHooks returns an error if a directory of hooks isn't this repository's alone.
func ownHooks(dir, hooks string) error {
	at, err := resolved(hooks)
	if err != nil {
		return err
	}
	for _, of := range []string{"--show-toplevel", "--git-common-dir"} {
		own, err := git(dir, "rev-parse", "--path-format=absolute", of)
		if err != nil {
			return err
		}
		if own, err = resolved(own); err != nil {
			return err
		}
		if rel, err := filepath.Rel(own, at); err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	return fmt.Errorf("core.hooksPath is %s, which other repositories use too: nothing is written there", hooks)
}

// resolved is a path without symbolic links, of which the end may be missing.
func resolved(name string) (string, error) {
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
