package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/deploy"
	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type deployOptions struct {
	hostOptions
	dryRun  bool
	yes     bool
	outPlan string // the file that a dry run writes its plan to
	plan    string // the file of a plan to carry out

	reviewed *deploy.Reviewed // the plan in that file; nil without --plan
}

func newDeploy(std stdio) *cobra.Command {
	var o deployOptions
	cmd := &cobra.Command{
		Use:   "deploy [CLUSTER | DIR | DIR/...]...",
		Short: "Bring exported files to the hosts, one after the other, healthy or rolled back",
		Long: `Deploy takes what the last export wrote for the hosts of clusters, shows what will
change, and asks. All hosts are then prepared at once, and changed one after the
other, the leader last: its unit is put in place, kube-controller-manager is
restarted, and must become healthy and stay so. A host that isn't healthy is
rolled back; so are those before it, until an instance leads with the new files.
A host that loses its operator goes back by itself.

Where nothing changed, nothing is written and nothing is restarted. The same
command resumes what was interrupted.

With --plan there is no question: deploy carries out exactly that plan, or does
nothing and exits with 4 if the exported files, a host or the leader has changed.

Who leads is read from the apiserver with the kubeconfig that the cluster names
(deploy.kubeconfig) or --kubeconfig. A report on each host is written to
OUT/<cluster>/deploys/.

` + rolloutCodes,
		Example: `  kcmgen deploy ./cue/prod --dry-run     show what would change
  kcmgen deploy ./cue/prod
  kcmgen deploy prod --limit cp-1,cp-2   cp-3 is down
  kcmgen deploy --yes --format json prod
  kcmgen deploy --dry-run --out-plan prod.plan prod   for a review,
  kcmgen deploy --plan prod.plan prod                 and exactly what was reviewed`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runDeploy),
	}
	o.flags(cmd)
	return cmd
}

// flags adds the flags of a command that changes hosts.
func (o *deployOptions) flags(cmd *cobra.Command) {
	hostFlags(cmd, &o.hostOptions)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "show what would be done, and do nothing")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "don't ask")
	cmd.Flags().StringVar(&o.outPlan, "out-plan", "", "with --dry-run: write the plan to this file, too")
	cmd.Flags().StringVar(&o.plan, "plan", "", "do what this plan says, if it still holds, without asking")
}

func runDeploy(ctx context.Context, o deployOptions, args []string, now func() time.Time, std stdio) error {
	if err := o.check(); err != nil {
		return err
	}
	r, err := loadHosts(ctx, &o.hostOptions, args, now(), std)
	if err != nil {
		return err
	}
	if err := o.oneCluster(r); err != nil {
		return err
	}
	if err := terminal.Findings(std.err, r.Findings, false); err != nil {
		return err
	}
	if finding.Failed(r.Findings) {
		terminal.Say(std.err, "kcmgen: nothing was deployed")
		return errFindings
	}
	var all outcome
	for _, v := range r.Clusters {
		one, err := deployOne(ctx, o, v, now, std)
		all.add(one)
		if err != nil {
			return errors.Join(all.print(std, o), named(v.Cluster, len(r.Clusters), err))
		}
	}
	return all.print(std, o)
}

// outcome is the result for clusters. A dry run has plans only.
type outcome struct {
	Plans   []*deploy.Plan   `json:"plans,omitempty"`
	Deploys []*deploy.Report `json:"deploys,omitempty"`
}

func (a *outcome) add(b outcome) {
	a.Plans, a.Deploys = append(a.Plans, b.Plans...), append(a.Deploys, b.Deploys...)
}

// print prints the plans and reports, as text or JSON.
func (a outcome) print(std stdio, o deployOptions) error {
	if o.format == "json" {
		if a.Plans == nil && a.Deploys == nil {
			return nil
		}
		return terminal.JSON(std.out, a)
	}
	var all []deploy.Line
	for _, p := range a.Plans {
		if all = append(all, deploy.ShowPlan(p)...); len(p.Steps) == 0 {
			all = append(all, deploy.ShowUnchanged(p.Cluster, p.Unchanged))
		}
	}
	for _, r := range a.Deploys {
		all = append(all, r.Show()...)
	}
	return printLines(std.out, all...)
}

// named adds the cluster's name to an error if there are several clusters.
func named(c *gen.Cluster, of int, err error) error {
	if of > 1 {
		return fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	return err
}

func deployOne(ctx context.Context, o deployOptions, v *gen.Vetted, now func() time.Time, std stdio) (outcome, error) {
	c := v.Cluster
	wants, state, err := exported(ctx, c, o.out, std)
	if err != nil {
		return outcome{}, err
	}
	behind := make(chan string, 1)
	go func() { behind <- gen.Outdated(ctx, v, state, programs(), now()) }()
	r, err := o.connect(ctx, c, wants, now, std)
	if err != nil {
		return outcome{}, err
	}
	defer r.Close()
	p, err := r.Plan(ctx)
	if p != nil {
		p.Notes = append(p.Notes, o.notes(ctx, c, <-behind, std)...)
	}
	return carryOut(ctx, o, r, p, err, std)
}

// carryOut shows a plan, asks, carries it out and writes the report.
func carryOut(ctx context.Context, o deployOptions, r *deploy.Hosts, p *deploy.Plan, err error, std stdio) (outcome, error) {
	if busy := r.CheckUnlocked(); busy != nil && (err != nil || len(p.Steps) > 0) {
		if err != nil || !o.dryRun {
			return outcome{}, busy
		}
		p.Notes = append(p.Notes, busy.Error()+": the plan will change afterwards")
	}
	if o.dryRun && err == nil {
		return outcome{Plans: []*deploy.Plan{p}}, o.writePlan(p, std)
	}
	if err == nil {
		err = o.reviewed.Check(p)
	}
	if p != nil {
		_ = printLines(std.err, deploy.ShowPlan(p)...) // stderr may be closed
	}
	switch {
	case err != nil:
		return outcome{}, err
	case len(p.Steps) > 0 && !o.yes && o.reviewed == nil:
		if err := confirm(std, p.Action, fmt.Sprintf("%s to %s?", p.Action, plural(len(p.Steps), "host"))); err != nil {
			return outcome{}, err
		}
	}
	std.hold()
	l := newRolloutLog(std)
	report, err := r.Apply(ctx, p, l.Print)
	l.End()
	err = o.reviewed.Moved(err)
	report.Kcmgen, report.Action = version(), p.Action
	if len(p.Steps) > 0 {
		err = errors.Join(err, record(ctx, o.out, report, std))
	}
	return outcome{Deploys: []*deploy.Report{report}}, err
}

// errDeclined ends a command whose question was answered with no.
var errDeclined = errors.New("nothing was done")

// confirm asks whether to go on, and returns an error if not.
func confirm(std stdio, action, question string) error {
	if !std.interactive() {
		return usageError{fmt.Errorf("can't ask here whether to %s: say --yes", action)}
	}
	yes, err := std.asker().Confirm(question)
	if err == nil && !yes {
		return errDeclined
	}
	return err
}

// record writes a report into the cluster's directory.
func record(ctx context.Context, dir string, report *deploy.Report, std stdio) error {
	data, err := report.Encode()
	if err != nil {
		return err
	}
	name, err := gen.PutReport(ctx, dir, report.Cluster, report.Action, report.Started, data, newScreen(std).progress())
	if err == nil {
		terminal.Say(std.err, "wrote %s", name)
	}
	return err
}
