package shell

import (
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// align finds a string of the parser in the source, from a position on. The parser has
// removed the escaped line ends from it, and carriage returns.
func (s *Script) align(value string, from int) text.Text {
	src := s.src.String()
	var b text.Builder
	p := from
	for i := 0; i < len(value); {
		rest := src[min(p, len(src)):]
		goesOn := escapedEnd(rest)
		switch {
		case goesOn > 0 && !strings.HasPrefix(value[i:], "\\\n"):
			p += goesOn
			continue
		case strings.HasPrefix(rest, "\r\n") && value[i] == '\n':
			p++
			continue
		}
		b.Byte(value[i], s.src.At(p))
		i++
		p++
	}
	return b.Text()
}

// escapedEnd is the length of the backslash and line end that a text begins with.
func escapedEnd(s string) int {
	switch {
	case strings.HasPrefix(s, "\\\n"):
		return 2
	case strings.HasPrefix(s, "\\\r\n"):
		return 3
	}
	return 0
}

// unescape resolves the backslashes of a text without quotes. plain gets the other bytes,
// escaped those after a backslash.
func unescape(t text.Text, plain, escaped func(text.Text)) {
	str := t.String()
	from := 0
	for i := 0; i < len(str); i++ {
		if str[i] != '\\' {
			continue
		}
		plain(t.Slice(from, i))
		from = i + 1
		switch {
		case from == len(str): // a backslash at the end of the file stands for itself
			escaped(t.Slice(i, from))
		case str[from] == '\n':
			from++
		default:
			escaped(t.Slice(from, from+1))
			from++
		}
		i = from - 1
	}
	plain(t.From(from))
}

// within resolves the backslashes of a text in which only those before some bytes are
// special, as it is in double quotes and here-documents.
func within(t text.Text, special string) text.Text {
	if strings.IndexByte(t.String(), '\\') < 0 {
		return t
	}
	var b text.Builder
	for i := 0; i < t.Len(); i++ {
		c := t.String()[i]
		if c == '\\' && i+1 < t.Len() {
			next := t.String()[i+1]
			if next == '\n' {
				i++
				continue
			}
			if strings.IndexByte(special, next) >= 0 {
				i++
				c = next
			}
		}
		b.Byte(c, t.At(i))
	}
	return b.Text()
}

// ansi decodes the inside of $'…'. It isn't ok if the result isn't plain text.
func ansi(t text.Text) (decoded text.Text, ok bool) {
	str := t.String()
	var b text.Builder
	for i := 0; i < len(str); i++ {
		at := t.At(i)
		if str[i] != '\\' || i+1 == len(str) {
			b.Byte(str[i], at)
			continue
		}
		i++
		if j := strings.IndexByte(`abeEfnrtv\'"?`, str[i]); j >= 0 {
			b.Byte("\a\b\x1b\x1b\f\n\r\t\v\\'\"?"[j], at)
			continue
		}
		code, length := ansiCode(str[i:])
		switch {
		case length == 0: // the backslash stands for itself
			b.Byte('\\', at)
			b.Byte(str[i], t.At(i))
			continue
		case code == 0 || code >= 0x80:
			return text.Text{}, false
		}
		b.Byte(byte(code), at)
		i += length - 1
	}
	return b.Text(), true
}

// ansiCode reads a character's number after a backslash, and its length.
func ansiCode(s string) (code uint64, length int) {
	base, from, most := 16, 1, 0
	switch c := s[0]; {
	case c == 'x':
		most = 2
	case c == 'u':
		most = 4
	case c == 'U':
		most = 8
	case c >= '0' && c <= '7':
		base, from, most = 8, 0, 3
	case c == 'c' && len(s) > 1:
		return uint64(s[1]) & 0x1f, 2
	}
	end := from
	for end < len(s) && end < from+most {
		if _, err := strconv.ParseUint(s[end:end+1], base, 8); err != nil {
			break
		}
		end++
	}
	if end == from {
		return 0, 0
	}
	code, err := strconv.ParseUint(s[from:end], base, 64)
	if err != nil {
		return 0, 0
	}
	return code, end
}
