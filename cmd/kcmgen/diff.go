package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type diffOptions struct {
	hostOptions
	live bool
}

func newDiff(std stdio) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff --live [CLUSTER | DIR | DIR/...]...",
		Short: "Compare what the hosts have with what was exported for them",
		Long: `Diff looks at every host of clusters, changes nothing, and prints what differs
from the last export: files by contents, mode and owner, the flags of the unit,
and the running process where it differs from its unit, which was then edited
without a restart. It prints nothing where nothing differs.

` + exitCodes,
		Example: `  kcmgen diff --live ./cue/prod
  kcmgen diff --live prod --limit cp-1
  kcmgen diff --live --format json prod`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runDiff),
	}
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	cmd.Flags().BoolVar(&o.live, "live", false, "look at the hosts")
	limitFlag(cmd, &o.limit)
	formatFlag(cmd, &o.format, "how to print what differs")
	return cmd
}

func runDiff(ctx context.Context, o diffOptions, args []string, now func() time.Time, std stdio) error {
	if !o.live {
		return usageError{errors.New("say what to compare with the exported tree: --live, the hosts")}
	}
	r, err := loadSound(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	o.withoutLease, o.thorough = true, true
	all := []clusterDrift{}
	same := true
	for _, v := range r.Clusters {
		c := v.Cluster
		wants, _, err := exported(ctx, c, o.out, std)
		if err != nil {
			return named(c, len(r.Clusters), err)
		}
		rollout, err := o.connect(ctx, c, wants, now, std)
		if err != nil {
			return named(c, len(r.Clusters), err)
		}
		drifts := rollout.Drifts()
		rollout.Close()
		for _, d := range drifts {
			same = same && d.InSync()
			all = append(all, clusterDrift{c.Name, d})
			if o.format == "text" {
				if err := printLines(std.out, deploy.ShowDrift(c.Name, d)...); err != nil {
					return err
				}
			}
		}
	}
	if o.format == "json" {
		if err := terminal.List(std.out, "hosts", all); err != nil {
			return err
		}
	}
	if !same {
		return errDiffers
	}
	return nil
}

// clusterDrift is how a host of a cluster differs from the export.
type clusterDrift struct {
	Cluster string `json:"cluster"`
	deploy.Drift
}
