package review

import (
	"slices"
	"strings"
)

// clusterFiles compares the files that no host gets. It returns those of nodes' certificates
// by their node.
func (x *differ) clusterFiles() map[*pair][]both[File] {
	out := map[*pair][]both[File]{}
	old := slices.Clone(x.old.Files)
	for i := range old {
		old[i].Path = x.underNewName(old[i].Path)
	}
	for at, f := range each(old, x.now.Files, fileKey) {
		rest, ok := strings.CutPrefix(at, "pki/nodes/")
		name, _, below := strings.Cut(rest, "/")
		p := x.byNew[name]
		if !ok || !below {
			x.file(f, nil, said{})
			continue
		}
		if p == nil {
			p = x.byOld[name]
		}
		switch {
		case p == nil:
			x.file(f, nil, said{})
		case p.old != nil && p.now != nil:
			out[p] = append(out[p], f)
		}
	}
	return out
}

// underNewName returns the path of a file in the old tree with the new name of its node.
func (x *differ) underNewName(at string) string {
	parts := strings.Split(at, "/")
	if len(parts) > 3 && parts[0] == "pki" && parts[1] == "nodes" {
		if to, ok := x.renamed[parts[2]]; ok {
			parts[2] = to
			return strings.Join(parts, "/")
		}
	}
	return at
}

// file adds what differs in a file of a node, or of the cluster if p is nil. It returns
// whether a host gets another file.
func (x *differ) file(f both[File], p *pair, s said) bool {
	say := func(at, effect, old, now string) {
		if onNoHost(at) {
			effect = onTree
		}
		x.changes.add(gathered{effect: effect, Change: Change{Kind: OfFile, Name: at, Old: someText(old), New: someText(now)}}, p)
	}
	switch {
	case f.old == nil:
		if !x.keyFile(f.now.Path, x.keys.come) {
			say(f.now.Path, "path", "", fileText(f.now))
		}
		return true
	case f.now == nil:
		if !x.keyFile(f.old.Path, x.keys.gone) {
			say(f.old.Path, "path", fileText(f.old), "")
		}
		return true
	}
	a, b, at := f.old, f.now, f.now.Path
	another := a.Mode != b.Mode || a.Owner != b.Owner || a.Dir != b.Dir || a.Sum != b.Sum
	if a.Mode != b.Mode {
		say(at, "mode", "mode "+a.Mode, "mode "+b.Mode)
	}
	if a.Owner != b.Owner {
		say(at, "owner", "owner "+a.Owner, "owner "+b.Owner)
	}
	if a.Dir != b.Dir {
		say(at, "path", fileText(a), fileText(b))
	}
	switch {
	case a.Sum == b.Sum || a.Dir != b.Dir:
		return another
	case a.Text == b.Text: // not known
		say(at, "content", "contents "+a.Sum, "contents "+b.Sum)
		return another
	case p != nil && isStart(a, p.old) && isStart(b, p.now):
		return another
	}
	gone, come := lines(a.Text, b.Text)
	whole := len(gone)+len(come) > 0
	h := holder{x: x, p: p, s: s, old: outlineOf(a), now: outlineOf(b), file: f}
	gone = slices.DeleteFunc(gone, h.explains)
	come = slices.DeleteFunc(come, h.explains)
	switch {
	case len(gone)+len(come) > 0:
		x.contents(at, gone, come, p)
	case !whole:
		x.contents(at, []string{"the same lines"}, []string{"in another order"}, p)
	}
	return another
}

// onNoHost reports whether a file lies in the tree for the next export alone.
func onNoHost(at string) bool { return at == "pki" || strings.HasPrefix(at, "pki/") }

func fileText(f *File) string {
	out := "mode " + f.Mode
	if f.Dir {
		out = "directory, " + out
	}
	if f.Owner != "" {
		out += ", owner " + f.Owner
	}
	return out
}

