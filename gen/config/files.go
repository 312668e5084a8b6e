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

// outLock is in the directory that exports write to: what lies below it is nobody's
// CUE, and a great deal.
const outLock = ".kcmgen.lock"

// walk calls each for a directory and those below it, parents first, with their CUE
// files: not for hidden directories, cue.mod, other modules, and the trees that kcmgen
// writes. A directory that can't be read goes to unread, and is passed over.
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

// hidden reports whether CUE passes over a file or directory of that name.
func hidden(name string) bool { return name[0] == '.' || name[0] == '_' }

// cueFiles are the files of a directory that CUE takes for a package.
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

// Readable returns an error unless a CUE file can be read in bounded time and
// space: it is a regular one, and not too large.
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

// Files are the CUE files that an argument stands for, seen from the working
// directory: a file, or a directory with all below it that belongs to its module.
// unread hears of directories that can't be read.
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
