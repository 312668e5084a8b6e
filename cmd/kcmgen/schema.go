package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

func newSchema(std stdio) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Keep the vocabulary that clusters are written in",
		Long: `Schema keeps the copy of the vocabulary that lies in a CUE module, so that stock
cue and editors know the fields of a cluster without a network.

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
working directory), at ` + vendoring.Dir + `.
A copy that was edited by hand is left alone, unless --force; constraints of your
own belong in ` + vendoring.UsrDir + `, where
they hold for every cluster.

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

// editedError is a copy of the vocabulary that holds somebody's work.
type editedError struct{ file string }

func (e *editedError) Error() string { return e.file + " was edited by hand" }

// newerCopyError is a copy of the vocabulary that a later kcmgen made.
type newerCopyError struct{ dir, theirs, ours string }

func (e *newerCopyError) Error() string {
	return fmt.Sprintf("%s is that of kcmgen %s, newer than this one (%s)", e.dir, e.theirs, e.ours)
}

func runVendor(o vendorOptions, dir string, std stdio) error {
	root, err := config.ModuleRoot(dir)
	if err != nil {
		return err
	}
	at := filepath.Join(root, filepath.FromSlash(vendoring.Dir))
	files, err := config.Vendored(at)
	if err != nil {
		return err
	}
	was := vendoring.Inspect(files)
	if len(files) == 0 && config.ProvidesSchema(root) {
		say(std.err, "%s has the vocabulary already, as its own or by a dependency", root)
		return nil
	}
	if o.check {
		return checkCopy(at, was, len(files), std)
	}
	changes := was.Changes()
	if was.Current() && len(was.Edited) == 0 && was.Version != "" {
		say(std.out, "%s: nothing changed, nothing written", at)
		return nil
	}
	if !o.force && len(was.Edited) > 0 {
		return &editedError{filepath.Join(at, filepath.FromSlash(was.Edited[0]))}
	}
	if !o.force && was.Newer(version()) {
		return &newerCopyError{at, was.Version, version()}
	}
	if err := writeCopy(at, changes); err != nil {
		return err
	}
	say(std.out, "%s: wrote the vocabulary of kcmgen %s", at, version())
	return nil
}

func checkCopy(at string, c vendoring.Copy, files int, std stdio) error {
	if files == 0 {
		say(std.out, "%s is missing", at)
		say(std.err, "hint: kcmgen schema vendor")
		return errDiffers
	}
	for _, name := range c.Edited {
		say(std.out, "%s was edited by hand", filepath.Join(at, filepath.FromSlash(name)))
	}
	edited := map[string]bool{}
	for _, name := range c.Edited {
		edited[name] = true
	}
	for _, ch := range c.Changes() {
		if !edited[ch.Name] {
			say(std.out, "%s %s", filepath.Join(at, filepath.FromSlash(ch.Name)), ch.What)
		}
	}
	switch {
	case len(c.Edited) > 0:
		say(std.err, "hint: constraints of your own go to %s; then type: kcmgen schema vendor --force", vendoring.UsrDir)
	case !c.Current():
		say(std.err, "hint: kcmgen schema vendor")
	default:
		return nil
	}
	return errDiffers
}

// writeCopy writes the files one by one, each whole or not at all. A run that is
// ended in between leaves a copy that is unedited and not current: the next run
// goes on.
func writeCopy(at string, changes []vendoring.Change) error {
	for _, f := range vendoring.Copies(version()) {
		name := filepath.Join(at, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := disk.ReplaceFile(name, f.Data, 0o644); err != nil {
			return err
		}
	}
	var err error
	for _, ch := range changes {
		if ch.What == vendoring.Extra {
			err = errors.Join(err, os.Remove(filepath.Join(at, filepath.FromSlash(ch.Name))))
		}
	}
	return err
}
