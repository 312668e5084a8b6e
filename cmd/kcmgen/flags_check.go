package main

import (
	"fmt"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// checkFlags checks the command line in a file: a unit, a pod, or a list of flags.
func checkFlags(o flagsOptions, minor int, std stdio) error {
	checked, err := gen.CheckFile(o.check, std.in, minor, o.versioned)
	if err != nil {
		return err
	}
	if checked.NoData != "" {
		say(std.err, "there is no data for the image's version %s", checked.NoData)
	}
	findings := checked.Findings
	if o.format == "json" {
		err = printList(std.out, "findings", findings)
	} else {
		err = printFindings(std.out, findings, false)
	}
	if err == nil && o.format != "json" {
		say(std.err, "checked %s against %s: %s", plural(checked.Arguments, "argument"), checked.Version, count(findings))
	}
	if err == nil && o.strict.fails(findings) {
		return errFindings
	}
	return err
}

// count returns the number of findings of each severity as text.
func count(fs []finding.Finding) string {
	of := map[finding.Severity]int{}
	for _, f := range fs {
		of[f.Severity]++
	}
	out := plural(of[finding.Error], "error") + ", " + plural(of[finding.Warning], "warning")
	if n := of[finding.NotChecked]; n > 0 {
		out += fmt.Sprintf(", %d not checked", n)
	}
	return out
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
