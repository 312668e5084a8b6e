package main

import (
	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/repository"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

func newSchema(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Keep the vocabulary that clusters are written in",
		Long: `Schema maintains the copy of the vocabulary in a CUE module, so that stock cue and
editors know the fields of a cluster without a network.

` + exitCodes,
		Example: `  kcmgen schema vendor`,
		Args:    noSubcommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSchemaVendor(std))
	return cmd
}

type vendorOptions struct{ check, force bool }

func newSchemaVendor(std stdio) *cobra.Command {
	var o vendorOptions
	cmd := &cobra.Command{
		Use:   "vendor [DIR]",
		Short: "Renew or verify the copy of the vocabulary in a CUE module",
		Long: `Vendor writes the vocabulary of this kcmgen into the CUE module around DIR (the
working directory), at ` + repository.VendorDir + `.
A copy that was edited by hand is left alone, unless --force; constraints of your
own belong in ` + repository.OwnDir + `, where
they apply to every cluster.

With --check it writes nothing, says what differs, and exits with 4.

` + exitCodes,
		Example: `  kcmgen schema vendor            after an update of kcmgen
  kcmgen schema vendor --check    for a git hook or CI`,
		Args: atMostOne("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return runVendor(o, dir, std)
		},
	}
	cmd.Flags().BoolVar(&o.check, "check", false, "write nothing; exit with 4 if the copy is not this kcmgen's")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite a copy that was edited by hand, or that a newer kcmgen made")
	return cmd
}

func runVendor(o vendorOptions, dir string, std stdio) error {
	v, err := repository.ReadVocabulary(dir)
	if err != nil {
		return err
	}
	if v.Provided {
		terminal.Say(std.err, "%s has the vocabulary already, as its own or by a dependency", v.Root)
		return nil
	}
	if o.check {
		lines, hint := v.Report()
		terminal.SayAll(std.out, lines)
		if hint == "" {
			return nil
		}
		terminal.Say(std.err, "hint: %s", hint)
		return errDiffers
	}
	wrote, err := v.Renew(version(), o.force)
	switch {
	case err != nil:
		return err
	case !wrote:
		terminal.Say(std.out, "%s: nothing changed, nothing written", v.Dir)
	default:
		terminal.Say(std.out, "%s: wrote the vocabulary of kcmgen %s", v.Dir, version())
	}
	return nil
}
