package command

import (
	"cmp"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

const byKind = "kind"

// fromKind reads a cluster of kind, which writes a configuration of kubeadm and patches it.
func fromKind(set *text.Set, doc *yamltext.Node) []Command {
	if !isKind(doc, "kind.x-k8s.io", "Cluster") && !isKind(doc, "kind.sigs.k8s.io", "Cluster") {
		return nil
	}
	m := newMaker(set, doc, Kubeadm)
	node := firstControlPlane(doc)
	here := func(s string) text.Text { return text.Literal(s, m.c.At) }
	pods, services := "10.244.0.0/16", "10.96.0.0/16"
	family := doc.Get("networking", "ipFamily").Str()
	switch family {
	case "ipv6":
		pods, services = "fd00:10:244::/56", "fd00:10:96::/112"
	case "dual":
		pods, services = pods+",fd00:10:244::/56", services+",fd00:10:96::/112"
	}
	k := kubeadm{
		pods:     first(doc.Get("networking", "podSubnet").Value(), here(pods)),
		services: first(doc.Get("networking", "serviceSubnet").Value(), here(services)),
		name:     first(doc.Get("name").Value(), here("kind")),
		version:  tag(node.Get("image").Value()),
	}
	k.extra = []extra{{name: here("enable-hostpath-provisioner"), value: here("true"), by: byKind}}
	if family == "ipv6" {
		k.set(extra{name: here("bind-address"), value: here("::"), by: byKind})
	}
	if gates := pairs(doc.Get("featureGates")); gates.Len() > 0 {
		k.set(extra{name: text.Literal("feature-gates", gates.At(0)), value: gates, by: byKind})
	}
	for _, from := range []*yamltext.Node{doc, node} {
		m.patches(&k, from)
	}
	m.manifest(&k)
	return m.done()
}

// firstControlPlane returns the node on which kind starts the cluster. The others join it,
// so a patch of theirs for the cluster changes nothing.
func firstControlPlane(doc *yamltext.Node) *yamltext.Node {
	for _, n := range doc.Get("nodes").List() {
		if cmp.Or(n.Get("role").Str(), "control-plane") == "control-plane" {
			return n
		}
	}
	return nil
}

// tag returns the tag of an image, without a digest.
func tag(image text.Text) text.Text {
	name, _, _ := image.Cut("@")
	i := strings.LastIndexByte(name.String(), ':')
	if i < strings.LastIndexByte(name.String(), '/') || i < 0 {
		return text.Text{}
	}
	return name.From(i + 1)
}

// patches applies the patches of a cluster or a node.
func (m *maker) patches(k *kubeadm, from *yamltext.Node) {
	list := from.Get("kubeadmConfigPatches")
	if list.IsHole() {
		m.unknown(list.Text)
	}
	for _, p := range list.List() {
		if p.IsHole() {
			m.unknown(p.Text)
			continue
		}
		docs, err := parseYAML(m.set, p.Value())
		if err != nil {
			m.badPatch(p, err)
			continue
		}
		for _, doc := range docs {
			m.patch(k, doc)
		}
	}
	for _, p := range from.Get("kubeadmConfigPatchesJSON6902").List() {
		if kind := p.Get("kind").Str(); kind == "ClusterConfiguration" || p.IsHole() {
			m.c.Partial = true
			m.note(p.Place(), "patches of kubeadmConfigPatchesJSON6902 aren't applied here: they may change flags")
		}
	}
}

func (m *maker) badPatch(p *yamltext.Node, err error) {
	at := p.Place()
	if e, ok := err.(*yamltext.Error); ok { //nolint:errorlint // Parse returns it as it is
		at = e.At
	}
	m.c.Partial = true
	m.note(at, "this patch is no YAML: %v", err)
}

// patch applies one document.
func (m *maker) patch(k *kubeadm, doc *yamltext.Node) {
	if doc.IsHole() {
		m.unknown(doc.Text)
		return
	}
	if doc.Get("kind").Str() != "ClusterConfiguration" {
		return
	}
	if v := doc.Get("apiVersion"); v.Is(yamltext.Scalar) && v.Text.Known() && !slices.Contains(kindWrites, v.Str()) {
		m.note(v.At, "kind leaves a patch out, without a word, unless its apiVersion is that of the file it writes: leave apiVersion out")
	}
	args := doc.Get("controllerManager", "extraArgs")
	m.patchArgs(k, args)
	if args != nil {
		doc = replaced(doc, nil, "controllerManager", "extraArgs")
	}
	m.clusterConfiguration(k, doc)
}

// kindWrites are the versions of kubeadm's configuration that kind writes, for clusters that
// aren't older than 1.23.
var kindWrites = []string{"kubeadm.k8s.io/v1beta3", "kubeadm.k8s.io/v1beta4"}

// patchArgs merges arguments by their names, those of a list too. A null removes one.
func (m *maker) patchArgs(k *kubeadm, n *yamltext.Node) {
	if n.IsHole() {
		m.unknown(n.Text)
	}
	one := func(name text.Text, value *yamltext.Node) {
		if name.IsHole() {
			m.unknown(name)
			return
		}
		if value.Is(yamltext.Null) {
			k.drop(name)
		} else if v, ok := m.kubeadmValue(name, value); ok {
			k.set(extra{name: name, value: v})
		}
	}
	for name, value := range n.Each() {
		one(name, value)
	}
	for _, item := range n.List() {
		switch name := item.Get("name").Value(); {
		case item.IsHole():
			m.unknown(item.Text)
		case name.Len() > 0:
			one(name, item.Get("value"))
		}
	}
}

// replaced returns a copy of a document with another value for its keys.
func replaced(n, value *yamltext.Node, keys ...string) *yamltext.Node {
	if len(keys) == 0 {
		return value
	}
	out := *n
	out.Pairs = nil
	for key, v := range n.Each() {
		if key.String() == keys[0] {
			v = replaced(v, value, keys[1:]...)
		}
		out.Pairs = append(out.Pairs, yamltext.Pair{Key: key, Value: v})
	}
	return &out
}
