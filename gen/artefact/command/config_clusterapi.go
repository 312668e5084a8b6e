package command

import (
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// clusterAPIKinds says where a kind of Cluster API has its configuration of kubeadm.
var clusterAPIKinds = []struct {
	group, kind string
	spec        []string
	// controlPlane: it starts a control plane, be there no clusterConfiguration.
	controlPlane bool
}{
	{"controlplane.cluster.x-k8s.io", "KubeadmControlPlane", []string{"spec", "kubeadmConfigSpec"}, true},
	{"controlplane.cluster.x-k8s.io", "KubeadmControlPlaneTemplate", []string{"spec", "template", "spec", "kubeadmConfigSpec"}, true},
	{"bootstrap.cluster.x-k8s.io", "KubeadmConfig", []string{"spec"}, false},
	{"bootstrap.cluster.x-k8s.io", "KubeadmConfigTemplate", []string{"spec", "template", "spec"}, false},
}

// clusterAPISpec returns the configuration of kubeadm in a document.
func clusterAPISpec(doc *yamltext.Node) (spec *yamltext.Node, ok bool) {
	for _, k := range clusterAPIKinds {
		if isKind(doc, k.group, k.kind) {
			spec = doc.Get(k.spec...)
			return spec, k.controlPlane || spec.Get("clusterConfiguration").Is(yamltext.Map)
		}
	}
	return nil, false
}

// fromClusterAPI reads kinds of Cluster API that configure kubeadm. The networks are those of
// a Cluster, which beside adds: without one, flags are missing.
func fromClusterAPI(set *text.Set, doc *yamltext.Node) []Command {
	spec, ok := clusterAPISpec(doc)
	if !ok {
		return nil
	}
	return clusterAPI(set, doc, spec, nil)
}

func clusterAPI(set *text.Set, doc, spec, cluster *yamltext.Node) []Command {
	m := newMaker(set, doc, Kubeadm)
	var k kubeadm
	if spec.IsHole() {
		m.unknown(spec.Text)
	}
	m.clusterConfiguration(&k, spec.Get("clusterConfiguration"))
	k.version = first(doc.Get("spec", "version").Value(), k.version, cluster.Get("spec", "topology", "version").Value())
	network := cluster.Get("spec", "clusterNetwork")
	k.pods = first(k.pods, joined(network.Get("pods", "cidrBlocks")))
	k.services = first(k.services, joined(network.Get("services", "cidrBlocks")))
	k.name = first(k.name, cluster.Get("metadata", "name").Value(), doc.Get("metadata", "labels", "cluster.x-k8s.io/cluster-name").Value())
	if cluster == nil {
		m.c.Partial = true
	}
	m.manifest(&k)
	if cluster == nil {
		m.withoutCluster(&k)
	}
	return m.done()
}

// withoutCluster removes what kubeadm takes from a Cluster that isn't at hand.
func (m *maker) withoutCluster(k *kubeadm) {
	var kept []Arg
	for _, a := range m.c.Args {
		unknown := argName(a) == "cluster-name" && k.name.Len() == 0 || argName(a) == "service-cluster-ip-range" && k.services.Len() == 0
		if a.By == "" || !unknown {
			kept = append(kept, a)
		}
	}
	m.c.Args, m.c.Services = kept, k.services
}

// beside completes the commands of Cluster API from a Cluster in the same file.
func beside(set *text.Set, commands []Command, docs []*yamltext.Node) []Command {
	var cluster *yamltext.Node
	for _, doc := range docs {
		if isKind(doc, "cluster.x-k8s.io", "Cluster") {
			if cluster != nil {
				return commands // whose is which isn't clear
			}
			cluster = opened(set, doc)
		}
	}
	if cluster == nil {
		return commands
	}
	out := make([]Command, 0, len(commands))
	for _, c := range commands {
		for _, doc := range docs {
			doc = opened(set, doc)
			if spec, ok := clusterAPISpec(doc); ok && c.Form == Kubeadm && doc.At == c.At {
				c = clusterAPI(set, doc, spec, cluster)[0]
			}
		}
		out = append(out, c)
	}
	return out
}
