package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

func newRollback(std stdio) *cobra.Command {
	var o deployOptions
	cmd := &cobra.Command{
		Use:   "rollback [CLUSTER | DIR | DIR/...]",
		Short: "Take the hosts back to the generation before",
		Long: `Rollback takes each host of a cluster back to what it ran before its last deploy:
unit, certificates and keys together, through the same gate, the leader last.
After a first deploy a host gets its own unit back, or none.

Rollback needs nothing of the exported tree, and findings of vet don't stop it.

` + rolloutCodes,
		Example: `  kcmgen rollback ./cue/prod --dry-run
  kcmgen rollback prod
  kcmgen rollback prod --limit cp-2 --yes`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runRollback),
	}
	o.flags(cmd)
	return cmd
}

func runRollback(ctx context.Context, o deployOptions, args []string, now func() time.Time, std stdio) error {
	if err := o.check(); err != nil {
		return err
	}
	r, err := loadHosts(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	if len(r.Clusters) != 1 {
		if len(r.Clusters) == 0 {
			_ = terminal.Findings(std.err, r.Findings, false)
			return errFindings
		}
		return usageError{errors.New("one cluster goes back at a time: name it")}
	}
	done, err := rollbackOne(ctx, o, r.Clusters[0].Cluster, now, std)
	return errors.Join(done.print(std, o), err)
}

func rollbackOne(ctx context.Context, o deployOptions, c *gen.Cluster, now func() time.Time, std stdio) (outcome, error) {
	r, err := o.connect(ctx, c, nil, now, std)
	if err != nil {
		return outcome{}, err
	}
	defer r.Close()
	p, err := r.PlanRollback(ctx)
	if p != nil && len(p.Steps) > 0 {
		p.Notes = append(p.Notes, "what was exported stays exported: the next deploy brings it")
	}
	return carryOut(ctx, o, r, p, err, std)
}
