package main

import (
	"errors"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// strictness says which findings fail a command in addition to errors: "true" for
// all, or "warnings".
type strictness string

const onlyWarnings = "warnings"

func strictFlag(cmd *cobra.Command, s *strictness, usage string) {
	cmd.Flags().Var(s, "strict", usage)
	cmd.Flags().Lookup("strict").NoOptDefVal = "true"
	completeFlag(cmd, "strict", completeWords(onlyWarnings))
}

// String implements pflag.Value.
func (s *strictness) String() string {
	if *s == "" {
		return "false"
	}
	return string(*s)
}

// Type implements pflag.Value. The flag is a bool that also accepts "warnings".
func (s *strictness) Type() string { return "bool" }

// Set implements pflag.Value.
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

// withoutUnchecked leaves out what could not be checked, and prints one line about it.
func withoutUnchecked(findings []finding.Finding, std stdio) []finding.Finding {
	rest, unchecked, rules := finding.SplitUnchecked(findings)
	if unchecked > 0 {
		say(std.err, "not checked here: %s (%s); kcmgen vet lists them", plural(unchecked, "finding"), strings.Join(rules, ", "))
	}
	return rest
}
