package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
)

// argument is a flag as a node's file gives it.
type argument struct {
	name    string
	def     flags.Def
	value   text.Text // with those of its name before it, if the flag adds to them
	spelled text.Text
	at      text.Pos
	by      string
}

// read takes a node's flags.
func (w *writer) read(n Node) *node {
	out := &node{Node: n, flags: map[string]value{}}
	texts := w.arguments(n)
	words := make([]string, len(texts))
	for i, t := range texts {
		words[i] = t.String()
	}
	given, faults := w.minor.Read(words)
	for _, f := range faults {
		out.lost = append(out.lost, texts[f.Arg])
	}
	for _, g := range given {
		t := texts[g.Arg]
		val, next := valueOf(texts, g)
		if strings.ContainsAny(g.Name, text.Reserved) || g.Name == "controllers" && g.Value == "" {
			// Which flag it is isn't known; and the vocabulary has no empty list of controllers.
			out.lost = append(out.lost, t)
			if next {
				out.lost = append(out.lost, val)
			}
			continue
		}
		d, known := w.minor.Flag(g.Name)
		v := value{Text: val, at: w.Set.Pos(t.At(0)), by: by(n.Read, g.Arg)}
		if old, again := out.flags[g.Name]; again && known && d.Adds() {
			v.Text = text.Join(old.Text, text.Literal(",", val.At(0)), val)
			v.at = old.at
		}
		w.holes.fill(v.Text, &flagUse{g.Name, d}) // which decides the samples
		out.flags[g.Name] = v
		out.given = append(out.given, argument{g.Name, d, v.Text, t, w.Set.Pos(t.At(0)), v.by})
	}
	return out
}

// arguments returns a node's arguments, with its own address and name in them.
func (w *writer) arguments(n Node) []text.Text {
	var out []text.Text
	for _, a := range n.Read.Args {
		t := w.own(a.Text, n)
		name, val, _ := strings.Cut(strings.TrimPrefix(t.String(), "--"), "=")
		if d, ok := w.minor.Flag(name); ok && n.Read.Defaults && t.Known() && d.Default == val {
			continue
		}
		out = append(out, t)
	}
	return out
}

// valueOf returns a flag's value with its places, and whether it is an argument of its own.
func valueOf(texts []text.Text, g flags.Given) (val text.Text, next bool) {
	t := texts[g.Arg]
	before, after, ok := t.Cut("=")
	switch {
	case ok && strings.HasPrefix(before.String(), "-") && after.String() == g.Value:
		return after, false
	case g.Arg+1 < len(texts) && t.String() != g.Value && g.Value == texts[g.Arg+1].String() && !ok:
		return texts[g.Arg+1], true
	case strings.HasSuffix(t.String(), g.Value): // -v2
		return t.From(t.Len() - len(g.Value)), false
	}
	return text.Literal(g.Value, t.At(0)), false
}

// by is what adds an argument.
func by(r *command.Result, i int) string {
	if i < len(r.Args) && !r.Defaults {
		return r.Args[i].By
	}
	return ""
}

// expect returns what an export of a node must have, with the samples.
func (w *writer) expect(n *node) Expected {
	out := Expected{Node: n.Name}
	for _, a := range n.given {
		val := w.holes.fill(a.value, nil)
		if s, ok := number(val, a.def); ok {
			val = s
		}
		out.Flags = append(out.Flags, Given{Name: a.name, Value: val, Spelled: w.holes.fill(a.spelled, nil), At: a.at, By: a.by})
	}
	for _, t := range n.lost {
		out.Lost = append(out.Lost, place(w.Set.Pos(t.At(0)))+": argument "+oneLine(w.Set.Show(t)))
	}
	return out
}

// own puts a node's address and name where the file leaves them open. A variable has one form
// then, however the file writes it, so that equal texts are equal values.
func (w *writer) own(t text.Text, n Node) text.Text {
	return w.Set.Replace(t, func(h text.Hole) (string, bool) {
		switch {
		case isNodeAddress(h) && n.Address.IsValid():
			w.note("%s is each node's own address", oneLine(h.Expr))
			return n.Address.String(), true
		case isNodeName(h) && n.Name != "":
			w.note("%s is each node's own name", oneLine(h.Expr))
			return n.Name, true
		}
		return w.Set.Hole("", w.holes.get(h).expr, t.At(0)).String(), true
	})
}

// note adds a note, once.
func (w *writer) note(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(w.out.Notes, s) {
		w.out.Notes = append(w.out.Notes, s)
	}
}

// isNodeAddress reports whether a hole is the address of the host itself. That of another
// object, such as a load balancer's, isn't; nor MASTER_IP, which may be a shared one.
func isNodeAddress(h text.Hole) bool {
	names, host := objectOf(h)
	switch names[len(names)-1] {
	case "NODE_IP", "NODEIP", "HOST_IP", "HOSTIP", "POD_IP", "PODIP", "INTERNAL_IP", "PRIVATE_IP", "LOCAL_IP", "MY_IP", "NODE_ADDRESS", "HOST_ADDRESS", "ANSIBLE_HOST", "NODE_INTERNAL_IP":
		return host || len(names) == 1
	case "IP", "ADDRESS", "PRIVATE_ADDRESS", "INTERNAL_ADDRESS":
		return host
	}
	return false
}

func isNodeName(h text.Hole) bool {
	names, host := objectOf(h)
	switch names[len(names)-1] {
	case "NODE_NAME", "NODENAME", "HOSTNAME", "HOST_NAME", "INVENTORY_HOSTNAME", "SPECIFIER_H", "ANSIBLE_HOSTNAME":
		return host || len(names) == 1
	}
	return false
}

// objectOf splits the name of a hole at its dots, in capitals, and reports whether its object is
// the host.
func objectOf(h text.Hole) (names []string, host bool) {
	name := h.Name
	if _, rest, ok := strings.Cut(h.Expr, "hostvars[inventory_hostname]"); ok {
		name = "hostvars" + strings.NewReplacer("['", ".", `["`, ".", "']", "", `"]`, "").Replace(strings.Trim(rest, " }-"))
	}
	names = strings.Split(strings.ToUpper(strings.Trim(name, ".")), ".")
	first := names[0]
	host = len(names) > 1 && (strings.HasPrefix(first, "ANSIBLE_") || slices.Contains([]string{"NODE", "HOST", "SELF", "HOSTVARS", "STATUS", "MACHINE"}, first))
	return names, host
}
