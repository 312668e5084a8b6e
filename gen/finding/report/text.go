package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// encode returns a value as JSON on one line. As in kcmgen's own JSON, control characters
// that JSON permits are escaped: a terminal obeys some of them.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	out := bytes.TrimSpace(b.Bytes())
	if !bytes.ContainsFunc(out, isControl) {
		return out, nil
	}
	var text bytes.Buffer
	for _, r := range string(out) {
		if isControl(r) {
			fmt.Fprintf(&text, `\u%04x`, r)
		} else {
			text.WriteRune(r)
		}
	}
	return text.Bytes(), nil
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f }

// visible replaces control characters, except line ends.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if isControl(r) && r != '\n' {
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// oneLine replaces control characters, and line ends by spaces.
func oneLine(s string) string { return strings.ReplaceAll(visible(s), "\n", " ") }
