package main

import (
	"errors"
	"fmt"

	"github.com/kcmgen/kcmgen/gen/existing"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// checkFlags checks the command lines in files: of units, pods and other forms.
func checkFlags(o flagsOptions, files []string, minor int, std stdio) error {
	nodes, err := existing.ParseNodes(o.nodes, append([]string{o.check}, files...))
	if err != nil {
		return usageError{fmt.Errorf("--node %w", err)}
	}
	checked, failed := existing.Check(nodes, std.in, minor, o.versioned)
	for _, v := range checked.WithoutData() {
		say(std.err, "there is no data for the image's version %s", v)
	}
	if o.format == "json" {
		err = printJSON(std.out, checked)
	} else {
		sayAll(std.err, checked.Describe())
		err = printFindings(std.out, checked.Findings, false)
		offerExplain(std, checked.Findings)
	}
	if err == nil && o.format != "json" && len(checked.Lines) > 0 {
		say(std.err, "%s: %s", checked.Summary(), finding.Count(checked.Findings))
	}
	switch {
	case err != nil || failed != nil:
		return errors.Join(err, failed)
	case o.strict.fails(checked.Findings):
		return errFindings
	}
	return nil
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
