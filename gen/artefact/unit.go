// Package artefact parses systemd units and static pods, and returns the arguments that
// the program gets.
package artefact

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/unit"
)

// Unit has the values of a systemd unit by section and directive, in the order of their
// lines. An empty value resets the values before it, as in systemd.
type Unit map[string]map[string][]string

// ParseUnit parses a unit file.
func ParseUnit(data []byte) (Unit, error) {
	opts, err := unit.DeserializeOptions(bytes.NewReader(withoutComments(data)))
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

// withoutComments removes what systemd ignores and the library doesn't: comments between
// the lines of one value, and carriage returns.
func withoutComments(data []byte) []byte {
	var out []byte
	continued := false
	for line := range bytes.Lines(data) {
		text := bytes.TrimRight(line, "\r\n")
		if continued && bytes.IndexAny(bytes.TrimLeft(text, " \t"), "#;") == 0 {
			continue
		}
		continued = bytes.HasSuffix(text, []byte(`\`))
		out = append(append(out, text...), line[len(bytes.TrimRight(line, "\n")):]...)
	}
	return out
}

// Args returns the command line of the unit's only ExecStart.
func (u Unit) Args() ([]string, error) {
	line, err := u.execStart()
	if err != nil {
		return nil, err
	}
	words, err := SplitCommand(line)
	return withoutMarks(words), err
}

// execStart returns the unit's only ExecStart after resets by empty ones.
func (u Unit) execStart() (string, error) {
	lines := u["Service"]["ExecStart"]
	for i, line := range slices.Backward(lines) {
		if strings.TrimSpace(line) == "" {
			lines = lines[i+1:]
			break
		}
	}
	if len(lines) != 1 {
		return "", fmt.Errorf("%d ExecStart lines where one is expected", len(lines))
	}
	return lines[0], nil
}

// withoutMarks removes the prefixes of the program's path, and with "@" the next word,
// which sets argv[0].
func withoutMarks(words []string) []string {
	if len(words) == 0 {
		return words
	}
	program := strings.TrimLeft(words[0], execPrefixes)
	if marks := words[0][:len(words[0])-len(program)]; strings.Contains(marks, "@") && len(words) > 1 {
		return append([]string{program}, words[2:]...)
	}
	words[0] = program
	return words
}

// execPrefixes may precede a program's path, in any order (systemd.service(5), "Special
// executable prefixes").
const execPrefixes = "-@:+!|"

// SplitCommand splits a command line as systemd does (systemd.service(5), "Command
// lines"): words at white space, single and double quotes, C escapes, %% and $$. It
// returns an error for a specifier or a variable, whose value only the host knows.
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

// escape parses a C escape, and returns its length and its text.
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
