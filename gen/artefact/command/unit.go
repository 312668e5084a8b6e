package command

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var (
	unitSection = lazy.Regexp(`(?m)^[ \t]*\[(Service|Unit|Container)\][ \t\r]*$`)
	heredoc     = lazy.Regexp(`<<-?[ \t]*["'\\]?[A-Za-z_]`)
)

// isUnit reports whether a text is a unit: it begins with a section.
func isUnit(s string) bool {
	at := unitSection().FindStringIndex(s)
	if at == nil {
		return false
	}
	for line := range strings.Lines(s[:at[0]]) {
		if t := strings.Trim(line, " \t\r\n"); t != "" && !strings.HasPrefix(t, "#") && !strings.HasPrefix(t, ";") && !strings.HasPrefix(t, "[") && !strings.Contains(t, "=") {
			return false // a script or YAML that holds a unit
		}
	}
	return !heredoc().MatchString(s[:at[0]])
}

// units reads the command lines of units, each with the drop-ins that belong to it.
func (r *reader) units(all []*loaded) {
	var main, more []*loaded
	for _, l := range all {
		switch {
		case l.unit == nil:
		case !isDropIn(l.Name) && len(starts(l.unit)) > 0:
			main = append(main, l)
		default:
			more = append(more, l)
		}
	}
	if len(main) == 0 { // a drop-in may have the whole command
		i := slices.IndexFunc(more, func(l *loaded) bool { return len(starts(l.unit)) > 0 })
		if i < 0 {
			return
		}
		main, more = more[i:i+1], slices.Delete(slices.Clone(more), i, i+1)
	}
	// Drop-ins are read by their names' order.
	slices.SortStableFunc(more, func(a, b *loaded) int { return cmp.Compare(path.Base(a.Name), path.Base(b.Name)) })
	used := map[*loaded]bool{}
	for _, l := range main {
		whole := &systemd.Unit{}
		whole.Add(l.unit)
		for _, d := range more {
			if len(main) == 1 || path.Base(path.Dir(d.Name)) == path.Base(l.Name)+".d" {
				whole.Add(d.unit)
				used[d] = true
			}
		}
		c, err := r.unit(whole)
		if l.err = err; err == nil {
			l.docs = []Command{c}
		}
	}
	for _, d := range more {
		if !used[d] {
			d.err = faultf(d.text.At(0), "it is a drop-in, and there is more than one unit that it may belong to: put it into UNIT.d")
		}
	}
}

// isDropIn reports whether a file's name is that of a drop-in.
func isDropIn(name string) bool { return path.Ext(name) == ".conf" }

func starts(u *systemd.Unit) []systemd.Directive {
	if out := u.Values("Service", "ExecStart"); len(out) > 0 {
		return out
	}
	return u.Values("Container", "Exec")
}

// unit reads the command line of a unit.
func (r *reader) unit(u *systemd.Unit) (Command, error) {
	if fixed, at, ok := r.continued(u); ok {
		c, err := r.unit(fixed)
		c.Notes = append(c.Notes, Note{
			at, "unit-continuation", fmt.Sprintf("the line ends in two backslashes, which continue nothing: systemd reads the %s after it as directives that it doesn't know", lines(u)),
			`one backslash, as in "\"; two are for a here-document of a shell`,
		})
		return c, err
	}
	lines := starts(u)
	env, notes, err := r.unitEnvironment(u)
	if err != nil {
		return Command{}, err
	}
	if len(lines) > 1 && u.Values("Service", "Type") == nil {
		return Command{}, faultf(lines[1].At, "%d ExecStart lines where one is expected: systemd refuses a second one without Type=oneshot", len(lines))
	}
	var last error
	for _, d := range lines {
		if image := u.Values("Container", "Image"); d.Section == "Container" && len(image) > 0 {
			return r.quadlet(u, d, image[0].Value, env, notes)
		}
		commands, err := systemd.Commands(r.set, d.Value, env)
		if err != nil {
			return Command{}, err
		}
		for _, line := range commands {
			c, err := r.program(append([]text.Text{line.Program}, line.Args...), env)
			if err != nil {
				last = cmp.Or(last, err)
				continue
			}
			c.Form, c.At, c.UnitFile = Unit, d.At, r.opened(u)
			if !line.Program.Known() || strings.HasPrefix(line.Program.String(), "$") {
				c.Notes = append(c.Notes, Note{line.At, "unit-program", fmt.Sprintf("%s is no path for systemd: it replaces no variables in a program's path", r.set.Show(line.Program)), "an absolute path"})
			}
			c.Notes = append(append(c.Notes, notes...), ignoredLines(u)...)
			return c, nil
		}
	}
	return Command{}, last
}

