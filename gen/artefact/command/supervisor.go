package command

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

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
				c.Form, c.At = wrapper(c.Form, Supervisor), v.At(0)
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
