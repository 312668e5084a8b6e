package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

func newExplain(std stdio) *cobra.Command {
	var version, format string
	names := flags.MinorNames()
	cmd := &cobra.Command{
		Use:   "explain [RULE|FLAG]...",
		Short: "Explain rules, and flags of kube-controller-manager",
		Long: `Explain prints what a rule requires, what happens on a cluster that breaks it, how to
mend it, and where that is known from. A finding shows the name of its rule in
brackets. For a flag it prints its history, what a change of it does to a running
cluster, as kcmgen flags does, and the rules about it. A name may be both.

Without a name it lists all rules, and the other names that findings have: of errors
in CUE, of the schema, and of waivers.

` + exitCodes,
		Example: `  kcmgen explain service-range-differs      a rule
  kcmgen explain --version v1.30 cluster-cidr profiling-on   a flag, and a rule
  kcmgen explain                            all rules
  kcmgen explain --format json | jq -r '.rules[] | select(.controls) | .id'`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			useless := func(name string) bool { return !strings.HasPrefix(name, begun) || slices.Contains(args, name) }
			return slices.DeleteFunc(gen.Explained(), useless), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error { return runExplain(version, format, args, std) },
	}
	cmd.Flags().StringVar(&version, "version", names[len(names)-1], "minor version of Kubernetes, for flags")
	completeFlag(cmd, "version", completeWords(names...))
	formatFlag(cmd, &format, "how to print")
	return cmd
}

func runExplain(version, format string, names []string, std stdio) error {
	minor, err := flags.ParseMinor(version)
	if err != nil {
		return usageError{fmt.Errorf("--version: %w", err)}
	}
	found, unknown := gen.Explain(minor, names)
	switch {
	case format == "json":
		err = terminal.JSON(std.out, found)
	case len(names) == 0:
		err = terminal.Rows(std.out, found.Rows())
	default:
		terminal.SayAll(std.out, found.Lines(minor))
	}
	if err == nil && unknown != nil {
		err = usageError{unknown}
	}
	return err
}

// offerExplain shows a person at a terminal the command that explains findings. It isn't
// for logs, where it would be the same line in each.
func offerExplain(std stdio, findings []finding.Finding) {
	const most = 3
	if rules := finding.Worst(findings, most); len(rules) > 0 && terminal.Is(std.out) && terminal.Is(std.err) {
		terminal.Say(std.err, "hint: kcmgen explain %s", strings.Join(rules, " "))
	}
}
