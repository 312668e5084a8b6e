package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

const (
	byK3s     = "K3s"
	k3sArgKey = "kube-controller-manager-arg"
)

// k3sKeys are keys of K3s's or RKE2's configuration that other files don't have. One of them
// beside a network is enough.
var k3sKeys = []string{
	"kube-apiserver-arg", "kube-scheduler-arg", "kubelet-arg", "kube-proxy-arg", "kube-cloud-controller-manager-arg",
	"write-kubeconfig-mode", "tls-san", "cluster-init", "flannel-backend", "disable-cloud-controller", "disable-network-policy",
	"disable-kube-proxy", "etcd-snapshot-schedule-cron", "secrets-encryption", "cni", "cluster-dns", "cluster-domain",
}

// fromK3s reads /etc/rancher/k3s/config.yaml, or RKE2's.
func fromK3s(set *text.Set, doc *yamltext.Node) []Command {
	if doc.Has("apiVersion") || !isK3s(doc) {
		return nil
	}
	m := newMaker(set, doc, K3s)
	m.k3s(doc)
	return m.done()
}

func isK3s(n *yamltext.Node) bool {
	if n.Has(k3sArgKey) || n.Has(k3sArgKey+"+") {
		return true
	}
	network := n.Has("cluster-cidr") || n.Has("service-cidr")
	return network && slices.ContainsFunc(k3sKeys, func(key string) bool { return n.Has(key) || n.Has(key+"+") })
}

// k3s adds what a map in the form of config.yaml says.
func (m *maker) k3s(doc *yamltext.Node) {
	m.c.Partial = true
	for key, value := range doc.Each() {
		if strings.TrimSuffix(key.String(), "+") == k3sArgKey {
			m.k3sArgs(value)
		} else if key.IsHole() {
			m.unknown(key)
		}
	}
	value := func(key string) text.Text {
		return first(joined(doc.Get(key)), joined(doc.Get(key+"+")))
	}
	m.networks(value("cluster-cidr"), value("service-cidr"), byK3s)
	sortArgs(m.c.Args)
}

// k3sArgs adds the elements of a list, or one string.
func (m *maker) k3sArgs(n *yamltext.Node) {
	items := n.List()
	switch {
	case n.IsHole():
		m.unknown(n.Text)
		return
	case n.Is(yamltext.Scalar):
		items = []*yamltext.Node{n}
	case n.Is(yamltext.Map):
		m.note(n.Place(), "%s is a map: K3s wants a list of name=value", k3sArgKey)
		m.flags(n, byK3s)
		return
	}
	for _, item := range items {
		switch {
		case item.IsHole():
			m.unknown(item.Text)
		case item.Is(yamltext.Map):
			m.note(item.Place(), "this is a map, not a string: write name=value, not name: value")
			m.flags(item, byK3s)
		case item.Is(yamltext.Scalar):
			m.k3sArg(item.Text)
		}
	}
}

// k3sArg adds name=value. K3s takes -- off the name, makes a name alone =true, and takes a +
// or - at the name's end off: there it says how to merge with K3s's own value.
func (m *maker) k3sArg(t text.Text) {
	if strings.HasPrefix(t.String(), "--") {
		t = t.From(2)
	}
	name, value, ok := t.Cut("=")
	if !ok {
		value = text.Literal("true", t.At(t.Len()))
	}
	for strings.HasSuffix(name.String(), "+") || strings.HasSuffix(name.String(), "-") {
		name = name.Slice(0, name.Len()-1)
	}
	if name.Len() > 0 {
		m.add(name, value)
	}
}

// fromRancher reads a cluster that Rancher provisions with K3s or RKE2.
func fromRancher(set *text.Set, doc *yamltext.Node) []Command {
	rke := doc.Get("spec", "rkeConfig")
	if !isKind(doc, "provisioning.cattle.io", "Cluster") || !rke.Is(yamltext.Map) {
		return nil
	}
	m := newMaker(set, doc, K3s)
	m.c.Version = doc.Get("spec", "kubernetesVersion").Value()
	global := rke.Get("machineGlobalConfig")
	if global.IsHole() {
		m.unknown(global.Text)
	}
	merged := &yamltext.Node{Kind: yamltext.Map, At: doc.Place()}
	if global.Is(yamltext.Map) {
		merged.Pairs = slices.Clone(global.Pairs)
	}
	for _, s := range rke.Get("machineSelectorConfig").List() {
		for key, value := range s.Get("config").Each() {
			// Rancher puts the whole value in the place of the global one.
			merged.Pairs = slices.DeleteFunc(merged.Pairs, func(p yamltext.Pair) bool { return p.Key.String() == key.String() })
			merged.Pairs = append(merged.Pairs, yamltext.Pair{Key: key, Value: value})
			if strings.TrimSuffix(key.String(), "+") == k3sArgKey && len(s.Get("machineLabelSelector").Keys()) > 0 {
				m.note(key.At(0), "only machines that machineLabelSelector selects have these flags")
			}
		}
	}
	m.k3s(merged)
	return m.done()
}
