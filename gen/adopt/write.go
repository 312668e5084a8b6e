package adopt

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func (w *writer) line(format string, args ...any) {
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

// comment writes comments, a line for each of the text's.
func (w *writer) comment(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		w.line("// %s", visible(line))
	}
}

// write writes the whole file.
func (w *writer) write() {
	var files []string
	for _, n := range w.nodes {
		files = append(files, oneLine(path.Base(n.Read.File)))
	}
	imported, name := w.vocabulary()
	body := w.body()
	w.holes.referred(body)
	w.unplaced()
	w.comment(fmt.Sprintf("Written by kcmgen import from %s. A comment after a value says where it comes from.", strings.Join(slices.Compact(files), ", ")))
	w.line("package %s\n\nimport %q\n", w.Package, imported)
	w.values()
	w.line("cluster: %s.#Cluster & {", name)
	w.b.WriteString(body)
	w.line("}")
	if len(w.out.Left) > 0 {
		w.line("")
		w.comment("What the files say, and the cluster above can't:")
		for _, l := range w.out.Left {
			w.comment("  " + l)
		}
	}
}

// body writes the fields of the cluster, and returns them: only then it is known which
// values are open.
func (w *writer) body() string {
	m := w.model
	w.line("name: %s", quote(w.Name))
	w.line("version: %s", quote(w.Version.String()))
	w.line("layout: %s", quote(string(m.Layout)))
	if m.Profile != spec.Standard {
		w.line("profile: %s", quote(string(m.Profile)))
	}
	w.line("")
	w.writeNodes()
	w.writeNetworks()
	w.writeKeys()
	w.writePaths()
	w.writeFlags()
	if m.Layout == spec.Systemd {
		w.writeUnit()
	} else {
		w.writePod()
	}
	out := w.b.String()
	w.b.Reset()
	return out
}

// values writes what the files leave open, as required fields.
func (w *writer) values() {
	open := w.holes.open()
	if len(open) == 0 {
		return
	}
	w.comment("What the files leave open: give each a value.")
	w.line("values: {")
	for _, x := range open {
		w.line("%s!: _ // %s, %s", x.name, oneLine(x.expr), place(x.at))
	}
	w.line("}\n")
}

// oneLine keeps a text within a comment's line.
func oneLine(s string) string { return visible(strings.Join(strings.Fields(s), " ")) }

// visible replaces what can't be seen, might end a line, or isn't allowed in a file of CUE.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

func place(p text.Pos) string {
	file := oneLine(path.Base(p.File))
	if p.Line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, p.Line)
}

// writeNodes writes the nodes, with what only one of them has.
func (w *writer) writeNodes() {
	_, differ := w.common()
	own := w.ownAddress()
	derived := w.derived()
	w.line("nodes: {")
	for _, n := range w.nodes {
		address := "_ // not known: the host's address"
		if n.Address.IsValid() {
			address = quote(n.Address.String())
		} else {
			w.out.Notes = append(w.out.Notes, fmt.Sprintf("the address of node %s is in no file: write it in nodes", n.Name))
		}
		var lines []string
		for _, name := range differ {
			if name == "bind-address" && own {
				continue
			}
			if v, ok := n.flags[name]; ok {
				lines = append(lines, w.flagLine(name, v))
			} else if _, adds := derived[name]; adds && !n.Read.Partial {
				lines = append(lines, label(name)+": null // it isn't passed there")
			}
		}
		ssh := sshOf(n)
		if len(lines) == 0 && ssh == "" {
			w.line("%s: address: %s", quote(n.Name), address)
			continue
		}
		w.line("%s: {\naddress: %s%s", quote(n.Name), address, ssh)
		if len(lines) > 0 {
			w.line("flags: {\n%s\n}", strings.Join(lines, "\n"))
		}
		w.line("}")
	}
	w.line("}")
	if own {
		w.line(`nodes: [string]: N={flags: "bind-address": N.address} // %s`, place(w.nodes[0].flags["bind-address"].at))
	}
	w.line("")
}

// sshOf writes how a node was reached, where that isn't by its address alone.
func sshOf(n *node) string {
	var parts []string
	if n.SSH.Host != "" && n.SSH.Host != n.Address.String() {
		parts = append(parts, "host: "+quote(n.SSH.Host))
	}
	if n.SSH.Port != 0 {
		parts = append(parts, fmt.Sprintf("port: %d", n.SSH.Port))
	}
	if n.SSH.User != "" {
		parts = append(parts, "user: "+quote(n.SSH.User))
	}
	if len(parts) == 0 {
		return ""
	}
	return "\nssh: {" + strings.Join(parts, ", ") + "}"
}

// ownAddress reports whether each node binds to its own address.
func (w *writer) ownAddress() bool {
	for _, n := range w.nodes {
		if v, ok := n.flags["bind-address"]; !ok || !n.Address.IsValid() || v.String() != n.Address.String() {
			return false
		}
	}
	return true
}

func (w *writer) flagLine(name string, v value) string {
	d, _ := w.minor.Flag(name)
	return fmt.Sprintf("%s: %s // %s", label(name), w.flagValue(name, v.Text, d), w.from(v, d))
}

