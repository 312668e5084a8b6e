package facts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// workTree finds the repository around a directory as git does, and the environment
// that git is asked in. In a hook, git says itself where the repository lies, and
// which index is about to be committed. It leaves the root of a linked work tree
// unsaid, and takes the directory it is called in for it: a hook may stand below.
func workTree(dir string) (root string, env []string, ok bool) {
	at := os.Getenv("GIT_DIR")
	if _, err := os.Stat(at); at != "" && err != nil {
		at = "" // it was said from another directory
	}
	if tree := os.Getenv("GIT_WORK_TREE"); at != "" && tree != "" {
		root, err := filepath.Abs(tree)
		return root, absolute(os.Environ()), err == nil
	}
	root, own := around(dir)
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

// local are the variables that say where one repository is.
var local = []string{
	"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX",
}

// ownIndex reports whether the index that the environment names, if any, is one of a
// repository: it lies in its .git, or is said from inside of the repository. A
// relative one is relative to the root.
func ownIndex(root, gitDir string) bool {
	index := os.Getenv("GIT_INDEX_FILE")
	if !filepath.IsAbs(index) || sameFile(filepath.Dir(index), gitDir) {
		return true
	}
	here, _ := around(".")
	return sameFile(here, root)
}

// around walks up from a directory to the one with a repository, and says where git
// keeps that: in .git, or where the file .git says.
func around(dir string) (root, gitDir string) {
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
			return root, linked(root, at)
		}
		up := filepath.Dir(root)
		if up == root {
			return "", ""
		}
		root = up
	}
}

// isGitDir reports whether a directory looks like a repository to git, which passes over
// others, such as an empty one.
func isGitDir(dir string) bool {
	has := func(name string) bool { _, err := os.Lstat(filepath.Join(dir, name)); return err == nil }
	return has("HEAD") && (has("commondir") || has("refs") && (has("objects") || os.Getenv("GIT_OBJECT_DIRECTORY") != ""))
}

// linked is the directory that a file .git names, "gitdir: DIRECTORY".
func linked(root, file string) string {
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

// absolute has variables that name files mean the same in another directory. What isn't
// there from here is said from the root, where git is asked.
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
