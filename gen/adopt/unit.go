package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/systemd"
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

// refused are directives that the vocabulary doesn't take: kcmgen writes them.
var refused = []string{"ExecStart", "ExecReload", "ExecStop"}

// writeUnit writes the directives.
func (w *writer) writeUnit() {
	w.line("\nunit: {\nhardening: \"none\" // as it was: \"strict\" adds a sandbox")
	u := w.nodes[0].Read.UnitFile
	if u == nil {
		w.line("}")
		return
	}
	for i := range w.nodes[1:] {
		if other := w.nodes[i+1]; !w.sameUnit(u, other.Read.UnitFile) {
			w.out.Left = append(w.out.Left, fmt.Sprintf("node %s has other directives than node %s, which are written here", other.Name, w.nodes[0].Name))
		}
	}
	for _, section := range []string{"Unit", "Service", "Install"} {
		w.section(u, section)
	}
	for _, d := range u.Directives {
		if !slices.Contains([]string{"Unit", "Service", "Install"}, d.Section) {
			w.out.Left = append(w.out.Left, fmt.Sprintf("%s: [%s] %s=%s", place(w.Set.Pos(d.At)), d.Section, d.Name, oneLine(w.Set.Show(d.Value))))
		}
	}
	w.line("}")
}

func (w *writer) section(u *systemd.Unit, section string) {
	var lines []string
	var names []string
	for _, d := range u.Directives {
		if d.Section == section && !slices.Contains(names, d.Name) {
			names = append(names, d.Name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		values := u.Values(section, name)
		if section == "Service" && slices.Contains(refused, name) {
			if name != "ExecStart" {
				w.out.Left = append(w.out.Left, fmt.Sprintf("%s: %s=%s", place(w.Set.Pos(values[0].At)), name, oneLine(w.Set.Show(values[0].Value))))
			}
			continue
		}
		var parts []string
		for _, d := range values {
			v := w.own(d.Value, w.nodes[0].Node)
			parts = append(parts, w.directive(v.String(), w.holes.expression(v)))
			for i, n := range w.nodes {
				want := &w.out.Expected[i].Directives
				*want = append(*want, Directive{section, name, w.holes.fill(w.own(d.Value, n.Node), nil), w.Set.Pos(d.At)})
			}
		}
		switch {
		case len(values) == 0 && unitDefaults[section][name] == "":
			continue
		case len(values) == 0:
			lines = append(lines, fmt.Sprintf("%s: null", name))
		case len(parts) == 1:
			lines = append(lines, fmt.Sprintf("%s: %s // %s", name, parts[0], place(w.Set.Pos(values[0].At))))
		default:
			lines = append(lines, fmt.Sprintf("%s: [%s] // %s", name, strings.Join(parts, ", "), place(w.Set.Pos(values[0].At))))
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

// sameUnit reports whether two units have the same directives beside what starts the
// program.
func (w *writer) sameUnit(a, b *systemd.Unit) bool {
	of := func(u *systemd.Unit) []string {
		var out []string
		if u == nil {
			return nil
		}
		for _, d := range u.Directives {
			if !strings.HasPrefix(d.Name, "ExecStart") {
				out = append(out, d.Section+" "+d.Name+"="+w.Set.Show(d.Value))
			}
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(of(a), of(b))
}
