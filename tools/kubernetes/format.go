package main

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// format writes facts with a line for each flag, controller and gate, for readable
// diffs between versions.
func format(f *Facts) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n \"version\": %q", f.Version)
	for _, err := range []error{
		section(&out, "flags", f.Flags),
		section(&out, "controllers", f.Controllers),
		section(&out, "featureGates", f.FeatureGates),
	} {
		if err != nil {
			return nil, err
		}
	}
	out.WriteString("\n}\n")
	return out.Bytes(), nil
}

func section[T any](out *bytes.Buffer, name string, rows []T) error {
	fmt.Fprintf(out, ",\n %q: [", name)
	for i, r := range rows {
		if i > 0 {
			out.WriteByte(',')
		}
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(r); err != nil {
			return err
		}
		out.WriteString("\n  ")
		out.Write(spaced(bytes.TrimSpace(text.Bytes())))
	}
	out.WriteString("\n ]")
	return nil
}

// spaced puts a blank after each comma and colon of compact JSON.
func spaced(text []byte) []byte {
	var out []byte
	quoted := false
	for i, c := range text {
		out = append(out, c)
		switch {
		case c == '"' && !escaped(text[:i]):
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return out
}

// escaped reports whether text ends in an odd number of backslashes.
func escaped(text []byte) bool {
	return (len(text)-len(bytes.TrimRight(text, `\`)))%2 == 1
}
