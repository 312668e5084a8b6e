package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/finding"
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
	sayAll(std.err, notes)
	return err
}

// jsonSchema is the version of the output of --format json, and the first field of
// each document. docs/compatibility.md says what a reader can rely on.
const jsonSchema = 1

// printList prints a document with one list.
func printList[T any](w io.Writer, name string, list []T) error {
	return printJSON(w, map[string]any{name: append([]T{}, list...)})
}

// printJSON prints an object with its schema version first.
func printJSON(w io.Writer, doc any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	body := bytes.TrimSpace(b.Bytes())[1:]
	head := fmt.Sprintf(`{"schema":%d,`, jsonSchema)
	if body[0] == '}' {
		head = head[:len(head)-1]
	}
	var out bytes.Buffer
	if err := json.Indent(&out, append([]byte(head), body...), "", "  "); err != nil {
		return err
	}
	// JSON escapes control characters below space only; terminals obey others too.
	var text strings.Builder
	for _, r := range out.String() {
		if r >= 0x7f && r <= 0x9f {
			fmt.Fprintf(&text, `\u%04x`, r)
		} else {
			text.WriteRune(r)
		}
	}
	_, err := io.WriteString(w, text.String()+"\n")
	return err
}
