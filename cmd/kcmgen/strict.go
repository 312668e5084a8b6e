package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

func strictFlag(cmd *cobra.Command, s *finding.Strictness, usage string) {
	cmd.Flags().Var(s, "strict", usage)
	cmd.Flags().Lookup("strict").NoOptDefVal = "true"
	completeFlag(cmd, "strict", completeWords(finding.OnlyWarnings))
}

// withoutUnchecked leaves out what could not be checked, and prints one line about it.
func withoutUnchecked(findings []finding.Finding, std stdio) []finding.Finding {
	rest, unchecked, rules := finding.SplitUnchecked(findings)
	if unchecked > 0 {
		terminal.Say(std.err, "not checked here: %s (%s); kcmgen vet lists them", plural(unchecked, "finding"), strings.Join(rules, ", "))
	}
	return rest
}
