package repository

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Formatting has the callbacks of Format.
type Formatting struct {
	Skipped func(dir string, err error)
	Syntax  func(at finding.Pos, err error) // a file that isn't valid CUE
	Changed func(file string)               // a file that isn't, or wasn't, formatted
}

// Format brings CUE files into the standard format; with check it only reports which
// aren't. args are files and directories; none means the module around the working
// directory. After an error in one file it goes on with the others.
func Format(ctx context.Context, args []string, check bool, on Formatting) error {
	if len(args) == 0 {
		root, err := config.ModuleRoot(".")
		if err != nil {
			return err
		}
		args = []string{root}
	}
	var failures []error
	for _, arg := range args {
		files, err := config.Files(arg, on.Skipped)
		if err != nil {
			return fmt.Errorf("reading CUE files: %w", err)
		}
		for _, name := range files {
			changed, err := formatFile(ctx, name, check)
			var syntax *edit.SyntaxError
			switch {
			case errors.As(err, &syntax):
				on.Syntax(syntax.Pos, syntax.Err)
			case err != nil:
				failures = append(failures, err)
			case changed:
				on.Changed(name)
			}
		}
	}
	return errors.Join(failures...)
}

// formatFile formats a file unless check is set. It reports whether the file was not in
// the standard format.
func formatFile(ctx context.Context, name string, check bool) (bool, error) {
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
	formatted, err := gen.Format(ctx, name, src)
	if err != nil || bytes.Equal(src, formatted) {
		return false, err
	}
	if check {
		return true, nil
	}
	return true, disk.ReplaceFile(name, formatted, fi.Mode().Perm())
}
