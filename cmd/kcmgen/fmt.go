package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/regular"
)

type fmtOptions struct{ check bool }

func newFmt(std stdio) *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt [FILE | DIR]...",
		Short: "Bring CUE files into the standard format",
		Long: `Fmt rewrites CUE files in the format of "cue fmt", and names those it changed.
Folders are taken with all that lies below them, but for hidden ones, other CUE
modules and cue.mod; without an argument it takes the module around the working
directory. Lines go on to end as they do.

With --check it writes nothing, names the files that differ, and exits with 4.

` + exitCodes,
		Example: `  kcmgen fmt                    every CUE file of this module
  kcmgen fmt --check            for a git hook or CI
  kcmgen fmt clusters/prod`,
		RunE: func(_ *cobra.Command, args []string) error { return runFmt(o, args, std) },
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing; exit with 4 if a file is not formatted")
	return cmd
}

func runFmt(o fmtOptions, args []string, std stdio) error {
	if len(args) == 0 {
		root, err := config.ModuleRoot(".")
		if err != nil {
			return err
		}
		args = []string{root}
	}
	var result error
	var failures []error
	for _, arg := range args {
		files, err := config.Files(arg, func(dir string, err error) { say(std.err, "skipped %s: %v", plainName(dir), errors.Unwrap(err)) })
		if err != nil {
			return fmt.Errorf("reading CUE files: %w", err)
		}
		for _, name := range files { // a fault of one is no reason to leave the others
			changed, err := formatFile(name, o.check)
			var syntax *edit.SyntaxError
			switch {
			case errors.As(err, &syntax):
				say(std.err, "%s: error: %v", syntax.Pos, syntax.Err)
				result = errFindings
			case err != nil:
				failures = append(failures, err)
			case changed:
				say(std.out, "%s", plainName(name))
				if o.check && result == nil {
					result = errDiffers
				}
			}
		}
	}
	if len(failures) > 0 {
		return errors.Join(failures...)
	}
	if errors.Is(result, errDiffers) {
		say(std.err, "hint: kcmgen fmt writes them in the standard format")
	}
	return result
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
