package plan

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// meantSo reports whether a host that kcmgen never changed has what the export means: the same
// program, flags and directives in other words, and no file beside them.
func (h *Host) meantSo() bool {
	runs := h.running()
	switch {
	case !IsFound(h.Snapshot.Runs), h.Desired.Generation == None, runs == nil, len(h.Snapshot.Process.DropIns) > 0:
		return false
	case !sameStart(runs, &h.Desired.Config), len(flagChanges(runs, &h.Desired.Config)) > 0:
		return false
	}
	for _, t := range h.Desired.Trees {
		for _, e := range t.Entries() {
			if e.Path != path.Base(h.Unit.File) {
				return false // a file that the host doesn't have
			}
		}
	}
	return true
}

// running returns what the host runs; nil if that isn't known. A command line with variables or
// specifiers, whose values only the host knows, is that of the process.
func (h *Host) running() *Config {
	c := h.Current
	if !c.unknownWords() {
		return c
	}
	p := h.Snapshot.Process
	if !p.Running || p.Stale || len(p.Args) == 0 || !c.starts(p.Args) {
		return c
	}
	out := *c
	out.Argv = slices.Clone(p.Args)
	if out.parseFlags() != nil {
		return c
	}
	return &out
}

// unknownWords reports whether it is a foreign unit or manifest whose command line can't be read
// from its text.
func (s *Config) unknownWords() bool { return s != nil && IsFound(s.Generation) && len(s.Argv) == 0 }

// unknownWordsNote says that a host's command line isn't known; "" if it is.
func (h *Host) unknownWordsNote() string {
	if !h.running().unknownWords() {
		return ""
	}
	return "its command line can't be read from its file, as with a variable, and no process shows it: it counts as changed, and a deployment restarts it"
}

// starts reports whether a process with these arguments can be what it starts, with a command
// line that has variables.
func (s *Config) starts(args []string) bool {
	if s.Pod != nil {
		return slices.ContainsFunc(args, isProgram)
	}
	marks, words := s.execStart()
	return !strings.Contains(marks, "@") && len(words) > 0 && words[0] == args[0]
}

func isProgram(word string) bool { return path.Base(word) == spec.PodName }

// sameStart reports whether two units or manifests say the same beside the flags: the program and
// what starts it, too.
func sameStart(a, b *Config) bool {
	switch {
	case (a.Pod == nil) != (b.Pod == nil), len(a.Argv) == 0, len(b.Argv) == 0:
		return false
	case a.Pod != nil:
		return samePod(a.Unit, b.Unit)
	}
	was, _ := a.execStart()
	want, _ := b.execStart()
	return slices.Equal(beforeFlags(a.Argv), beforeFlags(b.Argv)) && was == want && slices.Equal(a.directives(), b.directives())
}

// beforeFlags returns the words of a command line before its first flag.
func beforeFlags(words []string) []string {
	if i := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "-") }); i >= 0 {
		return words[:i]
	}
	return words
}

// execStart returns the prefixes of a unit's command, sorted, and its words as they are
// written, the first one without the prefixes.
func (s *Config) execStart() (marks string, words []string) {
	u, err := artefact.ParseUnit(s.Unit)
	if err != nil {
		return "", nil
	}
	lines := u["Service"]["ExecStart"]
	for i, line := range slices.Backward(lines) {
		if strings.TrimSpace(line) == "" { // it resets those before
			lines = lines[i+1:]
			break
		}
	}
	if len(lines) != 1 {
		return "", nil
	}
	words = strings.Fields(lines[0])
	word := strings.Trim(words[0], `"'`)
	words[0] = strings.TrimLeft(word, "-@:+!|")
	prefixes := strings.Split(word[:len(word)-len(words[0])], "")
	slices.Sort(prefixes)
	return strings.Join(prefixes, ""), words
}

// directives returns a unit's directives without the command line, in a fixed order; nil if
// it can't be parsed.
func (s *Config) directives() []string {
	u, err := artefact.ParseUnit(s.Unit)
	if err != nil {
		return nil
	}
	var out []string
	for section, names := range u {
		for name, values := range names {
			if section != "Service" || name != "ExecStart" {
				out = append(out, section+" "+name+"="+strings.Join(values, "\n"))
			}
		}
	}
	slices.Sort(out)
	return out
}

// samePod reports whether two manifests say the same beside the flags of kube-controller-manager.
func samePod(a, b []byte) bool {
	was, ok1 := podObject(a)
	want, ok2 := podObject(b)
	return ok1 && ok2 && reflect.DeepEqual(was, want)
}

// podObject returns a manifest as an object that is equal to another one if they mean the same
// beside the flags of kube-controller-manager.
func podObject(text []byte) (map[string]any, bool) {
	out, err := artefact.PodMap(text)
	if err != nil {
		return nil, false
	}
	delete(out, "status") // the kubelet's
	meta, _ := out["metadata"].(map[string]any)
	delete(meta, "creationTimestamp")
	is, _ := out["spec"].(map[string]any)
	sortBy(is["volumes"], "name")
	first := true
	for _, list := range []string{"containers", "initContainers"} {
		all, _ := is[list].([]any)
		for _, e := range all {
			if c, ok := e.(map[string]any); ok && plainContainer(c, first && list == "containers") {
				first = false
			}
		}
	}
	return out, true
}

// plainContainer brings a container into one form: command and arguments in one list, and names
// in order. If cuts, the flags of kube-controller-manager are left out. It reports whether the
// container starts that.
func plainContainer(c map[string]any, cuts bool) bool {
	var words []any
	for _, key := range []string{"command", "args"} {
		list, _ := c[key].([]any)
		if key == "args" && len(words) == 0 && len(list) > 0 {
			words = append(words, nil) // arguments of the image's own program
		}
		words = append(words, list...)
		delete(c, key)
	}
	at := slices.IndexFunc(words, func(w any) bool { s, ok := w.(string); return ok && isProgram(s) })
	if at >= 0 && cuts {
		words = append(words[:at:at], inImage(words[at].(string)))
	}
	c["command"] = words
	if c["imagePullPolicy"] == "IfNotPresent" { // the default of what has a tag
		delete(c, "imagePullPolicy")
	}
	if r, ok := c["resources"].(map[string]any); ok && len(r) == 0 {
		delete(c, "resources")
	}
	sortBy(c["env"], "name")
	sortBy(c["volumeMounts"], "mountPath")
	return at >= 0
}

// inImage returns where a program of an image is: one without a directory, as kubeadm has it, is
// in that of Kubernetes' own images, the first of a container's usual PATH that has it.
func inImage(program string) string {
	if strings.Contains(program, "/") {
		return program
	}
	return "/usr/local/bin/" + program
}

// sortBy sorts a list of objects whose order means nothing.
func sortBy(list any, key string) {
	all, _ := list.([]any)
	name := func(e any) string {
		m, _ := e.(map[string]any)
		s, _ := m[key].(string)
		return s
	}
	slices.SortStableFunc(all, func(a, b any) int { return strings.Compare(name(a), name(b)) })
}
