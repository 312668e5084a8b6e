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
	// The bracket at the end may be missing: systemd.Parse refuses that.
	unitSection = lazy.Regexp(`(?m)^[ \t]*\[(Service|Unit|Container)\]?[ \t\r]*$`)
	heredoc     = lazy.Regexp(`<<-?[ \t]*["'\\]?[A-Za-z_]`)
)

// ofUnit matches a variable that systemd has, unlike templates'.
var ofUnit = lazy.Regexp(`\$\{[A-Za-z_][A-Za-z0-9_]*\}|\$[A-Za-z_]`)

// isUnit reports whether a text is a unit: it begins with a section.
func isUnit(s string) bool {
	at := unitSection().FindStringIndex(s)
	if at == nil {
		return false
	}
	if strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "#!") {
		return false // a script that holds a unit
	}
	for line := range strings.Lines(s[:at[0]]) {
		if t := strings.Trim(line, " \t\r\n"); t != "" && !strings.HasPrefix(t, "#") && !strings.HasPrefix(t, ";") && !strings.HasPrefix(t, "[") && !strings.HasPrefix(t, ".include ") && !strings.Contains(t, "=") {
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
	of := map[*loaded][]*loaded{}
	find := unitsByName(main)
	for _, d := range more {
		l := find(d)
		if l == nil {
			d.err = faultf(d.text.At(0), "it is a drop-in, and there is more than one unit that it may belong to: put it into UNIT.d")
		}
		of[l] = append(of[l], d)
	}
	for _, l := range main {
		whole := &systemd.Unit{}
		whole.Add(l.unit)
		for _, d := range of[l] {
			whole.Add(d.unit)
		}
		r.reading, r.scriptsRead = l.Name, 0
		c, err := r.unit(whole)
		if l.err = err; err == nil {
			if c.Target.Len() == 0 {
				c.Target = catPath(l.text)
			}
			l.docs = []Command{c}
		}
	}
}

// catPath returns the path in the comment that systemctl cat puts before a unit.
func catPath(t text.Text) text.Text {
	line, _, _ := t.Cut("\n")
	line = line.Trim(" \t\r")
	if s := line.String(); !strings.HasPrefix(s, "# /") || path.Ext(s) != ".service" || strings.ContainsAny(s[2:], " \t") {
		return text.Text{}
	}
	return line.From(2)
}

// unitsByName returns what finds the unit that a drop-in belongs to: the only one, or the one of
// the same name that is nearest, as there may be units of several hosts. nil if it is none.
func unitsByName(units []*loaded) func(dropIn *loaded) *loaded {
	if len(units) == 1 {
		return func(*loaded) *loaded { return units[0] }
	}
	named, beside := map[string][]*loaded{}, map[string]*loaded{}
	for _, l := range units {
		dir := path.Clean(l.Name) + ".d"
		named[path.Base(dir)] = append(named[path.Base(dir)], l)
		beside[dir] = l
	}
	return func(dropIn *loaded) *loaded {
		dir := path.Dir(dropIn.Name)
		if l := beside[dir]; l != nil {
			return l
		}
		var out *loaded
		best := -1
		here := elements(dropIn.Name)
		for _, l := range named[path.Base(dir)] {
			if n := beginAlike(here, elements(l.Name)); n > best {
				out, best = l, n
			}
		}
		return out
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
	if fixed, note, ok := r.continued(u); ok {
		c, err := r.unit(fixed)
		c.Notes = append(c.Notes, note)
		return c, err
	}
	lines := starts(u)
	env, notes, all, err := r.unitEnvironment(u)
	if err != nil {
		return Command{}, err
	}
	if len(lines) > 1 && !isOneshot(u) {
		return Command{}, faultf(lines[1].At, "%d ExecStart lines where one is expected: systemd refuses a second one without Type=oneshot. An empty ExecStart= before it removes the first", len(lines))
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
			c, err := r.unitCommand(line, env)
			if err != nil {
				last = cmp.Or(last, err)
				continue
			}
			if c.At, c.Form = d.At, wrapper(c.Form, Unit); c.Form == Unit {
				c.UnitFile = r.opened(u)
			}
			c.Notes = append(append(c.Notes, notes...), r.ignoredLines(u)...)
			if all {
				c.Notes = append(c.Notes, r.unset(c.Args)...)
			}
			return c, nil
		}
	}
	return Command{}, last
}

// isOneshot reports whether a unit may have several commands.
func isOneshot(u *systemd.Unit) bool {
	types := u.Values("Service", "Type")
	return len(types) > 0 && (types[len(types)-1].Value.String() == "oneshot" || !types[len(types)-1].Value.Known())
}

// unitCommand finds the program in a command of a unit.
func (r *reader) unitCommand(line systemd.Line, env map[string]text.Text) (Command, error) {
	words := append([]text.Text{line.Program}, line.Args...)
	variable := strings.Contains(line.Program.String(), "$")
	if variable { // what its writer meant
		first, err := systemd.Variables(r.set, line.Program, env)
		if err != nil {
			return Command{}, err
		}
		words = append(first, line.Args...)
	}
	c, err := r.program(words, env)
	if err == nil && ofUnit().MatchString(line.Program.String()) {
		c.Notes = append(c.Notes, Note{line.At, "unit-program", fmt.Sprintf("%s is no path for systemd: it replaces no variables in a program's path", r.set.Show(line.Program)), "an absolute path"})
	}
	return c, err
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

// quadlet reads a unit of podman's. podman makes a service of it with the same words, in which
// systemd replaces the variables of [Service]; those of [Container] are the container's.
func (r *reader) quadlet(u *systemd.Unit, d systemd.Directive, image text.Text, env map[string]text.Text, notes []Note) (Command, error) {
	words, err := systemd.Arguments(r.set, d.Value, env)
	if err != nil {
		return Command{}, err
	}
	if entry := u.Values("Container", "Entrypoint"); len(entry) > 0 {
		words = append([]text.Text{entry[len(entry)-1].Value}, words...)
	}
	inner := map[string]text.Text{}
	for _, d := range u.Values("Container", "Environment") {
		vars, _, _ := systemd.Environment(r.set, d.Value)
		for _, v := range vars {
			inner[v.Name] = v.Value
		}
	}
	c, err := r.container(words, inner, image, d.At)
	c.Form, c.At, c.UnitFile = Unit, d.At, u
	c.Notes = append(append(c.Notes, notes...), r.ignoredLines(u)...)
	return c, err
}
