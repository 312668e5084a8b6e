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
	_ = cmd.Flags().SetAnnotation("format", formatWords, words) // there is such a flag
}

// formatWords is the annotation of --format with its words.
const formatWords = "kcmgen-words"

// checkFormat refuses a word that --format doesn't have.
func checkFormat(cmd *cobra.Command) error {
	f := cmd.Flags().Lookup("format")
	if f == nil || slices.Contains(f.Annotations[formatWords], f.Value.String()) {
		return nil
	}
	return usageError{fmt.Errorf("--format is %q, not %s", f.Value, either(f.Annotations[formatWords]))}
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
