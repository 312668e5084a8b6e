// Package upgrade brings clusters to another version of Kubernetes: it edits their CUE
// in memory, evaluates and vets the result, and writes all of it or nothing. Package
// steps decides what a cluster needs.
package upgrade

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/upgrade/steps"
)

// parseTarget parses the version to go to. A minor version means the patch release that
// its data comes from.
func parseTarget(s string) (spec.Version, error) {
	if s == "" {
		return spec.Version{}, &gen.OptionError{Err: errors.New("--to says the version to go to, such as " + flags.MinorNames()[len(flags.MinorNames())-1])}
	}
	minor, err := flags.ParseMinor(strings.SplitN(s, "-", 2)[0])
	if err != nil {
		return spec.Version{}, &gen.OptionError{Err: fmt.Errorf("--to: %w", err)}
	}
	if strings.Count(s, ".") == 1 {
		s = flags.Of(minor).Version
	}
	v, err := spec.ParseVersion(s)
	if err != nil {
		return spec.Version{}, &gen.OptionError{Err: fmt.Errorf("--to: %w", err)}
	}
	return v, nil
}

// SkippedMinorsError is an upgrade that skips minor versions.
type SkippedMinorsError struct {
	Cluster  string
	From, To spec.Version
	Next     string // the command for the first step
}

func (e *SkippedMinorsError) Error() string {
	return fmt.Sprintf("%s: from %s to %s are %d minor versions, and Kubernetes goes up one at a time; --skip-minors writes it all the same",
		e.Cluster, e.From, e.To, e.To.Minor-e.From.Minor)
}

// Prepare loads the clusters and plans their steps. It returns gen.ErrFindings if the
// CUE already has errors, which are in Before().Faults. It returns a SkippedMinorsError
// in an OptionError if Options.Write is set and minor versions are skipped.
func Prepare(ctx context.Context, o Options) (*Run, error) {
	to, err := parseTarget(o.To)
	if err != nil {
		return nil, err
	}
	u := &Run{opts: o, to: to}
	if u.before, err = u.load(ctx, o.Args, nil); err != nil {
		return nil, err
	}
	if finding.Failed(u.before.Faults) {
		return u, gen.ErrFindings
	}
	for _, v := range u.before.Clusters {
		plan, err := steps.New(v.Cluster, u.target(v.Cluster.Version))
		if err != nil {
			return nil, &gen.OptionError{Err: err}
		}
		u.Clusters = append(u.Clusters, &Cluster{before: v, Plan: plan})
	}
	if c := u.lowest(); o.Write && !o.SkipMinors && c != nil && u.to.Minor-c.Plan.From.Minor > 1 {
		return nil, &gen.OptionError{Err: &SkippedMinorsError{c.Name(), c.Plan.From, u.to, u.Next()}}
	}
	return u, u.edit(ctx)
}

// Before returns the clusters as loaded, without edits.
func (u *Run) Before() *gen.Loaded { return u.before }

func (u *Run) load(ctx context.Context, args []string, overlay map[string][]byte) (*gen.Loaded, error) {
	r := u.opts.Request
	r.Args, r.Overlay = args, overlay
	return gen.Load(ctx, r)
}

// target returns the version for a cluster: its own if it is a later patch release of
// the target's minor version.
func (u *Run) target(has spec.Version) spec.Version {
	if strings.Count(u.opts.To, ".") == 1 && has.Minor == u.to.Minor && u.to.Older(has) {
		return has
	}
	return u.to
}

// lowest returns the cluster with the oldest minor version.
func (u *Run) lowest() *Cluster {
	var out *Cluster
	for _, c := range u.Clusters {
		if out == nil || c.Plan.From.Minor < out.Plan.From.Minor {
			out = c
		}
	}
	return out
}

// Next returns the command for the first step of the plan.
func (u *Run) Next() string {
	low := u.lowest()
	to, args := u.opts.To, u.opts.Args
	if low.Plan.From.Minor+1 < u.to.Minor && !u.opts.SkipMinors {
		to = flags.MinorName(low.Plan.From.Minor + 1)
		var behind []string
		for _, c := range u.Clusters {
			if c.Plan.From.Minor == low.Plan.From.Minor {
				behind = append(behind, c.Name())
			}
		}
		if len(behind) < len(u.Clusters) {
			args = behind
		}
	}
	out := "kcmgen upgrade --to " + spec.ShellWord(to) + " --write"
	if u.opts.SkipMinors {
		out += " --skip-minors"
	}
	for _, a := range args {
		out += " " + spec.ShellWord(a)
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

// Outcome returns what was written, if it was, and the command to type next.
func (u *Run) Outcome(wrote bool) []string {
	switch {
	case len(u.Changed) == 0:
		return []string{"nothing to write"}
	case !wrote:
		return []string{"nothing written; next: " + u.Next()}
	}
	var out []string
	for _, name := range u.Files() {
		out = append(out, "wrote "+u.Shown(name))
	}
	next := "next: kcmgen export"
	for _, arg := range u.opts.Args {
		next += " " + spec.ShellWord(arg)
	}
	return append(out, next)
}
