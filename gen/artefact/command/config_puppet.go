package command

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

const byPuppet = "Puppet"

// fromPuppet reads data for Hiera: of puppetlabs/kubernetes, or of puppet/k8s.
func fromPuppet(set *text.Set, doc *yamltext.Node) []Command {
	m := newMaker(set, doc, Puppet)
	m.c.Partial = true
	found := false
	var pods, services text.Text
	for key, value := range doc.Each() {
		module, rest, _ := strings.Cut(key.String(), "::")
		name := rest[strings.LastIndex(rest, ":")+1:]
		switch {
		case module == "kubernetes" && name == "controllermanager_extra_arguments":
			m.puppetLines(value)
			found = true
		case module == "k8s" && strings.HasSuffix(rest, "controller_manager::arguments"):
			m.puppetArguments(value)
			found = true
		case module == "kubernetes" && name == "cni_pod_cidr", rest == "cluster_cidr" && module == "k8s":
			pods = joined(value)
		case module == "kubernetes" && name == "service_cidr", rest == "service_cluster_cidr" && module == "k8s":
			services = joined(value)
		case module == "kubernetes" && name == "kubernetes_version", rest == "version" && module == "k8s":
			m.c.Version = value.Value()
		}
	}
	if !found && pods.Len() == 0 {
		return nil
	}
	m.networks(pods, services, byPuppet)
	sortArgs(m.c.Args)
	return m.done()
}

// puppetLines adds strings that the module writes, as they are, as lines below extraArgs of
// kubeadm's configuration.
func (m *maker) puppetLines(n *yamltext.Node) {
	if n.IsHole() {
		m.unknown(n.Text)
	}
	for _, item := range n.List() {
		if item.IsHole() {
			m.unknown(item.Text)
			continue
		}
		if item.Is(yamltext.Map) {
			m.note(item.Place(), "this is a map: the module wants strings, such as \"name: value\" in quotes")
			m.flags(item, byPuppet)
			continue
		}
		docs, err := parseYAML(m.set, item.Value())
		if err != nil || len(docs) != 1 || !docs[0].Is(yamltext.Map) {
			m.puppetWord(item)
			continue
		}
		m.flags(docs[0], "kubeadm")
	}
}

// puppetWord adds a string that isn't "name: value", as kubeadm's configuration needs it.
func (m *maker) puppetWord(item *yamltext.Node) {
	if item.Value().Len() == 0 {
		return
	}
	m.note(item.Place(), "the module writes this as a line below extraArgs, where kubeadm needs \"name: value\"")
	t := item.Text
	if strings.HasPrefix(t.String(), "--") {
		t = t.From(2)
	}
	if name, value, ok := t.Cut("="); ok && name.Len() > 0 {
		m.add(name, value)
	}
}

// puppetArguments adds a map whose lists are one value.
func (m *maker) puppetArguments(n *yamltext.Node) {
	for name, value := range n.Each() {
		if value.Is(yamltext.List) && !name.IsHole() {
			m.add(name, joined(value))
		} else {
			m.flags(&yamltext.Node{Kind: yamltext.Map, Pairs: []yamltext.Pair{{Key: name, Value: value}}}, byPuppet)
		}
	}
	if n.IsHole() {
		m.unknown(n.Text)
	}
}
