package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

// unitDefaults are the directives that the vocabulary and kcmgen add, by section.
var unitDefaults = map[string]map[string]string{
	"Unit": {
		"Description":   "Kubernetes Controller Manager",
		"Documentation": "https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/",
		"After":         "network-online.target", "Wants": "network-online.target",
	},
	"Service": {"Restart": "always", "RestartSec": "5"},
	"Install": {"WantedBy": "multi-user.target"},
}

// written are the directives that kcmgen writes itself: the vocabulary refuses them.
var written = []string{"ExecStart", "ExecReload", "ExecStop"}

// sections are those that the vocabulary has.
var sections = []string{"Unit", "Service", "Install"}

// writeUnit writes the directives.
func (w *writer) writeUnit() {
	w.line("\nunit: {\nhardening: \"none\" // as it was: \"strict\" adds a sandbox")
	for i, n := range w.nodes {
		w.expectUnit(&w.out.Expected[i], n)
	}
	if u := w.nodes[0].Read.UnitFile; u != nil {
		for _, section := range sections {
			w.section(u, section)
		}
	}
	w.line("}")
	for i := range w.nodes[1:] {
		w.unlike(i + 1)
	}
}

// expectUnit says what a node's unit has, and names what no unit of kcmgen's can have.
func (w *writer) expectUnit(want *Expected, n *node) {
	w.expectProgram(want, n)
	u := n.Read.UnitFile
	if u == nil {
		return
	}
	done := map[[2]string]bool{}
	for _, d := range u.Directives {
		key := [2]string{d.Section, d.Name}
		if done[key] || d.Section == "Service" && d.Name == "ExecStart" {
			continue
		}
		done[key] = true
		for _, v := range u.Values(d.Section, d.Name) {
			want.Directives = append(want.Directives, Directive{d.Section, d.Name, w.holes.fill(w.own(v.Value, n.Node), nil), w.Set.Pos(v.At)})
			if !allowed(d) {
				w.left("%s: [%s] %s", place(w.Set.Pos(v.At)), d.Section, Shown(d.Name, w.Set.Show(v.Value)))
			}
		}
	}
	for _, x := range u.Ignored {
		w.out.Notes = append(w.out.Notes, fmt.Sprintf("%s: systemd ignores the line, and it isn't in the cluster: %s", place(w.Set.Pos(x.At)), x.Why))
	}
}

// allowed reports whether the vocabulary has a directive.
func allowed(d systemd.Directive) bool {
	ours := d.Section == "Service" && slices.Contains(written, d.Name)
	return slices.Contains(sections, d.Section) && !strings.HasPrefix(d.Name, "X-") && !ours
}

// expectProgram says which program a node starts, and what starts it in its place: a shell, a
// container's, or a prefix that changes how systemd does.
func (w *writer) expectProgram(want *Expected, n *node) {
	r := n.Read
	if want.Program = w.Set.Show(w.own(r.Program, n.Node)); want.Program == command.Program {
		want.Program = ""
		w.out.Notes = append(w.out.Notes, fmt.Sprintf("%s: %s is named without a directory: check that it is %s", place(w.Set.Pos(r.Program.At(0))), command.Program, w.model.Paths.Binary))
	}
	if r.UnitFile != nil && r.Program.Len() > 0 && r.Image.Len() == 0 {
		for _, d := range r.UnitFile.Values("Service", "ExecStart") {
			first, ok := before(d.Value, r.Program.At(0))
			if what := withoutValues(w.Set.Show(first.Trim(" \t\"'"))); ok && what != "" {
				want.Wrapper = fmt.Sprintf("`%s`, which is before the program in ExecStart=,", what)
				w.left("%s: `%s` before the program in ExecStart=", place(w.Set.Pos(d.At)), what)
			}
		}
	}
	if r.Image.Len() > 0 {
		want.Wrapper = "the container of " + oneLine(w.Set.Show(r.Image))
		w.left("%s: %s", place(w.Set.Pos(r.At)), want.Wrapper)
	}
}

// withoutValues is the begin of a command line in one line, without the values of its variables:
// env's may be secret.
func withoutValues(s string) string {
	words := strings.Fields(s)
	for i, word := range words {
		if name, _, ok := strings.Cut(word, "="); ok {
			words[i] = name + "=…"
		}
	}
	return strings.Join(words, " ")
}

// before returns the part of a text that is before a place.
func before(t text.Text, at text.At) (text.Text, bool) {
	for i := range t.Len() {
		if t.At(i) == at {
			return t.Slice(0, i), true
		}
	}
	return text.Text{}, false
}

// unlike names what a node's unit has and the first one's hasn't: a cluster has one unit.
func (w *writer) unlike(i int) {
	first := w.out.Expected[0]
	for _, d := range w.out.Expected[i].Directives {
		if !slices.ContainsFunc(first.Directives, func(x Directive) bool { return x.Section == d.Section && x.Name == d.Name && x.Value == d.Value }) {
			w.left("%s: only on node %s: [%s] %s", place(d.At), w.nodes[i].Name, d.Section, Shown(d.Name, d.Value))
		}
	}
}

// Shown is a directive for a message. Values of variables and arguments of commands may be
// secret.
func Shown(name, value string) string {
	switch {
	case name == "Environment":
		value, _, _ = strings.Cut(value, "=")
		value += "=…"
	case strings.HasPrefix(name, "Exec"):
		if program, rest, _ := strings.Cut(value, " "); rest != "" {
			value = program + " …"
		}
	}
	return name + "=" + oneLine(value)
}

func (w *writer) section(u *systemd.Unit, section string) {
	var lines []string
	var names []string
	for _, d := range u.Directives {
		if d.Section == section && allowed(d) && !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		values := u.Values(section, name)
		var parts, places []string
		for _, d := range values {
			v := w.own(d.Value, w.nodes[0].Node)
			parts = append(parts, w.directive(v.String(), w.holes.expression(v)))
			if at := place(w.Set.Pos(d.At)); !slices.Contains(places, at) {
				places = append(places, at)
			}
		}
		switch from := strings.Join(places, ", "); {
		case len(values) == 0 && unitDefaults[section][name] == "":
			continue
		case len(values) == 0:
			lines = append(lines, fmt.Sprintf("%s: null", name))
		case len(parts) == 1:
			lines = append(lines, fmt.Sprintf("%s: %s // %s", name, parts[0], from))
		default:
			lines = append(lines, fmt.Sprintf("%s: [%s] // %s", name, strings.Join(parts, ", "), from))
		}
	}
	var absent []string
	for name := range unitDefaults[section] {
		if !slices.Contains(names, name) {
			absent = append(absent, name)
		}
	}
	slices.Sort(absent)
	for _, name := range absent {
		lines = append(lines, fmt.Sprintf("%s: null // it isn't there", name))
	}
	if len(lines) > 0 {
		w.line("%s: {\n%s\n}", section, strings.Join(lines, "\n"))
	}
}

// directive writes a value: numbers without quotes.
func (w *writer) directive(s, expr string) string {
	if isNumber(s) && !strings.Contains(s, ".") {
		return s
	}
	return expr
}
