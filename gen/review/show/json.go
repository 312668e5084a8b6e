package show

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/kcmgen/kcmgen/gen/review"
)

// Schema is the version of the JSON document.
const Schema = 1

// writeJSON writes a difference as one line. Control characters are escaped, also those that
// encoding/json leaves as they are.
func writeJSON(w *bufio.Writer, d *review.Difference) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	doc := struct {
		Schema int `json:"schema"`
		*review.Difference
	}{Schema, d}
	if err := enc.Encode(doc); err != nil {
		return err
	}
	for _, r := range b.String() {
		if r == 0x7f || r >= 0x80 && r <= 0x9f {
			fmt.Fprintf(w, `\u%04x`, r)
		} else {
			_, _ = w.WriteRune(r) // Flush returns the error
		}
	}
	return nil
}
