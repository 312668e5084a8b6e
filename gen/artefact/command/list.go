package command

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// isList reports whether a text is a list of flags: each of its lines is empty, a comment,
// or begins with a flag or, on the first, with the program; or goes on from the line before.
func isList(t text.Text) bool {
	continued, first := false, true
	for line := range strings.Lines(t.String()) {
		l := strings.Trim(line, " \t\r\n")
		if l == "" || l[0] == '#' || l[0] == ';' {
			continue
		}
		word, _, _ := strings.Cut(l, " ")
		starts := first && strings.HasSuffix(strings.TrimSuffix(word, `\`), Program)
		if starts && strings.ContainsAny(l, "><&|;$`") {
			return false // a line of a shell
		}
		if !continued && !starts && l[0] != '-' && !strings.HasPrefix(l, "\ufdd0") {
			return false
		}
		continued, first = strings.HasSuffix(l, `\`), false
	}
	return !first
}

// list reads a list of flags. Quotes are as in units, and variables are holes.
func (r *reader) list(t text.Text) (Command, error) {
	c := Command{Form: List}
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
		for i, w := range words {
			if len(c.Args) == 0 && c.Program.Len() == 0 && i == 0 && isProgram(w) {
				c.Program = w
				continue
			}
			c.At = cmp.Or(c.At, w.At(0))
			c.Args = append(c.Args, Arg{Text: w})
		}
	}
	return c, nil
}

// isProcess reports whether text with NULs is the command line of the program.
func isProcess(data string) bool {
	for word := range strings.SplitSeq(data, "\x00") {
		if word == Program || strings.HasSuffix(word, "/"+Program) {
			return true
		}
	}
	return false
}

// process reads /proc/PID/cmdline, whose words end in NULs.
func (r *reader) process(t text.Text) ([]Command, error) {
	var words []text.Text
	for s := t.String(); t.Len() > 0; s = t.String() {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			words = append(words, t.Trim("\n"))
			break
		}
		words = append(words, t.Slice(0, i))
		t = t.From(i + 1)
	}
	c, err := r.program(words, nil)
	c.Form, c.At = Process, words[0].At(0)
	return one(c, err)
}

var processHead = lazy.Regexp(`(?m)^[ \t]*(?:UID|USER|PID|F S|F   UID)\b.*\b(?:CMD|COMMAND|ARGS)[ \t\r]*$`)

var processUser = lazy.Regexp(`(?m)^[ \t]*[a-z_0-9+-]*[ \t]*[0-9]+[ \t].*[0-9]+:[0-9]{2}(?:[.:][0-9]+)?[ \t]+\S*` + Program + `[ \t]+-`)

// isProcessList reports whether a text is what ps prints.
func isProcessList(s string) bool {
	return processHead().MatchString(s) || processUser().MatchString(s)
}

// processes reads the program's line of ps, which doesn't quote.
func (r *reader) processes(t text.Text) (Command, error) {
	var found []Command
	for _, line := range t.Lines() {
		words := fields(line)
		for i, w := range words {
			if !isProgram(w) || i+1 < len(words) && !strings.HasPrefix(words[i+1].String(), "-") {
				continue
			}
			if i > 0 && strings.HasSuffix(words[i-1].String(), "grep") {
				continue
			}
			found = append(found, Command{Form: ProcessList, At: w.At(0), Program: w, Args: args(words[i+1:])})
			break
		}
	}
	switch len(found) {
	case 0:
		return Command{}, faultf(t.At(0), "this is a list of processes, and none of them is %s", Program)
	case 1:
		return found[0], nil
	}
	return Command{}, faultf(found[1].At, "%d processes are %s: give the line of one", len(found), Program)
}

// logFlag matches a line with which the program logs a flag when it starts.
var logFlag = lazy.Regexp(`FLAG: (--[A-Za-z0-9_-]+)=(".*)$`)

func isLog(s string) bool { return strings.Contains(s, "] FLAG: --") }

// log reads the flags that the program logged when it started last. They are all that it
// has, those at their defaults too.
func (r *reader) log(t text.Text) (Command, error) {
	c := Command{Form: Log, Defaults: true}
	seen := map[string]bool{}
	for _, line := range t.Lines() {
		line = line.Trim(" \t\r\n")
		m := logFlag().FindStringSubmatchIndex(line.String())
		if m == nil {
			continue
		}
		name := line.Slice(m[2], m[3])
		if seen[name.String()] { // it started again
			c, seen = Command{Form: Log, Defaults: true}, map[string]bool{}
		}
		seen[name.String()] = true
		c.At = cmp.Or(c.At, name.At(0))
		c.Args = append(c.Args, Arg{Text: text.Join(name, text.Literal("=", name.At(name.Len())), r.quoted(line.Slice(m[4], m[5])))})
	}
	return c, nil
}

// quoted decodes a value in Go's quotes. One that is cut off is a hole.
func (r *reader) quoted(t text.Text) text.Text {
	s := t.String()
	if len(s) < 2 || s[len(s)-1] != '"' {
		return r.set.Hole("cut_off", fmt.Sprintf("%s…", s), t.At(0))
	}
	var b text.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
			if s[i] == 'n' {
				b.Byte('\n', t.At(i))
				continue
			}
		}
		b.Byte(s[i], t.At(i))
	}
	return b.Text()
}

var (
	flagzHead = lazy.Regexp(`(?m)^` + Program + ` flagz\s*$`)
	flagzLine = lazy.Regexp(`^([a-z][a-z0-9-]*)=(.*)$`)
)

func isFlagz(s string) bool { return flagzHead().MatchString(s) }

// flagz reads /flagz of a running process: every flag with its value.
func (r *reader) flagz(t text.Text) (Command, error) {
	c := Command{Form: Flagz, Defaults: true}
	for _, line := range t.Lines() {
		line = line.Trim("\r\n")
		m := flagzLine().FindStringSubmatchIndex(line.String())
		if m == nil {
			continue
		}
		value := line.Slice(m[4], m[5])
		if strings.Contains(value.String(), "[REDACTED]") || value.String() == "CLASSIFIED" {
			value = r.set.Hole(line.String()[m[2]:m[3]], value.String(), value.At(0))
		}
		c.At = cmp.Or(c.At, line.At(0))
		c.Args = append(c.Args, Flag(line.String()[m[2]:m[3]], value, line.At(0)))
	}
	return c, nil
}

// supervisor reads a program of supervisord's configuration.
func (r *reader) supervisor(t text.Text) ([]Command, error) {
	var out []Command
	var failed error
	var value text.Builder
	in := false
	env := map[string]text.Text{}
	flush := func() {
		v := value.Text()
		if !in {
			return
		}
		in = false
		words, err := systemd.Words(r.percent(v), systemd.Relax)
		if err == nil {
			var c Command
			if c, err = r.program(words, env); err == nil {
				c.Form, c.At = Supervisor, v.At(0)
				out = append(out, c)
			}
		}
		if failed == nil {
			failed = err
		}
	}
	for _, line := range t.Lines() {
		s := strings.TrimRight(line.String(), " \t\r\n")
		key, _, _ := strings.Cut(s, "=")
		switch {
		case in && s != "" && strings.TrimLeft(s, " \t") != s: // it goes on
			value.Write(line)
			continue
		case s == "" || strings.HasPrefix(s, ";") || strings.HasPrefix(s, "#"):
			continue
		}
		flush()
		if strings.TrimSpace(key) == "command" {
			_, v, _ := line.Cut("=")
			value.Write(v)
			in = true
		}
	}
	flush()
	if len(out) > 0 {
		failed = nil
	}
	return out, failed
}

// percent makes holes of supervisor's expressions, such as %(ENV_X)s.
func (r *reader) percent(t text.Text) text.Text {
	s := t.String()
	var b text.Builder
	for i := 0; i < len(s); i++ {
		end := strings.Index(s[i:], ")s")
		switch {
		case s[i] == ';' && i > 0 && s[i-1] == ' ': // a comment
			return b.Text()
		case strings.HasPrefix(s[i:], "%%"):
			b.Byte('%', t.At(i))
			i++
		case strings.HasPrefix(s[i:], "%(") && end > 0:
			b.Write(r.set.Hole("", s[i:i+end+2], t.At(i)))
			i += end + 1
		default:
			b.Byte(s[i], t.At(i))
		}
	}
	return b.Text()
}
