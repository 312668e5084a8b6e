package facts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// workTree finds the root of the work tree around a directory as git does, and the
// environment for git commands. In a hook, git sets variables for the repository and the
// index to commit. It doesn't set the root of a linked work tree, for which it would take
// the working directory of the hook.
func workTree(dir string) (root string, env []string, ok bool) {
	at := os.Getenv("GIT_DIR")
	if _, err := os.Stat(at); at != "" && err != nil {
		at = "" // relative to another directory
	}
	if tree := os.Getenv("GIT_WORK_TREE"); at != "" && tree != "" {
		root, err := filepath.Abs(tree)
		return root, absolute(os.Environ()), err == nil
	}
	root, own := findRepository(dir)
	switch {
	case root == "" && at != "":
		root, err := filepath.Abs("")
		return root, absolute(os.Environ()), err == nil
	case root == "":
		return "", nil, false
	case at != "" && sameFile(at, own):
		return root, absolute(os.Environ()), true
	case at != "":
		return root, without(os.Environ(), local...), true
	}
	env = without(os.Environ(), "GIT_DIR")
	if !ownIndex(root, own) {
		env = without(env, local...)
	}
	return root, env, true
}

// local are the variables for the location of one repository.
var local = []string{
	"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX",
}

// ownIndex reports whether the index in the environment, if any, belongs to a repository:
// it is in its .git, or kcmgen runs inside the repository. A relative path is relative to
// the root.
func ownIndex(root, gitDir string) bool {
	index := os.Getenv("GIT_INDEX_FILE")
	if !filepath.IsAbs(index) || sameFile(filepath.Dir(index), gitDir) {
		return true
	}
	here, _ := findRepository(".")
	return sameFile(here, root)
}

// findRepository returns the nearest directory above that has a repository, and its git
// directory: .git, or the one that the file .git names.
func findRepository(dir string) (root, gitDir string) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return "", ""
	}
	for {
		at := filepath.Join(root, ".git")
		switch fi, err := os.Stat(at); {
		case err == nil && fi.IsDir() && isGitDir(at):
			return root, at
		case err == nil && !fi.IsDir():
			return root, readGitFile(root, at)
		}
		up := filepath.Dir(root)
		if up == root {
			return "", ""
		}
		root = up
	}
}

// isGitDir reports whether git would take a directory as a repository; git ignores an
// empty one, for example.
func isGitDir(dir string) bool {
	has := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	return has("HEAD") && (has("commondir") || has("refs") && (has("objects") || os.Getenv("GIT_OBJECT_DIRECTORY") != ""))
}

// readGitFile returns the directory in a file .git: "gitdir: DIRECTORY".
func readGitFile(root, file string) string {
	data, err := os.ReadFile(file)
	to, ok := strings.CutPrefix(strings.TrimRight(string(data), "\r\n"), "gitdir: ")
	if err != nil || !ok {
		return ""
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(root, to)
	}
	return to
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// absolute makes paths in variables absolute. Paths that don't exist here are relative to
// the root, where git runs, and stay as they are.
func absolute(env []string) []string {
	out := make([]string, len(env))
	for i, v := range env {
		out[i] = v
		for _, name := range []string{"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"} {
			if at, ok := strings.CutPrefix(v, name+"="); ok && at != "" {
				if abs, err := filepath.Abs(at); err == nil && sameFile(abs, abs) {
					out[i] = name + "=" + abs
				}
			}
		}
	}
	return out
}

func without(env []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(names, name)
	})
}
