package repository

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Formatting hears of each file or directory that Format looks at.
type Formatting struct {
	Skipped func(dir string, err error)
	Syntax  func(at finding.Pos, err error) // of a file that can't be read as CUE
	Changed func(file string)               // it isn't in the standard format, or wasn't
}

// Format brings CUE files into the standard format; with check it only says which
// aren't. Arguments are files and directories; none is the module around the working
// directory. A fault of one file is no reason to leave the others.
func Format(args []string, check bool, hear Formatting) error {
	if len(args) == 0 {
		root, err := config.ModuleRoot(".")
		if err != nil {
			return err
		}
		args = []string{root}
	}
	var failures []error
	for _, arg := range args {
		files, err := config.Files(arg, hear.Skipped)
		if err != nil {
			return fmt.Errorf("reading CUE files: %w", err)
		}
		for _, name := range files {
			changed, err := formatFile(name, check)
			var syntax *edit.SyntaxError
			switch {
			case errors.As(err, &syntax):
				hear.Syntax(syntax.Pos, syntax.Err)
			case err != nil:
				failures = append(failures, err)
			case changed:
				hear.Changed(name)
			}
		}
	}
	return errors.Join(failures...)
}

// formatFile reports whether a file was not in the standard format.
func formatFile(name string, check bool) (bool, error) {
	if err := config.Readable(name); err != nil {
		return false, &edit.SyntaxError{Pos: finding.Pos{File: name}, Err: err}
	}
	fi, err := os.Stat(name) // for its mode
	if err != nil {
		return false, err
	}
	src, err := regular.Read(name, config.MaxFile)
	if err != nil {
		return false, err
	}
	formatted, err := edit.Format(name, src)
	if err != nil || bytes.Equal(src, formatted) {
		return false, err
	}
	if check {
		return true, nil
	}
	return true, disk.ReplaceFile(name, formatted, fi.Mode().Perm())
}
