package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Findings writes each finding with its position, message, what was expected, and
// advice. A finding of several clusters at one position is written once.
func Findings(w io.Writer, findings []finding.Finding, waived bool) error {
	shown, others := finding.Shown(findings, waived)
	for _, g := range shown {
		if err := Finding(w, g.Finding, g.Clusters); err != nil {
			return err
		}
	}
	if others != "" {
		Say(w, "%s", others)
	}
	return nil
}

// Finding writes a finding. clusters are those that have it, if they are several.
func Finding(w io.Writer, f finding.Finding, clusters []string) error {
	code := Yellow
	if f.Severity == finding.Error {
		code = Red
	}
	what := Colour(w, code, string(f.Severity))
	if f.Waived != "" {
		what = "waived " + what
	}
	where := f.Pos.String()
	if where == "" {
		where = "cluster " + f.Cluster
	}
	_, err := fmt.Fprintf(w, "%s: %s: %s [%s]\n", Colour(w, Bold, finding.Printable(where)), what, finding.Printable(f.Message), f.Rule)
	for _, d := range f.Details(clusters) {
		if err == nil {
			_, err = fmt.Fprintf(w, "    %-9s %s\n", d[0], finding.Printable(d[1]))
		}
	}
	return err
}

// Rows writes columns, each as wide as its widest cell.
func Rows(w io.Writer, rows [][]string) error {
	var width []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], len(cell))
		}
	}
	var b bytes.Buffer
	for _, row := range rows {
		line := ""
		for i, cell := range row {
			line += fmt.Sprintf("%-*s  ", width[i], cell)
		}
		fmt.Fprintln(&b, strings.TrimRight(line, " "))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// jsonSchema is the version of the output of --format json, and the first field of
// each document. docs/compatibility.md says what a reader can rely on.
const jsonSchema = 1

// List writes a document with one list, in JSON.
func List[T any](w io.Writer, name string, list []T) error {
	return JSON(w, map[string]any{name: append([]T{}, list...)})
}

// JSON writes an object with its schema version first.
func JSON(w io.Writer, doc any) error {
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

// Lines writes lines as they are, at once.
func Lines(w io.Writer, lines []string) error {
	var b bytes.Buffer
	for _, line := range lines {
		fmt.Fprintln(&b, line)
	}
	_, err := w.Write(b.Bytes())
	return err
}
