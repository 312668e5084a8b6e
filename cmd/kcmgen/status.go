package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type statusOptions struct {
	hostOptions
	watch bool
	every time.Duration
}

func newStatus(std stdio) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status [CLUSTER | DIR | DIR/...]...",
		Short: "Show how clusters run, and what is wrong",
		Long: `Status looks at every host of clusters and at the apiserver, all at once, changes
nothing, and prints a line for each host: since when kube-controller-manager runs,
what was exported, what is on disk and what runs, what it answers, its
certificates and its clock. What is wrong comes below, each with what to type.
A host that can't be reached is a line, too.

Who leads, metrics and nodes are read with the kubeconfig that the cluster names
(deploy.kubeconfig) or --kubeconfig. docs/status.md has the rights it needs, and a
page for each finding.

` + exitCodes,
		Example: `  kcmgen status prod
  kcmgen status --watch prod
  kcmgen status --format html prod >status.html
  kcmgen status --format prometheus ./cue/... >kcmgen.prom`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runStatus),
	}
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	fs := cmd.Flags()
	limitFlag(cmd, &o.limit)
	fs.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig of a user who may read the cluster (default deploy.kubeconfig of the cluster)")
	fs.BoolVarP(&o.watch, "watch", "w", false, "look again and again, until it is ended")
	fs.DurationVar(&o.every, "every", 5*time.Second, "with --watch: the time between two looks")
	formatFlag(cmd, &o.format, "how to print it", "prometheus", "html")
	return cmd
}

func runStatus(ctx context.Context, o statusOptions, args []string, now func() time.Time, std stdio) error {
	switch {
	case o.watch && o.format != "text":
		return usageError{errors.New("--watch prints text: leave --format out")}
	case o.every < time.Second:
		return usageError{errors.New("--every is at least 1s")}
	}
	r, err := loadSound(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	for {
		wrong, err := o.look(ctx, r, now, std)
		switch {
		case o.watch && errors.Is(ctx.Err(), context.Canceled):
			return nil // it was ended
		case err != nil:
			return err
		case !o.watch && wrong:
			return errFindings
		case !o.watch:
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(o.every):
		}
	}
}

// look looks at all clusters once, and prints what was seen.
func (o *statusOptions) look(ctx context.Context, r *gen.Loaded, now func() time.Time, std stdio) (wrong bool, err error) {
	var all []*deploy.Observed
	var failed []error
	for _, v := range r.Clusters {
		seen, err := o.observe(ctx, v.Cluster, now, std)
		if err != nil { // the other clusters are shown all the same
			failed = append(failed, named(v.Cluster, len(r.Clusters), err))
			continue
		}
		all = append(all, seen)
		wrong = wrong || seen.Wrong()
	}
	return wrong, errors.Join(append(failed, o.print(all, std))...)
}

func (o *statusOptions) print(all []*deploy.Observed, std stdio) error {
	switch {
	case len(all) == 0:
		return nil
	case o.format == "json":
		return terminal.List(std.out, "clusters", all)
	case o.format != "text":
		return deploy.WriteStatus(std.out, o.format, all)
	}
	if o.watch && terminal.Is(std.out) {
		terminal.Clear(std.out)
	}
	for i, c := range all {
		if i > 0 {
			fmt.Fprintln(std.out)
		}
		if err := printLines(std.out, deploy.ShowStatus(c)...); err != nil {
			return err
		}
	}
	return nil
}

// observe looks at one cluster.
func (o *statusOptions) observe(ctx context.Context, c *gen.Cluster, now func() time.Time, std stdio) (*deploy.Observed, error) {
	wants, _, err := exported(ctx, c, o.out, std)
	if err != nil {
		terminal.SayVisibly(std.err, "note: %v; hosts are not compared with an export", err)
	}
	settings, err := o.settings(c, now, std)
	if none := errors.Is(err, deploy.ErrNoKubeconfig); err != nil && !none {
		return nil, err
	}
	nodes, err := o.nodes(c)
	if err != nil {
		return nil, err
	}
	seen, err := deploy.Status(ctx, c, nodes, wants, *settings)
	if err != nil {
		return nil, err
	}
	seen.Argument = c.Name
	seen.Find()
	return seen, nil
}
