package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/upgrade"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type upgradeOptions struct {
	to, format        string
	write, skipMinors bool
}

func newUpgrade(std stdio) *cobra.Command {
	var o upgradeOptions
	cmd := &cobra.Command{
		Use:   "upgrade --to VERSION [CLUSTER | DIR | DIR/...]...",
		Short: "Bring clusters to another version of Kubernetes",
		Long: `Upgrade prints what clusters need to go to another version of Kubernetes, minor
version by minor version: what has to change in their CUE, and why; what changes
without that; what is left to a person. It shows the difference, and writes nothing.

With --write it changes the CUE: the version, names of flags and controllers, flags
and feature gates that are gone. Comments and layout stay. The result is evaluated
and vetted first, and written whole or not at all. Nothing is written if an edit
would change a cluster that isn't named and shares the file.

Kubernetes goes up one minor version at a time, so --write refuses more without
--skip-minors. The kube-apiserver always goes first.

A minor version, such as v1.37, means the patch release that its data comes from.

` + exitCodes + `
(3 also if a person has to settle something first; 2 also for a version that is
unknown, older, or too far away to be written)`,
		Example: `  kcmgen upgrade --to v1.37                 what it takes
  kcmgen upgrade --to v1.37.4 prod          one cluster, to a patch
  kcmgen upgrade --to v1.37 --write prod    change its CUE`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runUpgrade),
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "version of Kubernetes to go to, such as v1.37 or v1.37.4")
	f.BoolVar(&o.write, "write", false, "change the CUE files")
	f.BoolVar(&o.skipMinors, "skip-minors", false, "write even if minor versions are left out, as for a new cluster")
	formatFlag(cmd, &o.format, "how to print")
	completeFlag(cmd, "to", completeWords(flags.MinorNames()...))
	return cmd
}

func runUpgrade(ctx context.Context, o upgradeOptions, args []string, now func() time.Time, std stdio) error {
	screen := newScreen(std)
	u, err := upgrade.Prepare(ctx, upgrade.Options{Request: screen.request("", args, now()), To: o.to, Write: o.write, SkipMinors: o.skipMinors})
	screen.end()
	if errors.Is(err, gen.ErrFindings) {
		return errors.Join(terminal.Findings(std.out, u.Before().Faults, false), errFindings)
	}
	if err != nil {
		return err
	}
	if err := printUpgrade(u, o.format, std); err != nil {
		return err
	}
	if u.Blocked() {
		terminal.Say(std.err, "nothing written: settle what is marked so, and run it again")
		terminal.SayAll(std.err, u.WaysOut().Lines())
		return errFindings
	}
	if o.write {
		if err := u.Write(); err != nil {
			return err
		}
	}
	terminal.SayAll(std.err, u.Outcome(o.write))
	return nil
}
