package review

import (
	"path"
	"slices"
	"strings"
)

// fileKey is a file's place, on a host or in the tree.
func fileKey(f *File) string { return f.Path }

// said is what was said of a node's changes besides its files.
type said struct {
	flags    map[string]bool
	settings map[string]bool // "kind name"
	words    map[string]bool // of settings of a pod: labels and lines of values
}

// node compares a node. pki are its files below pki/.
func (x *differ) node(p *pair, pki []both[File]) {
	switch {
	case p.old == nil:
		x.changes.add(gathered{Change: Change{Kind: OfMembership, Name: "node", New: &Value{Text: strings.Join(p.now.Addresses, ",")}}}, p)
		x.nodes = append(x.nodes, NodeDifference{Name: p.now.Name, State: Added})
		return
	case p.now == nil:
		x.changes.add(gathered{Change: Change{Kind: OfMembership, Name: "node", Old: &Value{Text: strings.Join(p.old.Addresses, ",")}}}, p)
		x.nodes = append(x.nodes, NodeDifference{Name: p.old.Name, State: Removed})
		return
	}
	if p.old.Name != p.now.Name {
		x.changes.add(gathered{Change: Change{Kind: OfNode, Name: "name", Old: &Value{Text: p.old.Name}, New: &Value{Text: p.now.Name}}}, p)
	}
	s := said{map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for name, f := range each(p.old.Flags, p.now.Flags, func(f *Flag) string { return f.Name }) {
		if x.flag(name, f, p) {
			s.flags[name] = true
		}
	}
	another := p.old.Layout != p.now.Layout
	for k, one := range each(p.old.Settings, p.now.Settings, settingKey) {
		if another && (k[0] == OfUnit || k[0] == OfPod) {
			continue
		}
		if x.setting(one, p) {
			s.settings[k[0]+" "+k[1]] = true
			s.note(one)
		}
	}
	for _, f := range []struct{ name, old, now string }{
		{"addresses", strings.Join(p.old.Addresses, "\n"), strings.Join(p.now.Addresses, "\n")},
		{"layout", p.old.Layout, p.now.Layout},
		{"endpoint", p.old.Endpoint, p.now.Endpoint},
	} {
		if f.old != f.now && !s.settings[OfNode+" "+f.name] {
			s.settings[OfNode+" "+f.name] = true
			x.changes.add(gathered{Change: Change{Kind: OfNode, Name: f.name, Old: someText(f.old), New: someText(f.now)}}, p)
		}
	}
	if another {
		x.layout(p)
	} else {
		another = x.start(p, s)
	}
	for _, f := range each(p.old.Files, p.now.Files, fileKey) {
		another = x.file(f, p, s) || another
	}
	for _, f := range pki {
		x.file(f, p, s)
	}
	another = another || x.keys.madeOn[p.now.Name]
	d := NodeDifference{Name: p.now.Name, State: Changed}
	if p.old.Name != p.now.Name {
		d.OldName, d.State = p.old.Name, Renamed
	}
	if another || d.State == Renamed {
		x.nodes = append(x.nodes, d)
	}
}

// note keeps the words by which a line of a pod belongs to a setting that differs.
func (s said) note(one both[Setting]) {
	for _, o := range []*Setting{one.old, one.now} {
		if o == nil || o.Kind != OfPod {
			continue
		}
		for _, w := range strings.FieldsFunc(o.Name, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
			s.words[w] = true
		}
		for _, l := range strings.Split(o.Value, "\n") {
			s.words[l] = true
		}
	}
}

// start compares the unit or the pod: its place, and what no flag and no setting says of its
// text. It returns whether either differs.
func (x *differ) start(p *pair, s said) bool {
	if p.old.Start != p.now.Start {
		x.changes.add(gathered{effect: "path", Change: Change{Kind: OfFile, Name: "start", Old: someText(p.old.Start), New: someText(p.now.Start)}}, p)
	}
	if p.old.Text == p.now.Text {
		return p.old.Start != p.now.Start
	}
	gone, come := lines(joined(p.old.Text), joined(p.now.Text))
	whole := len(gone)+len(come) > 0
	explained := func(l string) bool { return x.saysLine(l, p, s) }
	gone, come = slices.DeleteFunc(gone, explained), slices.DeleteFunc(come, explained)
	switch {
	case len(gone)+len(come) > 0:
		x.contents(p.now.Start, gone, come, p)
	case !whole:
		x.contents(p.now.Start, []string{"the same lines"}, []string{"in another order"}, p)
	}
	return true
}

// joined returns a unit without the signs that join lines: the last flag has none, and isn't
// another flag if one comes after it.
func joined(text string) string { return strings.ReplaceAll(text, " \\\n", "\n") }

// layout says as one change what a unit has and a pod doesn't, or the other way round: none
// of their settings has one of the same name on the other side.
func (x *differ) layout(p *pair) {
	for _, kind := range []string{OfUnit, OfPod} {
		was, is := all(p.old.Settings, kind), all(p.now.Settings, kind)
		if was != is {
			x.changes.add(gathered{Change: Change{Kind: kind, Name: "*", Old: someText(was), New: someText(is)}}, p)
		}
	}
	x.changes.add(gathered{effect: "path", Change: Change{Kind: OfFile, Name: "start", Old: someText(p.old.Start), New: someText(p.now.Start)}}, p)
}

// all joins the settings of a kind.
func all(some []Setting, kind string) string {
	var out []string
	for _, s := range some {
		if s.Kind == kind {
			out = append(out, s.Name+"="+strings.ReplaceAll(s.Value, "\n", ","))
		}
	}
	return strings.Join(out, "\n")
}

// saysLine reports whether a change says why a line of a unit or a pod differs.
func (x *differ) saysLine(line string, p *pair, s said) bool {
	line = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(line), "\\"))
	if strings.HasPrefix(line, "# Written by kcmgen for node ") {
		return x.old.Name != x.now.Name || p.old.Name != p.now.Name
	}
	for strings.HasPrefix(line, "- ") {
		line = strings.TrimSpace(line[2:])
	}
	if name, ok := strings.CutPrefix(strings.TrimLeft(line, `"'`), "--"); ok {
		if i := strings.IndexAny(name, `= "'`); i >= 0 {
			name = name[:i]
		}
		return s.flags[name]
	}
	if p.now.Layout == "systemd" {
		key, _, _ := strings.Cut(line, "=")
		for _, section := range []string{"Unit", "Service", "Install"} {
			if s.settings[OfUnit+" "+section+"."+key] {
				return true
			}
		}
		return false
	}
	unquoted := strings.Trim(line, `"'`)
	key, value, _ := strings.Cut(line, ":")
	return s.words[unquoted] || s.words[strings.Trim(key, `"'`)] || s.words[strings.Trim(strings.TrimSpace(value), `"'`)] && value != ""
}

// contents adds a change of a file's contents that nothing else says.
func (x *differ) contents(at string, gone, come []string, p *pair) {
	g := gathered{effect: "content", Change: Change{Kind: OfFile, Name: at, Old: someText(strings.Join(gone, "\n")), New: someText(strings.Join(come, "\n"))}}
	if onNoHost(at) {
		g.effect = onTree
	}
	x.changes.add(g, p)
}

// lines returns the lines that only one of two texts has, in order.
func lines(old, now string) (gone, come []string) {
	count := map[string]int{}
	was, is := strings.Split(old, "\n"), strings.Split(now, "\n")
	for _, l := range is {
		count[l]++
	}
	for _, l := range was {
		if count[l]--; count[l] < 0 {
			gone = append(gone, l)
		}
	}
	for i := len(is) - 1; i >= 0; i-- { // the last ones are those that are left
		if l := is[i]; count[l] > 0 {
			count[l]--
			come = append(come, l)
		}
	}
	slices.Reverse(come)
	return gone, come
}

// isStart reports whether a file is the unit or the pod, or its copy in a generation.
func isStart(f *File, n *Node) bool {
	return path.Base(f.Path) == path.Base(n.Start) && f.Text == n.Text
}
