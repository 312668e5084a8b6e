package command

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// isList reports whether a text is a list of flags: each of its lines is empty, a comment,
// or begins with a flag or, on the first, with the program; or goes on from the line before.
func isList(t text.Text) bool { return isListOf(t, Program) }

func isListOf(t text.Text, program string) bool {
	continued, first := false, true
	for line := range strings.Lines(t.String()) {
		l := strings.Trim(line, " \t\r\n")
		if l == "" || l[0] == '#' || l[0] == ';' {
			continue
		}
		word, _, _ := strings.Cut(l, " ")
		starts := first && strings.HasSuffix(strings.TrimSuffix(word, `\`), program)
		if starts && strings.ContainsAny(l, "><&|;$`") {
			return false // a line of a shell
		}
		quoted := (l[0] == '\'' || l[0] == '"') && len(l) > 1 && l[1] == '-' && !strings.HasSuffix(l, ",")
		if !continued && !starts && !quoted && l[0] != '-' && !strings.HasPrefix(l, "\ufdd0") {
			return false
		}
		continued, first = strings.HasSuffix(l, `\`), false
	}
	return !first
}

// list reads a list of flags. Quotes are as in units, and variables are holes.
func (r *reader) list(t text.Text) (Command, error) {
	c := Command{Form: List}
	var all []text.Text
	for _, line := range t.Lines() {
		line = line.Trim(" \t\r\n")
		s := line.String()
		if s == "" || s[0] == '#' || s[0] == ';' {
			continue
		}
		if n := len(s) - 1; s[n] == '\\' {
			line = line.Slice(0, n)
		}
		words, err := systemd.Words(r.holes(line), systemd.Unescape)
		if err != nil {
			return c, err
		}
		all = append(all, words...)
		for i, w := range words {
			if len(c.Args) == 0 && c.Program.Len() == 0 && i == 0 && r.is(w) {
				c.Program = w
				continue
			}
			if len(c.Args) == 0 {
				c.At = w.At(0)
			}
			c.Args = append(c.Args, Arg{Text: w})
		}
	}
	if wrapped, ok := r.wrapped(all); ok && r.want == Program {
		return wrapped, nil
	}
	return c, nil
}
