package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type fmtOptions struct{ check bool }

func newFmt(std stdio) *cobra.Command {
	var o fmtOptions
	cmd := &cobra.Command{
		Use:   "fmt [FILE | DIR]...",
		Short: "Bring CUE files into the standard format",
		Long: `Fmt rewrites CUE files in the format of "cue fmt", and names those it changed.
A directory stands for all below it, except hidden directories, other CUE modules
and cue.mod; without an argument fmt takes the module around the working
directory. Line ends stay as they are.

With --check it writes nothing, names the files that differ, and exits with 4.

` + exitCodes,
		Example: `  kcmgen fmt                    every CUE file of this module
  kcmgen fmt --check            for a git hook or CI
  kcmgen fmt clusters/prod`,
		RunE: with(&o, std, runFmt),
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing; exit with 4 if a file is not formatted")
	return cmd
}

func runFmt(ctx context.Context, o fmtOptions, args []string, _ func() time.Time, std stdio) error {
	var result error
	err := repository.Format(ctx, args, o.check, repository.Formatting{
		Skipped: func(dir string, err error) {
			terminal.Say(std.err, "skipped %s: %v", finding.PlainName(dir), errors.Unwrap(err))
		},
		Syntax: func(at finding.Pos, err error) {
			terminal.Say(std.err, "%s: error: %v", at, err)
			result = errFindings
		},
		Changed: func(file string) {
			terminal.Say(std.out, "%s", finding.PlainName(file))
			if o.check && result == nil {
				result = errDiffers
			}
		},
	})
	if err != nil {
		return err
	}
	if errors.Is(result, errDiffers) {
		terminal.Say(std.err, "hint: kcmgen fmt writes them in the standard format")
	}
	return result
}
