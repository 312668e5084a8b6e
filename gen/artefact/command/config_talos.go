package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

const byTalos = "Talos"

// talosDenied are flags that Talos doesn't let its users set.
var talosDenied = []string{
	"authentication-kubeconfig", "authorization-kubeconfig", "cluster-signing-cert-file", "cluster-signing-key-file",
	"root-ca-file", "service-account-private-key-file",
}

// talosKeys are all that a machine configuration has.
var talosKeys = []string{"version", "debug", "persist", "machine", "cluster"}

// fromTalos reads a machine configuration of Talos, or a patch of one.
func fromTalos(set *text.Set, doc *yamltext.Node) []Command {
	cluster := doc.Get("cluster")
	kcm := cluster.Get("controllerManager")
	if !kcm.Is(yamltext.Map) && !doc.Get("machine").Is(yamltext.Map) || !cluster.Is(yamltext.Map) {
		return nil
	}
	for _, key := range doc.Keys() {
		if !slices.Contains(talosKeys, key.String()) && !key.IsHole() {
			return nil // such as a values file
		}
	}
	m := newMaker(set, doc, Talos)
	m.c.Partial = true
	m.c.Image = kcm.Get("image").Value()
	m.c.Version = tag(m.c.Image)
	if kcm.Get("disabled").Str() == "true" {
		m.note(kcm.Get("disabled").At, "the machine doesn't start %s", Program)
	}
	m.flags(kcm.Get("extraArgs"), byTalos)
	services := joined(cluster.Get("network", "serviceSubnets"))
	for i, a := range m.c.Args {
		switch name := argName(a); {
		case slices.Contains(talosDenied, name):
			m.note(a.At(2), "Talos refuses %s in extraArgs", name)
		case name == "controllers":
			m.c.Args[i] = addedTo(a, text.Literal("*,tokencleaner", a.At(0)))
		case name == "service-cluster-ip-range" && services.Len() > 0:
			m.c.Args[i] = addedTo(a, services)
		}
	}
	m.networks(joined(cluster.Get("network", "podSubnets")), services, byTalos)
	sortArgs(m.c.Args)
	return m.done()
}

// talosPatch returns the machine configuration that a list of operations of JSON Patch makes of
// an empty one, as far as it is about the program.
func talosPatch(doc *yamltext.Node) (*yamltext.Node, bool) {
	out := &yamltext.Node{Kind: yamltext.Map, At: doc.Place()}
	found := false
	for _, item := range doc.List() {
		rest, ok := strings.CutPrefix(item.Get("path").Str(), "/cluster")
		if op := item.Get("op").Str(); !ok || op != "add" && op != "replace" {
			continue
		}
		keys := []text.Text{text.Literal("cluster", item.Place())}
		path := item.Get("path").Value()
		for from := path.Len() - len(rest); from < path.Len(); {
			end := from + 1
			for end < path.Len() && path.String()[end] != '/' {
				end++
			}
			keys = append(keys, pointer(path.Slice(from+1, end)))
			from = end
		}
		putValue(out, keys, item.Get("value"))
		found = found || strings.HasPrefix(rest, "/controllerManager") || item.Get("value").Has("controllerManager")
	}
	return out, found
}

// pointer returns an element of a JSON Pointer without its escapes.
func pointer(t text.Text) text.Text {
	s := t.String()
	if plain := strings.NewReplacer("~1", "/", "~0", "~").Replace(s); plain != s {
		return text.Literal(plain, t.At(0))
	}
	return t
}

// putValue sets a value below keys, and makes the maps on the way.
func putValue(n *yamltext.Node, keys []text.Text, value *yamltext.Node) {
	at := slices.IndexFunc(n.Pairs, func(p yamltext.Pair) bool { return p.Key.String() == keys[0].String() })
	if len(keys) == 1 {
		if at >= 0 {
			n.Pairs = slices.Delete(n.Pairs, at, at+1)
		}
		n.Pairs = append(n.Pairs, yamltext.Pair{Key: keys[0], Value: value})
		return
	}
	if at < 0 {
		at = len(n.Pairs)
		n.Pairs = append(n.Pairs, yamltext.Pair{Key: keys[0], Value: &yamltext.Node{Kind: yamltext.Map, At: keys[0].At(0)}})
	}
	next := n.Pairs[at].Value
	if next.Is(yamltext.Map) { // the document's own maps stay as they are
		next = &yamltext.Node{Kind: yamltext.Map, At: next.At, Pairs: slices.Clone(next.Pairs)}
		n.Pairs[at].Value = next
		putValue(next, keys[1:], value)
	}
}

// addedTo returns an argument whose value is behind that of Talos.
func addedTo(a Arg, own text.Text) Arg {
	head := strings.IndexByte(a.String(), '=') + 1
	return Arg{text.Join(a.Slice(0, head), own, text.Literal(",", a.At(head)), a.From(head)), a.By}
}
