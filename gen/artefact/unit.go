// Package artefact reads what starts a component: a systemd unit or a static
// pod becomes an argument list, as the program would get it.
package artefact

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/unit"
)

// Unit is a systemd unit by section and directive, values in the order of their
// lines. An empty value clears what came before, as systemd does it.
type Unit map[string]map[string][]string

// ParseUnit reads a unit file.
func ParseUnit(data []byte) (Unit, error) {
	opts, err := unit.DeserializeOptions(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading unit: %w", err)
	}
	u := Unit{}
	for _, o := range opts {
		if u[o.Section] == nil {
			u[o.Section] = map[string][]string{}
		}
		u[o.Section][o.Name] = append(u[o.Section][o.Name], o.Value)
	}
	return u, nil
}

// Args is the command line of the unit's only ExecStart.
func (u Unit) Args() ([]string, error) {
	lines := u["Service"]["ExecStart"]
	if len(lines) != 1 {
		return nil, fmt.Errorf("%d ExecStart lines where one is expected", len(lines))
	}
	return SplitCommand(lines[0])
}

// SplitCommand splits a command line as systemd does (systemd.service(5),
// "Command lines"): words at white space, single and double quotes, C escapes,
// %% and $$ for one of each. A specifier or a variable is an error: what it
// stands for is known on the host alone.
func SplitCommand(line string) ([]string, error) {
	line = strings.ReplaceAll(line, "\\\n", " ")
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\':
			n, text, err := escape(line[i:])
			if err != nil {
				return nil, err
			}
			word.WriteString(text)
			i += n - 1
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && strings.IndexByte(" \t\n\r", c) >= 0:
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		case c == '%' || c == '$':
			if i+1 == len(line) || line[i+1] != c {
				return nil, fmt.Errorf("a %c at byte %d is a specifier or variable", c, i)
			}
			word.WriteByte(c)
			i++
			in = true
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

// escape reads one C escape; it returns its length and what it stands for.
func escape(s string) (int, string, error) {
	if len(s) < 2 {
		return 0, "", errors.New("a backslash at the end")
	}
	if i := strings.IndexByte(`abfnrtvs\"'`, s[1]); i >= 0 {
		return 2, string("\a\b\f\n\r\t\v \\\"'"[i]), nil
	}
	digits, base, from := 3, 8, 1
	switch s[1] {
	case 'x':
		digits, base, from = 2, 16, 2
	case 'u':
		digits, base, from = 4, 16, 2
	case 'U':
		digits, base, from = 8, 16, 2
	}
	if len(s) < from+digits {
		return 0, "", fmt.Errorf("unknown escape %q", s[:2])
	}
	var n uint64
	for _, c := range []byte(s[from : from+digits]) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || d >= base || c < '0' {
			return 0, "", fmt.Errorf("unknown escape %q", s[:2])
		}
		n = n*uint64(base) + uint64(d)
	}
	if s[1] == 'u' || s[1] == 'U' {
		if n == 0 || n > utf8.MaxRune {
			return 0, "", fmt.Errorf("unknown escape %q", s[:2])
		}
		return from + digits, string(rune(n)), nil
	}
	if n == 0 || n > 255 {
		return 0, "", fmt.Errorf("unknown escape %q", s[:2])
	}
	return from + digits, string([]byte{byte(n)}), nil
}
