package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kcmgen/kcmgen/internal/regular"
)

// outLock is the lock file in a directory of exports, which holds many files and no
// CUE of the user's.
const outLock = ".kcmgen.lock"

// walk calls each for a directory and those below it, parents first, with their CUE
// files. It skips hidden directories, cue.mod, other modules, and the trees that kcmgen
// exports. It calls unread for a directory that can't be read, and skips it.
func walk(dir string, each func(dir string, files []string), unread func(dir string, err error)) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && p != dir && errors.Is(err, fs.ErrPermission):
			unread(p, err)
			return fs.SkipDir
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case p != dir && (hidden(d.Name()) || d.Name() == "cue.mod" || has(p, "cue.mod")), has(p, outLock):
			return fs.SkipDir
		}
		if files := cueFiles(p); len(files) > 0 {
			each(p, files)
		}
		return nil
	})
}

func has(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// hidden reports whether CUE ignores a file or directory of that name.
func hidden(name string) bool { return name[0] == '.' || name[0] == '_' }

// cueFiles returns the files of a directory that CUE would load.
func cueFiles(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() && strings.HasSuffix(name, ".cue") && !hidden(name) {
			out = append(out, filepath.Join(dir, name))
		}
	}
	return out
}

func hasCUE(dir string) bool { return len(cueFiles(dir)) > 0 }

// Readable returns an error unless name is a regular file of at most MaxFile bytes.
func Readable(name string) error {
	_, err := regular.Check(name, MaxFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("the link leads nowhere")
	case err != nil:
		return errors.Unwrap(err)
	}
	return nil
}

// Files returns the CUE files that an argument names: a file, or those of a directory
// and all directories of its module below it. It calls unread for directories that can't
// be read, and returns an error if arg doesn't exist or is no CUE file.
func Files(arg string, unread func(dir string, err error)) ([]string, error) {
	if rest, ok := strings.CutSuffix(filepath.ToSlash(arg), "/..."); ok {
		arg = rest + "/"
	}
	arg = filepath.Clean(arg)
	fi, err := os.Stat(arg)
	switch {
	case err != nil:
		return nil, err
	case !fi.IsDir() && !strings.HasSuffix(arg, ".cue"):
		return nil, fmt.Errorf("%s is no CUE file: its name must end in .cue", arg)
	case !fi.IsDir():
		return []string{arg}, nil
	}
	var out []string
	err = walk(arg, func(_ string, files []string) { out = append(out, files...) }, unread)
	return out, err
}
