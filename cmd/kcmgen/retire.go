package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type retireOptions struct {
	hostOptions
	host   string
	dryRun bool
	yes    bool
}

func newRetire(std stdio) *cobra.Command {
	var o retireOptions
	cmd := &cobra.Command{
		Use:   "retire NODE [CLUSTER | DIR]",
		Short: "Stop and clean a host that left the cluster",
		Long: `Retire stops kube-controller-manager on a host whose node was taken out of the CUE,
and removes its unit, the directory of generations with all keys in it, and installed
programs. A unit that kcmgen didn't write, and that the first deploy replaced,
stays in that directory.

Retire connects to the host as its last deploy did; --host names another address,
as in ~/.ssh/config.

` + exitCodes,
		Example: `  kcmgen retire cp-4 ./cue/prod --dry-run
  kcmgen retire cp-4 prod
  kcmgen retire cp-4 prod --host ops@10.0.0.14`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{errors.New("name a node, and its cluster where the module has several")}
			}
			return nil
		},
		RunE: with(&o, std, runRetire),
	}
	outFlag(cmd, &o.out)
	sshConfigFlag(cmd, &o.sshConfig)
	cmd.Flags().StringVar(&o.host, "host", "", "[USER@]HOST instead of what its last deploy used")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be done, and do nothing")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "don't ask")
	return cmd
}

func runRetire(ctx context.Context, o retireOptions, args []string, now func() time.Time, std stdio) error {
	name := args[0]
	r, err := loadHosts(ctx, &o.hostOptions, args[1:], now(), std)
	if err != nil {
		return err
	}
	if len(r.Clusters) != 1 {
		if len(r.Clusters) == 0 {
			return errors.Join(terminal.Findings(std.err, r.Findings, false), errFindings)
		}
		return usageError{errors.New("the module has several clusters: name the node's")}
	}
	c := *r.Clusters[0].Cluster
	if slices.ContainsFunc(c.Nodes, func(n gen.Node) bool { return n.Name == name }) {
		return &deploy.StillInClusterError{Cluster: c.Name, Node: name, Unit: deploy.UnitName(&c)}
	}
	node, err := o.node(ctx, &c, name, std)
	if err != nil {
		return err
	}
	c.Nodes = []gen.Node{*node}
	o.withoutLease = true
	s, err := o.settings(&c, now, std)
	if err != nil {
		return err
	}
	rollout, err := deploy.Begin(ctx, &c, []string{name}, nil, *s)
	if err != nil {
		return err
	}
	defer rollout.Close()
	p, err := rollout.PlanRetirement()
	if err != nil {
		return err
	}
	terminal.SayVisibly(std.err, "%s: retire %s (%s): stops %s, which is %s, removes it and %s", c.Name, p.Node, p.Address, filepath.Base(p.Unit), p.Active, p.Directory)
	if o.dryRun {
		return nil
	}
	if !o.yes {
		if err := confirm(std, "retire", "retire to 1 host?"); err != nil {
			return err
		}
	}
	std.hold()
	report, err := rollout.Retire(ctx)
	report.Kcmgen, report.Action = version(), deploy.ActionRetire
	err = errors.Join(err, record(ctx, o.out, report, std))
	if err == nil {
		_, err = fmt.Fprintf(std.out, "%s: %s: retired\n", c.Name, name)
	}
	return err
}

// node returns the node that was taken out of the CUE, as --host or its last deploy
// has it.
func (o *retireOptions) node(ctx context.Context, c *gen.Cluster, name string, std stdio) (*gen.Node, error) {
	if o.host != "" {
		return deploy.NodeForAddress(name, o.host), nil
	}
	before, err := readPast(ctx, o.out, c.Name, std)
	if err != nil {
		return nil, err
	}
	return before.Node(c.Name, name)
}
