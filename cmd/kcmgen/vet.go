package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

type vetOptions struct {
	format    string
	strict    finding.Strictness
	waived    bool
	unchecked string
	out       string
	layouts   bool
	test      bool
	selection gen.Selection
	nodes     []string
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

--format sarif, github, gitlab and junit are for code scanning, workflow commands, code
quality and test reports of CI servers. --severity and --only leave out other findings;
they are not counted either. --new-since REV leaves out those that a revision of git has
too: it evaluates the revision as well, and leaves the work tree alone.

--layouts renders each node as a unit and as a static pod, reads both back, and names
what differs.

Rules of your own stand in CUE: in policy/ for all clusters of the module, or in a
cluster's package. --test runs the cases beside them instead of checking clusters.

--nodes compares with the nodes that exist, as kubectl get nodes -o json prints them:
do the ranges that they have fit, and how many are left?

Vet also reads the directory of the clusters' trees, and warns before a CA that an
export made there expires.

` + exitCodes,
		Example: `  kcmgen vet                       every cluster of this CUE module
  kcmgen vet ./cue/example         one cluster, by its directory
  kcmgen vet prod                  one cluster, by its name
  kcmgen vet --format json ./cue/...
  kcmgen vet --format sarif ./cue/... > kcmgen.sarif
  kcmgen vet --new-since origin/main --severity error
  kcmgen vet --layouts prod        also compare each node's unit with its pod
  kcmgen vet --test                run the cases of your own rules
  kubectl get nodes -o json | kcmgen vet --nodes - prod`,
		ValidArgsFunction: completeClusters,
		RunE:              with(&o, std, runVet),
	}
	vetFlags(cmd, &o)
	return cmd
}

func vetFlags(cmd *cobra.Command, o *vetOptions) {
	outFlag(cmd, &o.out)
	formatFlag(cmd, &o.format, "how to print findings", gen.Formats()...)
	f := cmd.Flags()
	f.StringVar(&o.selection.Severity, "severity", "notchecked", "lowest severity that is shown and counted: error, warning or notchecked")
	f.StringSliceVar(&o.selection.Only, "only", nil, "show and count the findings of these rules only, separated by commas")
	f.StringVar(&o.selection.NewSince, "new-since", "", "show and count only findings that this revision of git doesn't have")
	completeFlag(cmd, "severity", completeWords(gen.SeverityWords()...))
	completeFlag(cmd, "only", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return gen.RuleIDs(), cobra.ShellCompDirectiveNoFileComp
	})
	strictFlag(cmd, &o.strict, "fail on warnings and on what could not be checked; =warnings: on warnings only")
	f.StringVar(&o.unchecked, "unchecked", "list", "how to print what could not be checked: list, or count for one line")
	completeFlag(cmd, "unchecked", completeWords("list", "count"))
	f.BoolVar(&o.layouts, "layouts", false, "compare what each node starts as a unit and as a static pod")
	f.BoolVar(&o.test, "test", false, "run the cases of your own rules, in these directories or in the whole module")
	f.BoolVar(&o.waived, "waived", false, "show waived findings too")
	f.StringArrayVar(&o.nodes, "nodes", nil, "compare with the nodes that exist: `FILE` or CLUSTER=FILE, - for standard input; repeatable")
}

func runVet(ctx context.Context, o vetOptions, args []string, now func() time.Time, std stdio) error {
	if o.unchecked != "list" && o.unchecked != "count" {
		return usageError{fmt.Errorf("--unchecked is %q, not list or count", o.unchecked)}
	}
	if o.test {
		return runRuleTests(ctx, o, args, std)
	}
	s := newScreen(std)
	request := s.request(o.out, args, now())
	request.Selection, request.Nodes, request.Stdin = o.selection, o.nodes, std.in
	r, err := gen.Load(ctx, request)
	s.end()
	if err != nil {
		return err
	}
	both, err := r.CompareLayouts(o.layouts)
	if err != nil {
		return err
	}
	if err = printVetted(o, r, both, std); err != nil {
		return err
	}
	if o.strict.Fails(r.Findings) {
		return errFindings
	}
	return nil
}

// runRuleTests runs the cases of an organisation's own rules.
func runRuleTests(ctx context.Context, o vetOptions, args []string, std stdio) error {
	if o.format != "text" && o.format != "json" {
		return usageError{fmt.Errorf("--test prints text or json, not %s", o.format)}
	}
	t, err := gen.TestRules(ctx, gen.Request{Args: args, Version: version()})
	if err != nil {
		return err
	}
	if o.format == "json" {
		err = terminal.JSON(std.out, t.Report())
	} else {
		err = terminal.Findings(std.out, t.Findings, false)
		for _, line := range t.Lines() {
			terminal.SayVisibly(std.out, "%s", line)
		}
	}
	if err == nil && (t.Failed() || o.strict.Fails(t.Findings)) {
		return errFindings
	}
	return err
}

func printVetted(o vetOptions, r *gen.Loaded, both []gen.Layouts, std stdio) error {
	if o.format == "json" {
		return terminal.JSON(std.out, r.Report(both))
	}
	terminal.SayAll(std.err, gen.SkippedLines(r.Skipped))
	for _, note := range slices.Concat(r.NodeLines(), r.Notes) {
		terminal.SayVisibly(std.err, "%s", note)
	}
	shown, lines := r.Findings, std.out
	if o.unchecked == "count" {
		shown = withoutUnchecked(shown, std)
	}
	var err error
	if o.format == "text" {
		err = terminal.Findings(std.out, shown, o.waived)
		offerExplain(std, shown)
	} else {
		lines = std.err
		err = writeFindings(std, o.format, o.strict, o.waived, func(w io.Writer, out gen.Output) ([]string, error) { return r.Write(w, shown, out) })
	}
	for _, line := range gen.LayoutLines(both) {
		terminal.SayVisibly(lines, "%s", line)
	}
	return err
}
