package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// formatFlag adds --format; how is its help.
func formatFlag(cmd *cobra.Command, format *string, how string) {
	cmd.Flags().StringVar(format, "format", "text", how+": text or json")
	completeFlag(cmd, "format", completeWords("text", "json"))
}

func checkFormat(format string) error {
	if format != "text" && format != "json" {
		return usageError{fmt.Errorf("--format is %q, not text or json", format)}
	}
	return nil
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
