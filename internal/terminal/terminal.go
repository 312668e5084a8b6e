// Package terminal writes to people and asks them: lines that can't control the terminal,
// colours, findings, tables, progress and questions.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Is reports whether a stream is a terminal: only there kcmgen asks questions, draws
// progress and uses colours.
func Is(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Colours of what people look for first. There are none with NO_COLOR, or where the
// output isn't a terminal.
const (
	Red      = "\x1b[31m"
	Yellow   = "\x1b[33m"
	Bold     = "\x1b[1m"
	unstyled = "\x1b[0m"
)

// Colour returns a text in a colour, where w shows colours.
func Colour(w io.Writer, code, text string) string {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !Is(w) {
		return text
	}
	return code + text + unstyled
}

// Clear empties a terminal's screen.
func Clear(w io.Writer) { fmt.Fprint(w, "\x1b[H\x1b[2J\x1b[3J") }

// Visible replaces control characters, except tabs and line ends: text from a host
// must not control the terminal.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, s)
}

// Say writes a line to a person. Control characters are escaped, except the codes that
// Colour adds.
func Say(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, coloured(fmt.Sprintf(format, args...)))
}

// SayAll writes lines to a person.
func SayAll(w io.Writer, lines []string) {
	for _, line := range lines {
		Say(w, "%s", line)
	}
}

// SayVisibly is Say for text from a host, which may have several lines.
func SayVisibly(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, Visible(fmt.Sprintf(format, args...)))
}

// coloured escapes control characters, except the codes that Colour adds.
func coloured(s string) string {
	var b strings.Builder
next:
	for s != "" {
		for _, code := range []string{Red, Yellow, Bold, unstyled, "\n", "\t"} {
			if rest, ok := strings.CutPrefix(s, code); ok {
				b.WriteString(code)
				s = rest
				continue next
			}
		}
		_, n := utf8.DecodeRuneInString(s)
		b.WriteString(finding.Printable(s[:n]))
		s = s[n:]
	}
	return b.String()
}
