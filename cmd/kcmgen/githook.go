package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/tree"
)

// hook checks what is about to be committed as it stands in git's index: the
// working tree may hold more, or less. It looks for CUE modules itself, so that
// it holds for those that come later.
const hook = `#!/bin/sh
# Written by kcmgen init --git-hook. What is about to be committed has to pass.
set -e
git diff --cached --quiet -- '*.cue' 'cue.mod' && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
git checkout-index --all --prefix="$tmp/"
cd "$tmp"
find . -type d -name cue.mod -prune | sort | while IFS= read -r module; do
	dir=${module%/cue.mod}
	kcmgen schema vendor --check "$dir" </dev/null || exit
	kcmgen fmt --check "$dir" </dev/null || exit
	kcmgen vet "$dir/..." </dev/null || exit
done
`

// gitError is git's refusal.
type gitError struct {
	dir string
	err error
}

func (e *gitError) Error() string { return fmt.Sprintf("git in %s: %v", e.dir, e.err) }
func (e *gitError) Unwrap() error { return e.err }

func git(dir string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", &gitError{dir, err}
	}
	return strings.TrimSpace(string(out)), nil
}

// hookFile is where the pre-commit hook of the repository around dir has to lie;
// it is an error if there is one.
func hookFile(dir string) (string, error) {
	hooks, err := git(dir, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(hooks) {
		hooks = filepath.Join(dir, hooks)
	}
	name := filepath.Join(hooks, "pre-commit")
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return "", errors.Join(&tree.ExistsError{Path: name}, err)
	}
	return name, nil
}

// writeHook writes the hook of the repository around dir.
func writeHook(dir string, std stdio) error {
	name, err := hookFile(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := tree.ReplaceFile(name, []byte(hook), 0o755); err != nil {
		return err
	}
	say(std.out, "wrote %s", name)
	return nil
}
