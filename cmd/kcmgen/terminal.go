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

// terminal reports whether a stream is one: only there we ask, draw and colour.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// interactive reports whether somebody can be asked.
func (s stdio) interactive() bool { return terminal(s.in) && terminal(s.err) }

// asker asks questions on a terminal.
type asker struct {
	in  *bufio.Scanner
	out io.Writer
}

func (s stdio) asker() *asker { return &asker{bufio.NewScanner(s.in), s.err} }

// ask puts a question until check accepts the answer; an empty one means the
// default.
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
	return "", errors.New("ten answers that don't fit")
}

// Colours of what people look for first. Whoever sets NO_COLOR, or doesn't read
// this on a terminal, gets none.
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

// visible is a text without control characters but tabs and line ends: what comes
// from a host may be anything, and shouldn't steer the terminal that shows it.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\ufffd'
		}
		return r
	}, s)
}

// sayVisibly is say for what comes from a host.
func sayVisibly(w io.Writer, format string, args ...any) {
	fmt.Fprintln(w, visible(fmt.Sprintf(format, args...)))
}

// printable is a text on one line that shows each control character as Go writes it, and
// what is no UTF-8 too: files are called anything, and nothing in a name may steer
// the terminal, or look like a line of its own.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// plainName is the name of a file from a disk, quoted where that is needed to tell it
// from the text around it.
func plainName(name string) string {
	if p := printable(name); p != name || name != strings.TrimSpace(name) {
		return strconv.Quote(name)
	}
	return name
}

// coloured is a line without control characters but those that colour makes.
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

// meter is a line on a terminal that says how far a run has come; elsewhere it
// says nothing.
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

// end takes the line away.
func (m *meter) end() {
	if m.w != nil && m.last >= 0 {
		fmt.Fprint(m.w, "\r\x1b[K")
	}
}
