package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

func newVersion(std stdio) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the versions of kcmgen, and of CUE and cfssl in it",
		Long: `Version prints the version of kcmgen, its revision if it was built from a checkout,
and the versions of Go, CUE and cfssl in it. Include it in reports of faults.

` + exitCodes,
		Example: `  kcmgen version
  kcmgen version --format json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if format == "json" {
				return terminal.JSON(std.out, gen.ReadBuild())
			}
			return terminal.Lines(std.out, gen.ReadBuild().Lines())
		},
	}
	formatFlag(cmd, &format, "how to print it")
	return cmd
}

// noArgs is for commands that take flags only.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s takes no arguments, and got %q", cmd.CommandPath(), args[0])}
}

// version returns kcmgen's version, as the build recorded it.
func version() string { return gen.ReadBuild().Version }
