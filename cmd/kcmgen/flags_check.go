package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/existing"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// checkFlags checks the command lines in files: of units, pods and other forms.
func checkFlags(o flagsOptions, files []string, minor int, std stdio) error {
	nodes, err := existing.ParseNodes(o.nodes, append([]string{o.check}, files...))
	if err != nil {
		return usageError{fmt.Errorf("--node %w", err)}
	}
	checked, failed := existing.Check(nodes, std.in, minor, o.versioned)
	for _, v := range checked.WithoutData() {
		terminal.Say(std.err, "there is no data for the image's version %s", v)
	}
	switch {
	case o.format == "json":
		err = terminal.JSON(std.out, checked)
	case o.format != "text":
		err = writeFindings(std, o.format, o.strict, false, func(w io.Writer, out gen.Output) ([]string, error) {
			return gen.WriteChecked(w, checked.Files(), checked.Findings, out)
		})
	default:
		terminal.SayAll(std.err, checked.Describe())
		err = terminal.Findings(std.out, checked.Findings, false)
		offerExplain(std, checked.Findings)
	}
	if err == nil && o.format != "json" && len(checked.Lines) > 0 {
		terminal.Say(std.err, "%s: %s", checked.Summary(), finding.Count(checked.Findings))
	}
	switch {
	case err != nil || failed != nil:
		return errors.Join(err, failed)
	case o.strict.Fails(checked.Findings):
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
