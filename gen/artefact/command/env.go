package command

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var assignment = lazy.Regexp(`^(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*$`)

// isEnvironment reports whether a text is a file of variables: assignments and comments,
// and nothing else.
func isEnvironment(t text.Text) bool {
	s := strings.TrimLeft(t.String(), " \t\r\n")
	if strings.HasPrefix(s, "#!") || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "-") {
		return false
	}
	vars, others := systemd.EnvLines(t)
	for _, v := range vars {
		if !assignment().MatchString(v.Name) {
			return false
		}
	}
	return len(vars) > 0 && len(others) == 0
}

// environments reads the files of variables.
func (r *reader) environments(all []*loaded) {
	for _, l := range all {
		if l.environment {
			r.env[l.Name], r.envFile[l.Name] = systemd.EnvFile(l.text), l.text
		}
	}
}

// environment returns the variables of the file at hand that a path on the host means: the
// one whose name agrees with the most of the path's end.
func (r *reader) environment(at string) (file string, vars []systemd.Variable, ok bool) {
	best := 0
	for _, name := range sortedNames(r.env) {
		if n := commonEnd(name, at); n > best {
			best, file = n, name
		}
	}
	return file, r.env[file], best > 0
}

// commonEnd is how many elements two paths have in common at their ends. A file may be a
// copy with the host's name before it or after it.
func commonEnd(a, b string) int {
	as, bs := strings.Split(path.Clean(a), "/"), strings.Split(path.Clean(b), "/")
	n := 0
	for n < len(as) && n < len(bs) && as[len(as)-1-n] == bs[len(bs)-1-n] {
		n++
	}
	return n
}

// otherComponents are parts of the names of variables that belong to other programs.
var otherComponents = lazy.Regexp(`(?i)APISERVER|API_SERVER|KUBELET|SCHEDULER|PROXY|ETCD|FLANNEL|DOCKER|CONTAINERD|CALICO|CLOUD_CONTROLLER`)

// fromVariables reads a command line from variables alone: those that hold flags.
func (r *reader) fromVariables(all []*loaded) (Command, bool, error) {
	c := Command{Form: Environment, Partial: true}
	own := func(name string) bool { return strings.Contains(strings.ToUpper(name), "CONTROLLER") }
	for _, l := range all {
		if !l.environment {
			continue
		}
		vars := r.values(l)
		named := slices.ContainsFunc(vars, func(v systemd.Variable) bool { return own(v.Name) && !otherComponents().MatchString(v.Name) })
		for _, v := range vars {
			if !strings.HasPrefix(strings.TrimLeft(v.Value.String(), " \t\r\n\"'"), "-") || otherComponents().MatchString(v.Name) {
				continue
			}
			words, err := systemd.Words(r.holes(v.Value), systemd.Relax)
			if err != nil {
				return c, false, err
			}
			if why := r.foreign(words); named && !own(v.Name) && why != "" {
				c.Notes = append(c.Notes, Note{v.At, "", fmt.Sprintf("%s is not %s's: it has no flag %s", v.Name, Program, why), ""})
				continue
			}
			for _, w := range words {
				c.Args = append(c.Args, Arg{Text: w})
			}
			c.At = cmp.Or(c.At, v.At)
			r.envUsed[l.Name] = true
		}
	}
	return c, len(c.Args) > 0, nil
}

// values returns the variables of a file. One that a shell reads may use others in it.
func (r *reader) values(l *loaded) []systemd.Variable {
	vars := r.env[l.Name]
	if !slices.ContainsFunc(vars, func(v systemd.Variable) bool { return strings.Contains(v.Value.String(), "$") }) {
		return vars
	}
	script, err := shell.Parse(r.set, l.text)
	if err != nil {
		return vars
	}
	of := script.Vars()
	for i, v := range vars {
		name := strings.TrimSpace(strings.TrimPrefix(v.Name, "export "))
		if value, ok := of[name]; ok {
			vars[i].Value = value
		}
	}
	return vars
}

// foreign returns the first flag among words that the program doesn't have, if no other
// word is one that it has.
func (r *reader) foreign(words []text.Text) string {
	for _, w := range words {
		if name, _, ok := flagName(w.String()); ok && r.known != nil && !r.known(name) {
			return "--" + name
		}
	}
	return ""
}

// flagName returns the name of a flag in its usual spelling, and its value.
func flagName(word string) (name, value string, ok bool) {
	long, ok := strings.CutPrefix(word, "--")
	if !ok || long == "" {
		return "", "", false
	}
	name, value, _ = strings.Cut(long, "=")
	return strings.ReplaceAll(name, "_", "-"), value, true
}

var variableUse = lazy.Regexp(`\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|\$\([A-Za-z_][A-Za-z0-9_.-]*\)`)

// holes makes holes of variables in a text that no shell and no systemd reads.
func (r *reader) holes(t text.Text) text.Text {
	s := t.String()
	if !strings.Contains(s, "$") {
		return t
	}
	var b text.Builder
	from := 0
	for _, m := range variableUse().FindAllStringIndex(s, -1) {
		b.Write(t.Slice(from, m[0]))
		b.Write(r.set.Hole("", s[m[0]:m[1]], t.At(m[0])))
		from = m[1]
	}
	b.Write(t.From(from))
	return b.Text()
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
