package main

import (
	"errors"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// check refuses flags that don't go together, and reads the plan.
func (o *deployOptions) check() error {
	switch {
	case o.outPlan != "" && !o.dryRun:
		return usageError{errors.New("--out-plan writes what would be done: it goes with --dry-run")}
	case o.plan != "" && o.dryRun:
		return usageError{errors.New("--plan does what a plan says, and --dry-run does nothing: give one of them")}
	}
	if o.plan == "" {
		return nil
	}
	var err error
	o.reviewed, err = deploy.ReadReviewed(o.plan)
	return err
}

// oneCluster refuses plans in files for anything but one cluster.
func (o *deployOptions) oneCluster(r *gen.Loaded) error {
	if (o.plan != "" || o.outPlan != "") && len(r.Clusters) != 1 {
		return usageError{errors.New("a plan is for one cluster: name it")}
	}
	return nil
}

// writePlan writes a plan to the file of --out-plan.
func (o *deployOptions) writePlan(p *deploy.Plan, std stdio) error {
	if o.outPlan == "" {
		return nil
	}
	if err := deploy.WritePlan(o.outPlan, p); err != nil {
		return err
	}
	terminal.Say(std.err, "wrote %s", o.outPlan)
	return nil
}
