package adopt

import (
	"fmt"
	"path"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// places takes the paths of the program and of the unit or the manifest. All nodes have the
// same ones in a cluster.
func (w *writer) places() {
	m := &w.model.Paths
	m.Binary = w.shared("binary", m.Binary, func(n *node) (string, string) {
		p := w.holes.fill(n.Read.Program, nil)
		if !n.Read.Program.Known() || !isPath(p) || path.Base(p) != command.Program {
			return "", p
		}
		return p, p
	})
	if w.layout == spec.Systemd {
		m.Unit = w.shared("unit", m.Unit, func(n *node) (string, string) {
			at := w.target(n.Read, "/etc/systemd/system", ".service")
			if base := path.Base(at); strings.HasPrefix(at, "/usr/lib/") || strings.HasPrefix(at, "/lib/") {
				// A package owns that one, and would put it back. One in /etc hides it.
				at = "/etc/systemd/system/" + base
			}
			return at, at
		})
		return
	}
	m.Manifest = w.shared("manifest", m.Manifest, func(n *node) (string, string) {
		at := w.target(n.Read, "/etc/kubernetes/manifests", ".yaml", ".json")
		return at, at
	})
}

// shared returns the path that all nodes have, for a field of paths, and notes where they
// differ. of returns a node's, "" if it has none that can be written, and its form for messages.
func (w *writer) shared(field, otherwise string, of func(*node) (at, shown string)) string {
	at, _ := of(w.nodes[0])
	for _, n := range w.nodes[1:] {
		if other, shown := of(n); other != at {
			_, first := of(w.nodes[0])
			w.out.Notes = append(w.out.Notes, fmt.Sprintf("paths.%s: node %s has %s and node %s has %s; a cluster has one for all nodes, and it will be %s",
				field, w.nodes[0].Name, orNone(first), n.Name, orNone(shown), otherwise))
			return otherwise
		}
	}
	if at == "" {
		return otherwise
	}
	return at
}

func orNone(s string) string {
	if s == "" {
		return "none that is known"
	}
	return s
}

// target returns the path on a host of the file that starts the program: the one that the file
// states, or its own name in the usual directory. It is "" if the name isn't one of endings.
func (w *writer) target(r *command.Result, dir string, endings ...string) string {
	fits := func(at string) bool {
		for _, e := range endings {
			if strings.HasSuffix(at, e) && isPath(at) {
				return true
			}
		}
		return false
	}
	if at := r.Target.String(); r.Target.Known() && fits(at) {
		return at
	}
	if r.UnitFile == nil && r.Pod == nil {
		return ""
	}
	name := path.Base(r.File)
	for _, system := range []string{"/etc/", "/usr/lib/systemd/", "/lib/systemd/"} {
		if strings.HasPrefix(r.File, system) && fits(r.File) {
			return r.File
		}
	}
	if at := dir + "/" + name; fits(at) {
		return at
	}
	return ""
}
