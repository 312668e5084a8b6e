package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/tree"
)

type fmtOptions struct{ check bool }

func newFmt(std stdio) *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt [FILE | DIR]...",
		Short: "Bring CUE files into the standard format",
		Long: `Fmt rewrites CUE files in the format of "cue fmt", and names those it changed.
Folders are taken with all that lies below them, but for hidden ones and cue.mod;
without an argument it takes the CUE module around the working directory.

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
	for _, arg := range args {
		files, err := cueFiles(arg)
		if err != nil {
			return err
		}
		for _, name := range files {
			changed, err := formatFile(name, o.check)
			var syntax *edit.SyntaxError
			switch {
			case errors.As(err, &syntax): // the other files are still worth it
				say(std.err, "%s: error: %v", syntax.Pos, syntax.Err)
				result = errFindings
			case err != nil:
				return err
			case changed:
				say(std.out, "%s", name)
				if o.check && result == nil {
					result = errDiffers
				}
			}
		}
	}
	if errors.Is(result, errDiffers) {
		say(std.err, "hint: kcmgen fmt writes them in the standard format")
	}
	return result
}

// formatFile reports whether a file was not in the standard format.
func formatFile(name string, check bool) (bool, error) {
	fi, err := os.Stat(name)
	if err != nil {
		return false, err
	}
	src, err := os.ReadFile(name)
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
	return true, tree.ReplaceFile(name, formatted, fi.Mode().Perm())
}

// cueFiles are the CUE files that an argument of fmt stands for.
func cueFiles(arg string) ([]string, error) {
	arg = filepath.Clean(strings.TrimSuffix(filepath.ToSlash(arg), "/..."))
	var out []string
	err := filepath.WalkDir(arg, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading CUE files: %w", err)
		}
		name := d.Name()
		switch {
		case p == arg:
			if !d.IsDir() && !strings.HasSuffix(name, ".cue") {
				return fmt.Errorf("%s is no CUE file: its name must end in .cue", p)
			}
		case d.IsDir() && (name == "cue.mod" || name[0] == '.' || name[0] == '_'):
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(name, ".cue") {
			out = append(out, p)
		}
		return nil
	})
	return out, err
}
