package command

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/shell"
	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

var assignment = lazy.Regexp(`^(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*\+?$`)

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

// environments reads the files of variables: also those that look like something else, and
// that a unit names as such.
func (r *reader) environments(all []*loaded) {
	named := map[string]bool{} // the same for all hosts, as a rule
	for _, l := range all {
		if l.unit != nil {
			for _, d := range l.unit.Values("Service", "EnvironmentFile") {
				named[environmentPath(d)] = true
			}
		}
	}
	r.envIndex = nil
	for _, l := range all {
		if l.unit == nil && l.err == nil && !l.environment && l.docs == nil {
			for at := range named {
				l.environment = l.environment || commonEnd(l.Name, at) > 0
			}
		}
		if l.environment && l.unit == nil {
			r.env[l.Name], r.envFile[l.Name] = systemd.EnvFile(l.text), l.text
		}
	}
}

// environment returns the variables of the file at hand that a path on the host means: the
// one whose name agrees with the most of the path's end, and of those the one nearest to the
// file that is read, as there may be files of several hosts.
func (r *reader) environment(at string) (file string, vars []systemd.Variable, ok bool) {
	best, nearest := 0, -1
	pattern, here := elements(at), elements(r.reading)
	for _, e := range r.indexed(pattern) {
		n := endsAlike(e.elements, pattern)
		if n == 0 || n < best {
			continue
		}
		near := beginAlike(e.elements, here)
		if n > best || near > nearest || near == nearest && e.name < file {
			best, nearest, file = n, near, e.name
		}
	}
	return file, r.env[file], best > 0
}

// envFile is the name of a file of variables.
type envFile struct {
	name     string
	elements []string
}

// indexed returns the files of variables that a pattern may mean, by its last element.
func (r *reader) indexed(pattern []string) []envFile {
	if r.envIndex == nil {
		r.envIndex = map[string][]envFile{}
		for name := range r.env {
			e := envFile{name, elements(name)}
			last := e.elements[len(e.elements)-1]
			r.envIndex[last] = append(r.envIndex[last], e)
			r.envIndex[""] = append(r.envIndex[""], e) // all
		}
	}
	last := pattern[len(pattern)-1]
	if strings.ContainsAny(last, `*?[\`) {
		last = ""
	}
	return r.envIndex[last]
}

func elements(name string) []string { return strings.Split(path.Clean(name), "/") }

// beginAlike is how many elements two paths have in common at their begins.
func beginAlike(as, bs []string) int {
	n := 0
	for n < len(as) && n < len(bs) && as[n] == bs[n] {
		n++
	}
	return n
}

// commonEnd is how many elements a path has in common with another one, or with a pattern, at
// their ends. A file may be a copy with the host's name before it or after it.
func commonEnd(name, pattern string) int {
	if last := path.Base(pattern); !strings.ContainsAny(last, `*?[\`) && last != path.Base(name) {
		return 0
	}
	return endsAlike(elements(name), elements(pattern))
}

func endsAlike(as, bs []string) int {
	n := 0
	for n < len(as) && n < len(bs) {
		a, b := as[len(as)-1-n], bs[len(bs)-1-n]
		if a != b {
			if !strings.ContainsAny(b, `*?[\`) {
				break
			}
			if same, err := path.Match(b, a); err != nil || !same {
				break
			}
		}
		n++
	}
	return n
}

// otherComponents are parts of the names of variables that belong to other programs.
var otherComponents = lazy.Regexp(`(?i)APISERVER|API_SERVER|KUBELET|SCHEDULER|PROXY|ETCD|FLANNEL|DOCKER|CONTAINERD|CALICO|CLOUD_CONTROLLER`)

// own reports whether a variable's name says that it is the program's.
func own(name string) bool {
	return strings.Contains(strings.ToUpper(name), "CONTROLLER") && !otherComponents().MatchString(name)
}

// ofFlags matches names of variables that hold flags, and no secret.
var ofFlags = lazy.Regexp(`(?i)ARGS|OPTS|OPTIONS|FLAGS|PARAMS`)

// fromVariables reads a command line from variables alone: those that hold flags.
func (r *reader) fromVariables(all []*loaded) (Command, bool, error) {
	c := Command{Form: Environment, Partial: true}
	for _, l := range all {
		if !l.environment {
			continue
		}
		vars := r.values(l)
		named := slices.ContainsFunc(vars, func(v systemd.Variable) bool { return own(v.Name) })
		for _, v := range vars {
			if by, ok := r.installed(v.Value); ok && len(c.Args) == 0 {
				r.envUsed[l.Name] = true
				return by, true, nil
			}
			words, err := systemd.Words(r.holes(v.Value), systemd.Relax)
			if err != nil {
				return c, false, err
			}
			if !holdFlags(words, own(v.Name) || ofFlags().MatchString(v.Name)) || otherComponents().MatchString(v.Name) {
				continue
			}
			if known, unknown := r.flagsOf(words); !own(v.Name) && r.known != nil && (!known || named && unknown != "") {
				why := "its words are no flags of it"
				if ofFlags().MatchString(v.Name) {
					why = "it has no flag --" + unknown
				}
				c.Notes = append(c.Notes, Note{v.At, "", fmt.Sprintf("%s is not %s's: %s", v.Name, Program, why), ""})
				continue
			}
			if len(c.Args) == 0 {
				c.At = v.At
			}
			c.Args = append(c.Args, args(words)...)
			r.envUsed[l.Name] = true
		}
	}
	return c, len(c.Args) > 0, nil
}

// holdFlags reports whether words look like flags: the first is one or, if the variable's name
// says that it has flags, something that isn't known before one.
func holdFlags(words []text.Text, named bool) bool {
	if len(words) == 0 {
		return false
	}
	if strings.HasPrefix(words[0].String(), "-") {
		return true
	}
	return named && strings.HasPrefix(words[0].String(), "\ufdd0") && slices.ContainsFunc(words, func(w text.Text) bool { return strings.HasPrefix(w.String(), "-") })
}

// values returns the variables of a file, each once. One that a shell reads may use others in
// it.
func (r *reader) values(l *loaded) []systemd.Variable {
	vars := r.env[l.Name]
	var of map[string]text.Text
	if slices.ContainsFunc(vars, func(v systemd.Variable) bool {
		return strings.Contains(v.Value.String(), "$") || strings.HasSuffix(v.Name, "+")
	}) {
		if script, err := shell.Parse(r.set, l.text); err == nil {
			of = script.Vars()
		}
	}
	var out []systemd.Variable
	at := map[string]int{}
	for _, v := range vars {
		v.Name = strings.TrimSuffix(strings.TrimSpace(strings.TrimPrefix(v.Name, "export ")), "+")
		if value, ok := of[v.Name]; ok {
			v.Value = value
		}
		if i, again := at[v.Name]; again {
			out[i].Value = v.Value
			continue
		}
		at[v.Name] = len(out)
		out = append(out, v)
	}
	return out
}

// flagsOf reports whether words have a flag that the program has, and returns the first that
// it doesn't have.
func (r *reader) flagsOf(words []text.Text) (known bool, unknown string) {
	for _, w := range words {
		name, _, ok := flagName(w.String())
		switch {
		case !ok || r.known == nil:
		case r.known(name):
			known = true
		case unknown == "":
			unknown = name
		}
	}
	return known, unknown
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
	return r.replaced(t, variableUse().FindAllStringIndex(s, -1))
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
