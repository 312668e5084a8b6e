package main

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
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
		RunE: func(cmd *cobra.Command, args []string) error {
			return runDiff(cmd.Context(), o, args, time.Now, std)
		},
	}
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	cmd.Flags().BoolVar(&o.live, "live", false, "look at the hosts")
	cmd.Flags().StringSliceVar(&o.limit, "limit", nil, "these nodes only, such as cp-1,cp-2")
	formatFlag(cmd, &o.format, "how to print what differs")
	completeFlag(cmd, "limit", completeNodeList)
	return cmd
}

func runDiff(ctx context.Context, o diffOptions, args []string, now func() time.Time, std stdio) error {
	if !o.live {
		return usageError{errors.New("say what to compare with the exported tree: --live, the hosts")}
	}
	if err := checkFormat(o.format); err != nil {
		return err
	}
	r, err := loadHosts(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	if len(r.Faults) > 0 {
		return errors.Join(printFindings(std.err, r.Faults, false), errFindings)
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
		}
		if o.format == "text" {
			printDrifts(std.out, c.Name, drifts)
		}
	}
	if o.format == "json" {
		if err := printList(std.out, "hosts", all); err != nil {
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

func printDrifts(w io.Writer, cluster string, drifts []deploy.Drift) {
	for _, d := range drifts {
		if d.InSync() {
			continue
		}
		sayVisibly(w, "%s: %s (%s): runs %s, exported is %s", cluster, d.Node, d.Address, shortGeneration(d.Runs), shortGeneration(d.Desired))
		if d.Trial != "" {
			sayVisibly(w, "    trial: %s isn't confirmed", shortGeneration(d.Trial))
		}
		if d.Holder != "" {
			sayVisibly(w, "    it is being changed by %s", d.Holder)
		}
		printChanges(w, "    ", d.Files, d.Flags, d.Unit)
		for _, f := range d.DropIns {
			sayVisibly(w, "    drop-in %s changes the unit", f)
		}
		if d.Process != "" {
			sayVisibly(w, "    process: %s", d.Process)
		}
	}
}