// keyFile reports whether a file in the tree belongs to one of some ids.
func (x *differ) keyFile(at string, ids map[string]bool) bool {
	rest, ok := strings.CutPrefix(at, "pki/")
	if !ok {
		return false
	}
	for _, suffix := range []string{"-csr.json", ".crt", ".key", ".pub"} {
		if id, ok := strings.CutSuffix(rest, suffix); ok {
			return ids[id]
		}
	}
	return false
}

// holder tells why the lines of a file differ that describes a key, a certificate, a
// kubeconfig or a program.
type holder struct {
	x        *differ
	p        *pair
	s        said
	old, now map[string]string
	file     both[File]
}

// outlineOf returns the values in a file's text by their names: those of a file that
// describes what its contents are.
func outlineOf(f *File) map[string]string {
	out := map[string]string{}
	for _, l := range strings.Split(f.Text, "\n") {
		if name, value, ok := strings.Cut(l, ": "); ok {
			out[name] = value
		}
	}
	return out
}

// idOf returns the id of a file below pki/.
func idOf(file string) string {
	id := strings.TrimPrefix(file, "pki/")
	for _, suffix := range []string{".crt", ".key", ".pub"} {
		if rest, ok := strings.CutSuffix(id, suffix); ok {
			return rest
		}
	}
	return id
}

// explains reports whether a change says why a line differs.
func (h holder) explains(line string) bool {
	if h.request(line) {
		return true
	}
	name, _, ok := strings.Cut(line, ": ")
	if !ok || h.now["kind"] == "" || h.old["kind"] != h.now["kind"] {
		return false
	}
	of := h.now["of"]
	switch name {
	case "mode":
		return h.file.old.Mode != h.file.now.Mode
	case "owner":
		return h.file.old.Owner != h.file.now.Owner
	case "of", "client certificate", "client key":
		return h.replaced(name)
	case "server":
		return h.s.settings[OfNode+" endpoint"]
	case "cluster", "user", "context":
		return h.x.settings[OfKubeconfig+" kubeconfig."+name]
	case "version":
		return h.x.old.Kubernetes != h.x.now.Kubernetes
	case "architecture":
		return h.s.settings[OfNode+" arch"]
	case "sha256":
		return h.x.settings[OfProgram+" binary.source."+h.now["architecture"]+".sha256"]
	case "from":
		if h.now["kind"] == "program" {
			return h.x.settings[OfProgram+" binary.source."+h.now["architecture"]]
		}
		return h.replaced("of") || h.x.keys.aspects[idOf(of)]["file"]
	case "subject", "usages", "key", "lifetime", "public key", "ends", "issuer":
		return h.replaced("of") || h.x.keys.aspects[idOf(of)][name] || h.x.keys.aspects[idOf(of)]["file"] && h.becomesOwn()
	case "alternative names":
		return h.replaced("of") || h.x.keys.aspects[idOf(of)]["names"]
	}
	return false
}

// becomesOwn reports whether the file is the user's own on one side only: its description
// has no details then.
func (h holder) becomesOwn() bool { return (h.old["from"] == "") != (h.now["from"] == "") }

// replaced reports whether the file holds something of another id, which comes or goes.
func (h holder) replaced(name string) bool {
	was, is := idOf(h.old[name]), idOf(h.now[name])
	return was != is && (h.x.keys.gone[was] || h.x.keys.come[is])
}

// request reports whether the file is a request for a certificate, and the line has nothing
// but what is said to differ in the certificate, and JSON's own signs.
func (h holder) request(line string) bool {
	id, ok := strings.CutSuffix(strings.TrimPrefix(h.file.now.Path, "pki/"), "-csr.json")
	words := h.x.keys.words[id]
	if !ok || len(words) == 0 {
		return false
	}
	line = strings.TrimRight(strings.TrimSpace(line), ",")
	if name, value, ok := strings.Cut(line, ": "); ok && strings.HasPrefix(name, `"`) {
		line = value
	}
	return words[strings.Trim(line, `"`)] || strings.Trim(line, "{}[]") == ""
}
