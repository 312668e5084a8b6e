package main

import (
	"cmp"
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type showOptions struct {
	nodes, flags []string
	format       string
}

func newShow(std stdio) *cobra.Command {
	var o showOptions
	cmd := &cobra.Command{
		Use:   "show [CLUSTER | DIR | DIR/...]...",
		Short: "Show the flags that each node's kube-controller-manager gets, and why",
		Long: `Show prints the command line of each node: every flag with its value, the field of
the cluster that sets it, and the position of that field. Findings go to stderr,
and errors make it exit with 3; clusters that can be evaluated are shown anyway.

` + exitCodes,
		Example: `  kcmgen show prod
  kcmgen show prod --node cp-1 --flag bind-address
  kcmgen show --format json ./cue/example`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runShow),
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.nodes, "node", nil, "show these nodes only")
	f.StringSliceVar(&o.flags, "flag", nil, "show these flags only")
	formatFlag(cmd, &o.format, "how to print")
	completeFlag(cmd, "node", completeNodes)
	completeFlag(cmd, "flag", completeFlagNames)
	return cmd
}

func runShow(ctx context.Context, o showOptions, args []string, now func() time.Time, std stdio) error {
	r, err := load(ctx, "", args, now(), std)
	if err != nil {
		return err
	}
	terminal.SayAll(std.err, gen.SkippedLines(r.Skipped))
	if err := terminal.Findings(std.err, r.Findings, false); err != nil {
		return err
	}
	var faulty error
	if finding.Failed(r.Findings) {
		faulty = errFindings
	}
	all, err := r.Show(o.nodes, o.flags)
	if err != nil {
		return err
	}
	if o.format == "json" {
		err = terminal.List(std.out, "flags", all)
	} else {
		err = terminal.Lines(std.out, gen.ShownLines(all))
	}
	return cmp.Or(err, faulty)
}