// from is where a value comes from: of a list, the places of all its elements.
func (w *writer) from(v value, d flags.Def) string {
	if v.by != "" {
		return oneLine(v.by) + "'s"
	}
	out := []string{place(v.at)}
	if !d.Adds() {
		return out[0]
	}
	for _, after, more := v.Cut(","); more; _, after, more = after.Cut(",") {
		if p := place(w.Set.Pos(after.At(0))); after.Len() > 0 && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

func (w *writer) writeNetworks() {
	n := w.model.Networks
	if len(n.Pods)+len(n.Services) == 0 {
		return
	}
	w.line("networks: {")
	for _, x := range []struct{ field, flag string }{{"pods", "cluster-cidr"}, {"services", "service-cluster-ip-range"}} {
		if t, ok := w.networkTexts[x.flag]; ok {
			w.line("%s: %s // %s", x.field, w.list(t), place(w.Set.Pos(t.At(0))))
		}
	}
	if len(n.Pods) > 0 && n.MaskIPv4 != 24 {
		w.line("nodeMask: ipv4: %d", n.MaskIPv4)
	}
	if len(n.Pods) > 0 && n.MaskIPv6 != 64 {
		w.line("nodeMask: ipv6: %d", n.MaskIPv6)
	}
	w.line("}")
}

func (w *writer) writePaths() {
	p, def := w.model.Paths, defaultPaths()
	var lines []string
	if p.Dir != def.Dir {
		lines = append(lines, "dir: "+quote(p.Dir)+" // no file of the host is there")
	}
	for _, r := range roleFlags {
		if w.KeepKeys {
			break
		}
		if at := p.Of(r.role); at != def.Of(r.role) && (r.role != spec.FrontProxyCA || w.model.PKI.FrontProxy != nil) {
			lines = append(lines, fmt.Sprintf("%s: %s", r.field, w.holes.expression(text.Literal(at, text.At{}))))
		}
	}
	for _, o := range []struct{ field, at, def string }{
		{"binary", p.Binary, def.Binary}, {"unit", p.Unit, def.Unit}, {"manifest", p.Manifest, def.Manifest},
	} {
		if o.at != o.def {
			lines = append(lines, fmt.Sprintf("%s: %s", o.field, quote(o.at)))
		}
	}
	if len(lines) > 0 {
		w.line("\npaths: {\n%s\n}", strings.Join(lines, "\n"))
	}
}

// writeFlags writes what the vocabulary doesn't derive.
func (w *writer) writeFlags() {
	same, differ := w.common()
	derived := w.derived()
	var lines []string
	for _, name := range same {
		v, _ := w.of(name)
		if got, ok := derived[name]; ok && w.same(name, got, v.String()) {
			continue
		}
		if name == "bind-address" && w.ownAddress() {
			continue
		}
		if ref := w.networkRef(name, v); ref != "" {
			lines = append(lines, fmt.Sprintf("%s: %s", label(name), ref))
			continue
		}
		lines = append(lines, w.flagLine(name, v))
	}
	var absent []string
	for name := range derived {
		if !slices.Contains(same, name) && !slices.Contains(differ, name) {
			absent = append(absent, name)
		}
	}
	slices.Sort(absent)
	if w.nodes[0].Read.Partial { // what starts the program passes them
		w.out.Notes = append(w.out.Notes, fmt.Sprintf("%s has a part of the flags: what starts the program there passes others, which aren't in the cluster unless kcmgen adds them itself", path.Base(w.nodes[0].Read.File)))
		absent = nil
	}
	for _, name := range absent {
		lines = append(lines, fmt.Sprintf("%s: null // it isn't passed", label(name)))
	}
	for _, n := range w.nodes {
		for _, t := range n.lost {
			w.out.Left = append(w.out.Left, fmt.Sprintf("%s: argument %s", place(w.Set.Pos(t.At(0))), oneLine(w.Set.Show(t))))
		}
	}
	if !w.model.Hardened {
		w.line("\nflagDefaults: \"none\"")
	}
	if len(lines) > 0 {
		w.line("flags: {\n%s\n}", strings.Join(lines, "\n"))
	}
}

// networkRef refers to the networks, so that a network is written once; "" if the flag has
// another value.
func (w *writer) networkRef(name string, v value) string {
	n := w.model.Networks
	ref := func(field string, count int) string {
		if t, ok := w.networkTexts[name]; !ok || t.String() != v.String() {
			return ""
		}
		if count == 1 {
			return fmt.Sprintf("networks.%s[0]", field)
		}
		var parts []string
		for i := range count {
			parts = append(parts, fmt.Sprintf(`\(networks.%s[%d])`, field, i))
		}
		return `"` + strings.Join(parts, ",") + `"`
	}
	switch name {
	case "cluster-cidr":
		return ref("pods", len(n.Pods))
	case "service-cluster-ip-range":
		return ref("services", len(n.Services))
	case "node-cidr-mask-size", "node-cidr-mask-size-ipv4", "node-cidr-mask-size-ipv6":
		if t, ok := w.networkTexts["cluster-cidr"]; !ok || !t.Known() {
			return ""
		}
		family, size := "ipv4", n.MaskIPv4
		if sizesIPv6(name, n.Pods) {
			family, size = "ipv6", n.MaskIPv6
		}
		if v.String() == strconv.Itoa(size) {
			return "networks.nodeMask." + family
		}
	}
	return ""
}

// unplaced adds to what is left each hole that neither the cluster nor its notes speak of.
func (w *writer) unplaced() {
	for _, x := range w.holes.all {
		said := func(s string) bool {
			return strings.Contains(s, oneLine(x.expr)) || strings.Contains(s, "values."+x.name)
		}
		if x.used || slices.ContainsFunc(w.out.Left, said) || slices.ContainsFunc(w.out.Notes, said) {
			continue
		}
		w.out.Left = append(w.out.Left, fmt.Sprintf("%s: %s, which nothing in the cluster stands for", place(x.at), oneLine(x.expr)))
	}
}
