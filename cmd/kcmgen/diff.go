package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type diffOptions struct {
	hostOptions
	live     bool
	clusters []string
	exitCode bool
}

func newDiff(std stdio) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff [BASE [HEAD]] | diff --live [CLUSTER | DIR | DIR/...]...",
		Short: "Say what a change means, or how hosts differ from what was exported",
		Long: `Diff says what differs between two states of clusters: each flag with its old and
its new value and who set it, address ranges, certificates that would be made
anew, fields of units and pods, findings that come and go, and for each what it
does to a running cluster. No key and no export is needed, nothing is written.

BASE and HEAD are revisions of git, directories with CUE, or directories of review
trees ("kcmgen export --review"). Without BASE it is the last commit, and without
HEAD the files as they are now. Write a directory ./NAME if a revision has its name.

With --live, diff looks at every host of clusters, changes nothing, and prints what
differs from the last export: files by contents, mode and owner, the flags of the
unit, and the running process where it differs from its unit, which was then
edited without a restart. It prints nothing where nothing differs, and exits with 4
where something does.

` + exitCodes,
		Example: `  kcmgen diff                              what isn't committed yet
  kcmgen diff origin/main HEAD             what a branch changes
  kcmgen diff v1 v2 --format html > page.html
  kcmgen diff --live ./cue/prod            what the hosts have
  kcmgen diff --live prod --limit cp-1`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runDiff),
	}
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	cmd.Flags().BoolVar(&o.live, "live", false, "look at the hosts")
	cmd.Flags().StringSliceVar(&o.clusters, "cluster", nil, "compare these clusters only, by name or directory")
	cmd.Flags().BoolVar(&o.exitCode, "exit-code", false, "exit with 4 if something differs, and with 3 if the change brings an error")
	completeFlag(cmd, "cluster", completeClusters)
	limitFlag(cmd, &o.limit)
	formatFlag(cmd, &o.format, "how to print what differs", gen.DiffFormats()...)
	return cmd
}

func runDiff(ctx context.Context, o diffOptions, args []string, now func() time.Time, std stdio) error {
	if o.live {
		return runDrift(ctx, o, args, now, std)
	}
	if len(args) > 2 {
		return usageError{fmt.Errorf("%d arguments, and at most BASE and HEAD are taken; clusters are named with --cluster", len(args))}
	}
	if len(o.limit) > 0 {
		return usageError{errors.New("--limit is about hosts: it needs --live")}
	}
	s := newScreen(std)
	defer s.end()
	opts := gen.DiffOptions{Request: s.request(o.out, o.clusters, now())}
	args = append(args, "", "")
	opts.Base, opts.Head = args[0], args[1]
	d, err := gen.Diff(ctx, opts)
	if err != nil {
		return err
	}
	s.end()
	if err := d.Write(std.out, o.format); err != nil {
		return err
	}
	switch {
	case o.exitCode && d.Fails():
		return errFindings
	case o.exitCode && d.Differs():
		return errDiffers
	}
	return nil
}

// runDrift compares hosts with what was exported for them.
func runDrift(ctx context.Context, o diffOptions, args []string, now func() time.Time, std stdio) error {
	if slices.Contains(gen.DiffFormats(), o.format) {
		return usageError{fmt.Errorf("--format %s: with --live it is text or json", o.format)}
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
