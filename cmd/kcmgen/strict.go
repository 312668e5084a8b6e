package main

import (
	"errors"
	"slices"
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
	return slices.ContainsFunc(findings, func(f finding.Finding) bool {
		switch {
		case f.Waived != "":
			return false
		case f.Severity == finding.Warning:
			return s != ""
		case f.Severity == finding.NotChecked:
			return s == "true"
		}
		return true
	})
}

// withoutUnchecked leaves out what could not be checked, and says so in one line.
func withoutUnchecked(findings []finding.Finding, std stdio) []finding.Finding {
	open := func(f finding.Finding) bool { return f.Severity == finding.NotChecked && f.Waived == "" }
	var rules []string
	n := 0
	for _, f := range findings {
		if open(f) {
			n++
			rules = append(rules, f.Rule)
		}
	}
	if n > 0 {
		slices.Sort(rules)
		say(std.err, "not checked here: %s (%s); kcmgen vet lists them", plural(n, "finding"), strings.Join(slices.Compact(rules), ", "))
	}
	return slices.DeleteFunc(slices.Clone(findings), open)
}
