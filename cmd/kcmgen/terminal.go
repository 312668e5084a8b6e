package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// terminal reports whether a stream is a terminal: only there kcmgen asks questions,
// draws progress and uses colours.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// interactive reports whether kcmgen can ask questions.
func (s stdio) interactive() bool { return terminal(s.in) && terminal(s.err) }

// asker asks questions on a terminal.
type asker struct {
	in  *bufio.Scanner
	out io.Writer
}

func (s stdio) asker() *asker { return &asker{bufio.NewScanner(s.in), s.err} }

// ask asks a question until check accepts the answer, up to ten times. An empty
// answer means fallback.
func (a *asker) ask(question, fallback string, check func(string) error) (string, error) {
	for range 10 {
		fmt.Fprintf(a.out, "%s [%s]: ", question, fallback)
		if !a.in.Scan() {
			return "", errors.Join(errors.New("no answer"), a.in.Err())
		}
		answer := strings.TrimSpace(a.in.Text())
		if answer == "" {
			answer = fallback
		}
		err := check(answer)
		if err == nil {
			return answer, nil
		}
		say(a.out, "%v", err)
	}
	return "", errors.New("no valid answer in ten attempts")
}

// Colours of what people look for first. There are none with NO_COLOR, or where the
// output isn't a terminal.
const (
	red      = "\x1b[31m"
	yellow   = "\x1b[33m"
	bold     = "\x1b[1m"
	unstyled = "\x1b[0m"
)

// colour returns a text in a colour, where w shows colours.
func colour(w io.Writer, code, text string) string {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !terminal(w) {
		return text
	}
	return code + text + unstyled
}

// visible replaces control characters, except tabs and line ends: text from a host
// must not control the terminal.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, s)
}

// sayVisibly is say for text from a host.
func sayVisibly(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, visible(fmt.Sprintf(format, args...)))
}

// printable returns a text on one line, with control characters and invalid UTF-8
// escaped as in Go: a file name must not control the terminal or look like a line.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// plainName returns a file name, quoted if it has unprintable characters or spaces at
// its ends.
func plainName(name string) string {
	if p := printable(name); p != name || name != strings.TrimSpace(name) {
		return strconv.Quote(name)
	}
	return name
}

// coloured escapes control characters, except the codes that colour adds.
func coloured(s string) string {
	var b strings.Builder
next:
	for s != "" {
		for _, code := range []string{red, yellow, bold, unstyled, "\n", "\t"} {
			if rest, ok := strings.CutPrefix(s, code); ok {
				b.WriteString(code)
				s = rest
				continue next
			}
		}
		_, n := utf8.DecodeRuneInString(s)
		b.WriteString(printable(s[:n]))
		s = s[n:]
	}
	return b.String()
}

// meter is a line of progress on a terminal; elsewhere it prints nothing.
type meter struct {
	w    io.Writer
	what string
	last int // percent
}

func newMeter(w io.Writer, what string) *meter {
	if !terminal(w) {
		w = nil
	}
	return &meter{w, what, -1}
}

func (m *meter) step(done, total int) {
	percent := done * 100 / max(total, 1)
	if m.w == nil || total < 4 || percent == m.last {
		return
	}
	m.last = percent
	fmt.Fprintf(m.w, "\r\x1b[K%s %d of %d", m.what, done, total)
}

// end removes the line.
func (m *meter) end() {
	if m.w != nil && m.last >= 0 {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}
