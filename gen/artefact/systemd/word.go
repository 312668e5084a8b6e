package systemd

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// Syntax says how words are split (systemd's extract_first_word).
type Syntax int

// The flags of Syntax.
const (
	// Unescape: a backslash begins an escape of C. An unknown one stays as it is.
	Unescape Syntax = 1 << iota
	// Relax: a quote or a backslash at the end is as if it were not there.
	Relax
	// Strict, with Unescape: an unknown escape is an error.
	Strict
	// Tail, with Unescape: a backslash at the end stays, as an unknown escape does.
	Tail
)

// Words splits a value into words at white space. Quotes may begin within a word.
func Words(t text.Text, syntax Syntax) ([]text.Text, error) {
	var out []text.Text
	for {
		word, rest, ok, err := Word(t, syntax)
		if err != nil || !ok {
			return out, err
		}
		out, t = append(out, word), rest
	}
}

// Word returns the first word of a value and what follows it. ok is false if there is none.
func Word(t text.Text, syntax Syntax) (word, rest text.Text, ok bool, err error) {
	s := t.String()
	i := 0
	for i < len(s) && strings.IndexByte(blanks, s[i]) >= 0 {
		i++
	}
	if i == len(s) {
		return text.Text{}, text.Text{}, false, nil
	}
	var b text.Builder
	quote, began := byte(0), i
	for i < len(s) {
		c := s[i]
		switch {
		case c == '\\':
			n, err := escape(&b, t, i, syntax, quote != 0)
			if err != nil {
				return text.Text{}, text.Text{}, false, err
			}
			i += n
			continue
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, began = c, i
		case quote == 0 && strings.IndexByte(blanks, c) >= 0:
			for i < len(s) && strings.IndexByte(blanks, s[i]) >= 0 {
				i++
			}
			return b.Text(), t.From(i), true, nil
		default:
			b.Byte(c, t.At(i))
		}
		i++
	}
	if quote != 0 && syntax&Relax == 0 {
		return text.Text{}, text.Text{}, false, &Error{t.At(began), "a quote is not closed"}
	}
	return b.Text(), text.Text{}, true, nil
}

// escape writes what a backslash at i stands for, and returns the length of the escape.
func escape(b *text.Builder, t text.Text, i int, syntax Syntax, quoted bool) (int, error) {
	s := t.String()[i:]
	switch {
	case len(s) == 1 && syntax&Relax != 0:
		return 1, nil
	case len(s) == 1 && syntax&Tail != 0 && !quoted:
		b.Byte('\\', t.At(i))
		return 1, nil
	case len(s) == 1:
		return 0, &Error{t.At(i), "a backslash is at the end"}
	case syntax&Unescape == 0:
		b.Byte(s[1], t.At(i+1))
		return 2, nil
	}
	n, value := unescape(s)
	if n == 0 && syntax&Strict != 0 {
		return 0, &Error{t.At(i), fmt.Sprintf("%q is no escape", s[:2])}
	}
	if n == 0 { // systemd warns, and keeps it
		b.Byte('\\', t.At(i))
		b.Byte(s[1], t.At(i+1))
		return 2, nil
	}
	b.Literal(value, t.At(i))
	return n, nil
}

// unescape returns the length and the text of an escape of C (cunescape_one); 0 if it is
// none.
func unescape(s string) (int, string) {
	if i := strings.IndexByte(`abfnrtvs\"'`, s[1]); i >= 0 {
		return 2, string("\a\b\f\n\r\t\v \\\"'"[i])
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
		return 0, ""
	}
	var n uint64
	for _, c := range []byte(s[from : from+digits]) {
		d := strings.IndexByte("0123456789abcdef", c|0x20)
		if d < 0 || d >= base || c < '0' {
			return 0, ""
		}
		n = n*uint64(base) + uint64(d) //nolint:gosec // d is 0 to 15
	}
	switch wide := digits > 3 || s[1] == 'u'; {
	case n == 0, wide && (n > utf8.MaxRune || !utf8.ValidRune(rune(n))), !wide && n > 255: //nolint:gosec // bounded before
		return 0, ""
	case wide:
		return from + digits, string(rune(n)) //nolint:gosec // bounded
	}
	return from + digits, string([]byte{byte(n)})
}
