package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// strictness says which findings fail a command beside errors: "true", all;
// "warnings", those alone.
type strictness string

const onlyWarnings = "warnings"

func strictFlag(cmd *cobra.Command, s *strictness, usage string) {
	cmd.Flags().Var(s, "strict", usage)
	cmd.Flags().Lookup("strict").NoOptDefVal = "true"
	completeFlag(cmd, "strict", completeWords(onlyWarnings))
}

// String is pflag.Value.String.
func (s *strictness) String() string {
	if *s == "" {
		return "false"
	}
	return string(*s)
}

// Type is pflag.Value.Type. It is a bool's, with one word more.
func (s *strictness) Type() string { return "bool" }

// Set is pflag.Value.Set.
func (s *strictness) Set(text string) error {
	if text == onlyWarnings {
		*s = onlyWarnings
		return nil
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("true, false or warnings was expected")
	}
	*s = ""
	if on {
		*s = "true"
	}
	return nil
}

// fails reports whether findings end a command with exit code 3.
func (s strictness) fails(findings []finding.Finding) bool {
	return finding.Failed(findings) ||
		s != "" && finding.Has(findings, finding.Warning) || s == "true" && finding.Has(findings, finding.NotChecked)
}

// withoutUnchecked leaves out what could not be checked, and says so in one line.
func withoutUnchecked(findings []finding.Finding, std stdio) []finding.Finding {
	rest, unchecked, rules := finding.SplitUnchecked(findings)
	if unchecked > 0 {
		say(std.err, "not checked here: %s (%s); kcmgen vet lists them", plural(unchecked, "finding"), strings.Join(rules, ", "))
	}
	return rest
}
