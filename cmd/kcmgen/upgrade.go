package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade"
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
		Long: `Upgrade tells what clusters need to go to another version of Kubernetes, minor
version by minor version: what has to change in their CUE, and why; what changes
without that; what is left to a person. It shows the difference, and writes nothing.

With --write it changes the CUE: the version, names of flags and controllers, flags
and feature gates that are gone. Comments and layout stay. What comes out has been
evaluated and vetted before, and is written whole or not at all. Nor is it if a
cluster that isn't named has a changed file too, and would be another one by it.

Kubernetes goes up one minor version at a time, so --write refuses more without
--skip-minors. The kube-apiserver always goes first.

A minor version, such as v1.37, means the patch that its data was read from.

` + exitCodes + `
(3 also if a person has to settle something first; 2 also for a version that is
unknown, older, or too far away to be written)`,
		Example: `  kcmgen upgrade --to v1.37                 what it takes
  kcmgen upgrade --to v1.37.4 prod          one cluster, to a patch
  kcmgen upgrade --to v1.37 --write prod    change its CUE`,
		ValidArgsFunction: completeClusters,
		RunE:              func(cmd *cobra.Command, args []string) error { return runUpgrade(cmd.Context(), o, args, std) },
	}
	f := cmd.Flags()
	f.StringVar(&o.to, "to", "", "version of Kubernetes to go to, such as v1.37 or v1.37.4")
	f.BoolVar(&o.write, "write", false, "change the CUE files")
	f.BoolVar(&o.skipMinors, "skip-minors", false, "write even if minor versions are left out, as for a new cluster")
	f.StringVar(&o.format, "format", "text", "how to print: text or json")
	completeFlag(cmd, "to", completeWords(minorNames()...))
	completeFlag(cmd, "format", completeWords("text", "json"))
	return cmd
}

// parseTarget reads a version to go to: of a minor alone, the patch that there is
// data of.
func parseTarget(s string) (spec.Version, error) {
	if s == "" {
		return spec.Version{}, usageError{errors.New("--to says the version to go to, such as " + minorNames()[len(minorNames())-1])}
	}
	minor, err := parseMinor(strings.SplitN(s, "-", 2)[0])
	if err != nil {
		return spec.Version{}, usageError{fmt.Errorf("--to: %w", err)}
	}
	if strings.Count(s, ".") == 1 {
		s = flags.Of(minor).Version
	}
	v, err := spec.ParseVersion(s)
	if err != nil {
		return spec.Version{}, usageError{fmt.Errorf("--to: %w", err)}
	}
	return v, nil
}

// skippedMinorsError is an upgrade that leaves minor versions out.
type skippedMinorsError struct {
	cluster  string
	from, to spec.Version
	next     string // the command that doesn't
}

func (e *skippedMinorsError) Error() string {
	return fmt.Sprintf("%s: from %s to %s are %d minor versions, and Kubernetes goes up one at a time; --skip-minors writes it all the same",
		e.cluster, e.from, e.to, e.to.Minor-e.from.Minor)
}

func runUpgrade(ctx context.Context, o upgradeOptions, args []string, std stdio) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	to, err := parseTarget(o.to)
	if err != nil {
		return err
	}
	now := time.Now()
	before, err := load(ctx, args, now, std)
	if err != nil {
		return err
	}
	if finding.Failed(before.faults) {
		return errors.Join(printFindings(std.out, before.faults, false), errFindings)
	}
	u := &upgrading{opts: o, args: args, to: to, now: now, before: before}
	for _, v := range before.clusters {
		plan, err := upgrade.New(v.Cluster, u.target(v.Cluster.Version))
		if err != nil {
			return usageError{err}
		}
		u.clusters = append(u.clusters, &upgraded{before: v, plan: plan})
	}
	if err := u.refuseSkipped(); err != nil {
		return err
	}
	if err := u.edit(ctx, std); err != nil {
		return err
	}
	if err := u.print(std); err != nil {
		return err
	}
	if u.blocked() {
		say(std.err, "nothing written: settle what is marked so, and run it again")
		u.printWaysOut(std)
		return errFindings
	}
	if o.write {
		if err := u.writeFiles(); err != nil {
			return err
		}
	}
	u.printEnd(std)
	return nil
}

// target is the version for a cluster to go to: its own if it is on that minor
// version, with a later patch.
func (u *upgrading) target(has spec.Version) spec.Version {
	if strings.Count(u.opts.to, ".") == 1 && has.Minor == u.to.Minor && u.to.Older(has) {
		return has
	}
	return u.to
}

// refuseSkipped refuses to write past a minor version.
func (u *upgrading) refuseSkipped() error {
	if !u.opts.write || u.opts.skipMinors {
		return nil
	}
	if c := u.lowest(); c != nil && u.to.Minor-c.plan.From.Minor > 1 {
		return usageError{&skippedMinorsError{c.name(), c.plan.From, u.to, u.next()}}
	}
	return nil
}

// lowest is the cluster with the oldest version.
func (u *upgrading) lowest() *upgraded {
	var out *upgraded
	for _, c := range u.clusters {
		if out == nil || c.plan.From.Minor < out.plan.From.Minor {
			out = c
		}
	}
	return out
}

// next is the command that does the first step of what was planned.
func (u *upgrading) next() string {
	low := u.lowest()
	to, args := u.opts.to, u.args
	if low.plan.From.Minor+1 < u.to.Minor && !u.opts.skipMinors {
		to = minorName(low.plan.From.Minor + 1)
		var behind []string
		for _, c := range u.clusters {
			if c.plan.From.Minor == low.plan.From.Minor {
				behind = append(behind, c.name())
			}
		}
		if len(behind) < len(u.clusters) {
			args = behind
		}
	}
	out := "kcmgen upgrade --to " + word(to) + " --write"
	if u.opts.skipMinors {
		out += " --skip-minors"
	}
	for _, a := range args {
		out += " " + word(a)
	}
	return out
}

func workingDir() string {
	cwd, err := os.Getwd()
	if err != nil {
		return "."
	}
	return cwd
}
