package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// hook checks what is about to be committed as it stands in git's index: the
// working tree may hold more, or less.
const hook = `#!/bin/sh
# Written by kcmgen init --git-hook. What is about to be committed has to pass.
set -e
git diff --cached --quiet -- '*.cue' 'cue.mod' && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
git checkout-index --all --prefix="$tmp/"
cd "$tmp"/%s
kcmgen schema vendor --check
kcmgen fmt --check
kcmgen vet
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

// writeHook writes the pre-commit hook of the repository around dir.
func writeHook(dir string, std stdio) error {
	root, err := config.ModuleRoot(dir)
	if err != nil {
		return err
	}
	below, err := git(root, "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	hooks, err := git(root, "rev-parse", "--git-path", "hooks")
	if err != nil {
		return err
	}
	if !filepath.IsAbs(hooks) {
		hooks = filepath.Join(root, hooks)
	}
	name := filepath.Join(hooks, "pre-commit")
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(&tree.ExistsError{Path: name}, err)
	}
	if err := os.MkdirAll(hooks, 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf(hook, shellQuote(below))
	if err := tree.ReplaceFile(name, []byte(text), 0o755); err != nil {
		return err
	}
	say(std.out, "wrote %s", name)
	return nil
}

// shellQuote makes one word of a text for sh.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
