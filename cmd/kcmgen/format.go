package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/terminal"
)

// formatFlag adds --format; how is its help, and more are formats beside text and json.
func formatFlag(cmd *cobra.Command, format *string, how string, more ...string) {
	words := append([]string{"text", "json"}, more...)
	cmd.Flags().StringVar(format, "format", "text", how+": "+either(words))
	completeFlag(cmd, "format", completeWords(words...))
}

func checkFormat(format string, more ...string) error {
	if words := append([]string{"text", "json"}, more...); !slices.Contains(words, format) {
		return usageError{fmt.Errorf("--format is %q, not %s", format, either(words))}
	}
	return nil
}

// either joins two words or more.
func either(words []string) string {
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " or " + words[n]
}

// writeFindings prints findings for other programs, by write, and what it says to stderr.
func writeFindings(std stdio, format string, strict finding.Strictness, waived bool, write func(io.Writer, gen.Output) ([]string, error)) error {
	fails := func(f finding.Finding) bool { return strict.Fails([]finding.Finding{f}) }
	notes, err := write(std.out, gen.Output{Format: format, Fails: fails, Waived: waived})
	terminal.SayAll(std.err, notes)
	return err
}
