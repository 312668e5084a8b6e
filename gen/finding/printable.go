package finding

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns a text on one line, with control characters and invalid UTF-8
// escaped as in Go: a file name must not control the terminal or look like a line.
func Printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// PlainName returns a file name, quoted if it has unprintable characters or spaces at
// its ends.
func PlainName(name string) string {
	if p := Printable(name); p != name || name != strings.TrimSpace(name) {
		return strconv.Quote(name)
	}
	return name
}
