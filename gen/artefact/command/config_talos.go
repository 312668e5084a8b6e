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

// addedTo returns an argument whose value is behind that of Talos.
func addedTo(a Arg, own text.Text) Arg {
	head := strings.IndexByte(a.String(), '=') + 1
	return Arg{text.Join(a.Slice(0, head), own, text.Literal(",", a.At(head)), a.From(head)), a.By}
}
