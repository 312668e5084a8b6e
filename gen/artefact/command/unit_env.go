package command

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// unitEnvironment returns the variables that a unit and the files at hand define, and whether
// these are all. Those of files win over Environment=, wherever the lines are.
func (r *reader) unitEnvironment(u *systemd.Unit) (env map[string]text.Text, notes []Note, all bool, err error) {
	env = map[string]text.Text{}
	all = len(u.Values("Service", "PassEnvironment")) == 0
	ignored := func(at text.At, why, expected string) {
		notes = append(notes, Note{at, "unit-line", why, expected})
	}
	for _, d := range u.Values("Service", "Environment") {
		vars, others, err := systemd.Environment(r.set, d.Value)
		for _, v := range vars {
			env[v.Name] = v.Value
		}
		for _, w := range others {
			ignored(w.At(0), "systemd ignores this word of Environment=: it is no assignment with a name of letters, digits and _", "NAME=value, in quotes if it has white space")
		}
		if err != nil {
			ignored(errorAt(err, d.At), fmt.Sprintf("systemd ignores Environment= from this word on: %v", err), "NAME=value, with a backslash as two")
		}
	}
	for _, d := range u.Values("Service", "EnvironmentFile") {
		name := environmentPath(d)
		files := r.environmentFiles(name)
		if len(files) == 0 {
			all = false
			notes = append(notes, Note{d.At, "", fmt.Sprintf("%s is not at hand", r.set.Show(text.Literal(name, d.At))), ""})
		}
		for _, file := range files {
			notes = append(notes, r.environmentNotes(file)...)
			for _, v := range r.env[file] {
				if v.Valid() {
					env[v.Name] = v.Value
				}
			}
		}
	}
	for _, d := range u.Values("Service", "UnsetEnvironment") {
		words, err := systemd.Words(d.Value, systemd.Unescape|systemd.Relax)
		if err != nil {
			return nil, nil, false, err
		}
		for _, w := range words {
			name, value, exact := w.Cut("=")
			if old, ok := env[name.String()]; ok && (!exact || old.String() == value.String()) {
				env[name.String()] = text.Text{}
			}
		}
	}
	return env, notes, all, nil
}

// ofSystemd matches variables that systemd itself may set.
var ofSystemd = lazy.Regexp(`^(PATH|LANG|LC_.*|USER|LOGNAME|HOME|SHELL|TERM|INVOCATION_ID|MAINPID|MANAGERPID|LISTEN_.*|NOTIFY_SOCKET|WATCHDOG_.*|JOURNAL_STREAM|XDG_.*|[A-Z]+_DIRECTORY)$`)

// unset are notes of variables that nothing sets.
func (r *reader) unset(words []Arg) []Note {
	var out []Note
	seen := map[string]bool{}
	for _, a := range words {
		for _, h := range r.set.Holes(a.Text) {
			if name := strings.Trim(h.Expr, "${}"); strings.HasPrefix(h.Expr, "$") && (systemd.Variable{Name: name}).Valid() && !seen[name] && !ofSystemd().MatchString(name) {
				seen[name] = true
				out = append(out, Note{a.At(0), "", fmt.Sprintf("nothing at hand sets %s: unless something else does, systemd puts nothing in its place", name), ""})
			}
		}
	}
	return out
}

// environmentPath is the path of EnvironmentFile=, which a - may precede.
func environmentPath(d systemd.Directive) string { return strings.TrimPrefix(d.Value.String(), "-") }

// environmentNotes are what systemd ignores in an environment file. Its lines may have
// secrets, and are not in messages.
func (r *reader) environmentNotes(file string) []Note {
	r.envUsed[file] = true
	if r.envNoted[file] { // by another unit
		return nil
	}
	r.envNoted[file] = true
	var notes []Note
	for _, v := range r.env[file] {
		name, exported := strings.CutPrefix(v.Name, "export ")
		if v.Commented {
			notes = append(notes, Note{v.At, "unit-line", "the comment before this line ends in a backslash: systemd before v254 takes this line for a part of it", "a comment without a backslash at its end"})
		}
		switch {
		case exported && (systemd.Variable{Name: name}).Valid():
			notes = append(notes, Note{v.At, "unit-line", fmt.Sprintf("systemd ignores %q in an environment file: the name would be %q", "export", v.Name), "NAME=value"})
		case !v.Valid():
			notes = append(notes, Note{v.At, "unit-line", "systemd ignores this line of an environment file: what is before the = is no name", "NAME=value"})
		}
	}
	_, lines := systemd.EnvLines(r.envFile[file])
	for _, l := range lines {
		notes = append(notes, Note{l.At(0), "unit-line", "systemd ignores this line of an environment file: it has no =", "NAME=value, or a comment"})
	}
	return notes
}

// errorAt is where an error of systemd's is; else at.
func errorAt(err error, at text.At) text.At {
	if e := (*systemd.Error)(nil); errors.As(err, &e) {
		return e.At
	}
	return at
}

// environmentFiles returns the files at hand that EnvironmentFile= means: a path that may
// have specifiers, and wildcards, which mean several files.
func (r *reader) environmentFiles(at string) []string {
	pattern := environmentPattern(at)
	if pattern == "" {
		file, _, ok := r.environment(strings.ReplaceAll(at, "%%", "%"))
		if !ok {
			return nil
		}
		return []string{file}
	}
	var out []string
	best := 0
	for _, name := range sortedNames(r.env) {
		switch n := commonEnd(name, pattern); {
		case n == 0 || n < best:
		case n > best:
			best, out = n, []string{name}
		default:
			out = append(out, name)
		}
	}
	if len(out) > 1 && strings.ContainsAny(at, "%") && !strings.ContainsAny(at, "*?[") {
		return nil // a specifier stands for one of them
	}
	return out
}

// environmentPattern returns a path with wildcards for specifiers, as path.Match has them; ""
// if there is nothing to match, or if the file may have any name.
func environmentPattern(at string) string {
	var b strings.Builder
	for i := 0; i < len(at); i++ {
		switch {
		case at[i] != '%' || i+1 == len(at):
			b.WriteByte(at[i])
		case at[i+1] == '%':
			b.WriteByte('%')
			i++
		default:
			b.WriteByte('*')
			i++
		}
	}
	pattern := b.String()
	if !strings.ContainsAny(pattern, "*?[") || strings.Trim(path.Base(pattern), "*?") == "" {
		return ""
	}
	return pattern
}