// opened returns a unit whose directives have holes for ${A}, which systemd replaces in
// commands only: something else fills it in before.
func (r *reader) opened(u *systemd.Unit) *systemd.Unit {
	out := &systemd.Unit{Directives: slices.Clone(u.Directives), Ignored: u.Ignored}
	for i, d := range out.Directives {
		if !strings.HasPrefix(d.Name, "Exec") && strings.Contains(d.Value.String(), "${") {
			out.Directives[i].Value = r.holes(d.Value)
		}
	}
	return out
}

// quadlet reads a unit of podman's.
func (r *reader) quadlet(u *systemd.Unit, d systemd.Directive, image text.Text, env map[string]text.Text, notes []Note) (Command, error) {
	words, err := systemd.Words(d.Value, systemd.Unescape)
	if err != nil {
		return Command{}, err
	}
	c, err := r.container(words, env, image, d.At)
	c.Form, c.At, c.UnitFile = Unit, d.At, u
	c.Notes = append(append(c.Notes, notes...), ignoredLines(u)...)
	return c, err
}

// lines says how many lines systemd ignores after two backslashes.
func lines(u *systemd.Unit) string {
	n := 0
	for _, i := range u.Ignored {
		if i.After != nil {
			n++
		}
	}
	if n == 1 {
		return "line"
	}
	return fmt.Sprintf("%d lines", n)
}

// continued returns a unit whose lines that end in two backslashes go on, as their writer
// meant it, and the place of the first of them.
func (r *reader) continued(u *systemd.Unit) (*systemd.Unit, text.At, bool) {
	var first *systemd.Directive
	out := &systemd.Unit{Directives: slices.Clone(u.Directives)}
	for _, i := range u.Ignored {
		at := slices.IndexFunc(out.Directives, func(d systemd.Directive) bool { return i.After != nil && d.At == i.After.At })
		if at < 0 || !strings.HasPrefix(i.Line.String(), "-") {
			out.Ignored = append(out.Ignored, i)
			continue
		}
		d := &out.Directives[at]
		if first == nil {
			first = i.After
		}
		d.Value = text.Join(withoutBackslashes(d.Value), text.Literal(" ", i.At), withoutBackslashes(i.Line))
	}
	if first == nil {
		return nil, text.At{}, false
	}
	return out, first.Value.At(first.Value.Len() - 2), true
}

func withoutBackslashes(t text.Text) text.Text {
	s := strings.TrimRight(t.String(), " \t")
	for strings.HasSuffix(s, `\`) {
		s = s[:len(s)-1]
	}
	return t.Slice(0, len(s))
}

// ignoredLines are notes of the lines that systemd ignores in a unit's [Service].
func ignoredLines(u *systemd.Unit) []Note {
	var out []Note
	for _, i := range u.Ignored {
		line := i.Line.String()
		if strings.HasPrefix(line, ".include ") {
			out = append(out, Note{i.At, "unit-line", fmt.Sprintf("%.80q: systemd includes no files since v247, and ignores the line", line), "a drop-in, and its file given here"})
			continue
		}
		out = append(out, Note{i.At, "unit-line", fmt.Sprintf("systemd ignores %.80q: %s", line, i.Why), "a directive, or no such line"})
	}
	return out
}

// unitEnvironment returns the variables that a unit and the files at hand define.
func (r *reader) unitEnvironment(u *systemd.Unit) (map[string]text.Text, []Note, error) {
	env := map[string]text.Text{}
	section := "Service"
	if u.Has("Container") {
		section = "Container"
	}
	for _, d := range u.Values(section, "Environment") {
		words, err := systemd.Words(d.Value, systemd.Unescape)
		if err != nil {
			return nil, nil, err
		}
		for _, w := range words {
			if name, value, ok := w.Cut("="); ok {
				env[name.String()] = value
			}
		}
	}
	var notes []Note
	for _, d := range u.Values(section, "EnvironmentFile") {
		name := strings.TrimPrefix(d.Value.String(), "-")
		file, vars, ok := r.environment(name)
		if !ok {
			notes = append(notes, Note{d.At, "", fmt.Sprintf("%s is not at hand", r.set.Show(text.Literal(name, d.At))), ""})
			continue
		}
		r.envUsed[file] = true
		for _, v := range vars {
			if strings.HasPrefix(v.Name, "export ") {
				notes = append(notes, Note{v.At, "unit-line", fmt.Sprintf("systemd ignores %q in an environment file: the name would be %q", "export", v.Name), "NAME=value"})
				continue
			}
			env[v.Name] = v.Value
		}
	}
	return env, notes, nil
}
