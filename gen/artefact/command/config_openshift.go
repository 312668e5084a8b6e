package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// fromOpenShift reads the configuration of OpenShift's operator, the one that it makes, and
// that of OpenShift 3.
func fromOpenShift(set *text.Set, doc *yamltext.Node) []Command {
	m := newMaker(set, doc, OpenShift)
	m.c.Partial = true
	switch {
	case isKind(doc, "kubecontrolplane.config.openshift.io", "KubeControllerManagerConfig"):
		m.openShift(doc.Get("extendedArguments"))
	case isKind(doc, "operator.openshift.io", "KubeControllerManager"):
		spec := doc.Get("spec")
		observed, override := spec.Get("observedConfig", "extendedArguments"), spec.Get("unsupportedConfigOverrides", "extendedArguments")
		m.openShift(override)
		for name, values := range observed.Each() {
			if !override.Has(name.String()) {
				m.openShift(&yamltext.Node{Kind: yamltext.Map, Pairs: []yamltext.Pair{{Key: name, Value: values}}})
			}
		}
		if observed.IsHole() {
			m.unknown(observed.Text)
		}
	case doc.Get("kubernetesMasterConfig").Is(yamltext.Map) && (doc.Get("kind").Str() == "MasterConfig" || doc.Get("kubernetesMasterConfig").Has("controllerArguments")):
		master := doc.Get("kubernetesMasterConfig")
		m.openShift(master.Get("controllerArguments"))
		m.c.Services = master.Get("servicesSubnet").Value()
		m.c.Pods = joined(cidrs(doc.Get("networkConfig", "clusterNetworks")))
	default:
		return nil
	}
	// As OpenShift does: whole, so that of one name's values too.
	slices.SortStableFunc(m.c.Args, func(a, b Arg) int { return strings.Compare(a.String(), b.String()) })
	return m.done()
}

// openShift adds a map of lists.
func (m *maker) openShift(n *yamltext.Node) {
	for name, value := range n.Each() {
		if value.Is(yamltext.Scalar) && !value.IsHole() {
			m.note(value.At, "OpenShift wants a list of strings for %s", name)
		}
	}
	m.flags(n, "OpenShift")
}

// cidrs returns the networks of a list of maps.
func cidrs(n *yamltext.Node) *yamltext.Node {
	out := &yamltext.Node{Kind: yamltext.List}
	for _, item := range n.List() {
		out.Items = append(out.Items, item.Get("cidr"))
	}
	return out
}
