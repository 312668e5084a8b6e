package adopt

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/internal/lazy"
)

// secretName finds such words anywhere, but "key" only as a word of its own: MONKEY is none.
var secretName = lazy.Regexp(`(?i:pass(word|wd|phrase)|token|secret|credential|(^|[^a-z])(api)?keys?([^a-z]|$))|[a-z]Key$`)

// LooksSecret reports whether the name of a variable or a field is one that passwords, tokens
// and keys have.
func LooksSecret(name string) bool { return secretName().MatchString(name) }

// assignment finds NAME=value among the words of a unit's Environment=.
var assignment = lazy.Regexp(`(?:^|[\s"'])([A-Za-z_][A-Za-z0-9_]*)=([^\s"']*)`)

// noteSecrets names what looks like a password in a unit: the cluster is meant for git.
func (w *writer) noteSecrets() {
	var names []string
	for _, n := range w.nodes {
		if n.Read.UnitFile == nil {
			continue
		}
		for _, d := range n.Read.UnitFile.Directives {
			if d.Section != "Service" || d.Name != "Environment" {
				continue
			}
			for _, m := range assignment().FindAllStringSubmatch(d.Value.String(), -1) {
				// A path says where a secret is, and an empty value is none.
				if LooksSecret(m[1]) && m[2] != "" && !path.IsAbs(m[2]) {
					names = append(names, fmt.Sprintf("%s (%s)", m[1], place(w.Set.Pos(d.At))))
				}
			}
		}
	}
	if slices.Sort(names); len(names) > 0 {
		w.out.Notes = append(w.out.Notes, fmt.Sprintf("the unit's Environment= has what looks like a secret, and the cluster has it too: %s; put it into a file of the host, which EnvironmentFile= names, before you commit", strings.Join(slices.Compact(names), ", ")))
	}
}

// left names something that the cluster doesn't say, once: in the report, and at its end.
func (w *writer) left(format string, args ...any) {
	if s := oneLine(fmt.Sprintf(format, args...)); !slices.Contains(w.out.Left, s) {
		w.out.Left = append(w.out.Left, s)
	}
}
