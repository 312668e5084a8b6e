package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
)

type vetOptions struct {
	format    string
	strict    strictness
	waived    bool
	unchecked string
	out       string
	layouts   bool
	test      bool
}

func newVet(std stdio) *cobra.Command {
	var o vetOptions
	cmd := &cobra.Command{
		Use:   "vet [CLUSTER | DIR | DIR/...]...",
		Short: "Check clusters: syntax, types, and the rules between fields",
		Long: `Vet loads the clusters of these names or in these directories, or all clusters of the
CUE module around the working directory, and prints what is wrong with them: file,
line and column, what was expected, and a hint. It prints nothing if nothing is
wrong.

Warnings, and what could not be checked here, fail it only with --strict;
--strict=warnings fails on warnings only. To accept a finding, write into the
cluster: waivers: "rule-id": reason: "why".

--unchecked count prints one line for all that could not be checked. It is for
hooks on machines without the keys.

--layouts renders each node as a unit and as a static pod, reads both back, and names
what differs.

Rules of your own stand in CUE: in policy/ for all clusters of the module, or in a
cluster's package. --test runs the cases beside them instead of checking clusters.

Vet also reads the directory of the clusters' trees, and warns before a CA that an
export made there expires.

` + exitCodes,
		Example: `  kcmgen vet                       every cluster of this CUE module
  kcmgen vet ./cue/example         one cluster, by its directory
  kcmgen vet prod                  one cluster, by its name
  kcmgen vet --format json ./cue/...
  kcmgen vet --layouts prod        also compare each node's unit with its pod
  kcmgen vet --test                run the cases of your own rules`,
		ValidArgsFunction: completeClusters,
		RunE:              func(cmd *cobra.Command, args []string) error { return runVet(cmd.Context(), o, args, std) },
	}
	outFlag(cmd, &o.out)
	formatFlag(cmd, &o.format, "how to print findings")
	strictFlag(cmd, &o.strict, "fail on warnings and on what could not be checked; =warnings: on warnings only")
	cmd.Flags().StringVar(&o.unchecked, "unchecked", "list", "how to print what could not be checked: list, or count for one line")
	completeFlag(cmd, "unchecked", completeWords("list", "count"))
	cmd.Flags().BoolVar(&o.layouts, "layouts", false, "compare what each node starts as a unit and as a static pod")
	cmd.Flags().BoolVar(&o.test, "test", false, "run the cases of your own rules, in these directories or in the whole module")
	cmd.Flags().BoolVar(&o.waived, "waived", false, "show waived findings too")
	return cmd
}

func runVet(ctx context.Context, o vetOptions, args []string, std stdio) error {
	if err := checkFormat(o.format); err != nil {
		return err
	}
	if o.unchecked != "list" && o.unchecked != "count" {
		return usageError{fmt.Errorf("--unchecked is %q, not list or count", o.unchecked)}
	}
	if o.test {
		return runRuleTests(ctx, o, args, std)
	}
	r, err := load(ctx, o.out, args, time.Now(), std)
	if err != nil {
		return err
	}
	both, err := r.CompareLayouts(o.layouts)
	if err != nil {
		return err
	}
	if o.format == "json" {
		err = printJSON(std.out, r.Report(both))
	} else {
		printSkipped(r.Skipped, std)
		shown := r.Findings
		if o.unchecked == "count" {
			shown = withoutUnchecked(shown, std)
		}
		err = printFindings(std.out, shown, o.waived)
		offerExplain(std, shown)
		for _, line := range gen.LayoutLines(both) {
			sayVisibly(std.out, "%s", line)
		}
	}
	if err != nil {
		return err
	}
	if o.strict.fails(r.Findings) {
		return errFindings
	}
	return nil
}

// runRuleTests runs the cases of an organisation's own rules.
func runRuleTests(ctx context.Context, o vetOptions, args []string, std stdio) error {
	t, err := gen.TestRules(ctx, gen.Request{Args: args, Version: version()})
	if err != nil {
		return err
	}
	if o.format == "json" {
		err = printJSON(std.out, t.Report())
	} else {
		err = printFindings(std.out, t.Findings, false)
		for _, line := range t.Lines() {
			sayVisibly(std.out, "%s", line)
		}
	}
	if err == nil && (t.Failed() || o.strict.fails(t.Findings)) {
		return errFindings
	}
	return err
}

func printSkipped(skipped []gen.Skipped, std stdio) {
	for _, s := range skipped {
		say(std.err, "skipped %s: %s", plainName(s.Dir), s.Reason)
	}
}

// printFindings prints each finding with its position, message, what was expected,
// and advice. A finding of several clusters at one position is printed once.
func printFindings(w io.Writer, findings []finding.Finding, waived bool) error {
	shown, others := finding.Shown(findings, waived)
	for _, g := range shown {
		if err := printFinding(w, g.Finding, g.Clusters); err != nil {
			return err
		}
	}
	if others != "" {
		say(w, "%s", others)
	}
	return nil
}

var severityColour = map[finding.Severity]string{finding.Error: red, finding.Warning: yellow, finding.NotChecked: yellow}

func printFinding(w io.Writer, f finding.Finding, clusters []string) error {
	what := colour(w, severityColour[f.Severity], string(f.Severity))
	if f.Waived != "" {
		what = "waived " + what
	}
	where := f.Pos.String()
	if where == "" {
		where = "cluster " + f.Cluster
	}
	_, err := fmt.Fprintf(w, "%s: %s: %s [%s]\n", colour(w, bold, printable(where)), what, printable(f.Message), f.Rule)
	for _, d := range f.Details(clusters) {
		if err == nil {
			_, err = fmt.Fprintf(w, "    %-9s %s\n", d[0], printable(d[1]))
		}
	}
	return err
}
