package peer

import (
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// networkAddon stands for a network add-on, which no command line starts here.
const networkAddon = "a network add-on"

// network reads the pod ranges of Flannel, Calico or Cilium.
func (f *file) network() error {
	read, err := command.ReadComponent(f.set, f.in, "flanneld")
	if err != nil {
		_, err := f.component("flanneld")
		return err
	}
	docs := flat(read.Docs)
	f.out.Says[vet.IPAMSetting] = vet.Said{At: f.out.At}
	for _, doc := range docs {
		data := doc.Get("data")
		switch group, _, _ := strings.Cut(doc.Get("apiVersion").Str(), "/"); {
		case isConfigMap(doc) && data.Has("net-conf.json"):
			if err := f.flannel(data.Get("net-conf.json")); err != nil {
				return err
			}
		case isConfigMap(doc) && doc.Get("metadata", "name").Str() == "cilium-config":
			f.cilium(data)
		case doc.Get("kind").Str() == "IPPool" && (group == "projectcalico.org" || group == "crd.projectcalico.org"):
			f.calicoPool(doc.Get("spec"))
		case doc.Get("kind").Str() == "Installation" && group == "operator.tigera.io":
			for _, pool := range doc.Get("spec", "calicoNetwork", "ipPools").List() {
				f.calicoPool(pool)
			}
		case doc.Get("kind").Str() == "DaemonSet":
			f.calicoEnv(doc.Get("spec", "template", "spec", "containers"))
		case doc.Has("Network") && !doc.Has("kind"):
			f.flannelConf(doc)
		}
	}
	if mode := f.out.Says[vet.IPAMSetting]; len(f.out.Pools) == 0 && mode.Value == "" && !mode.Unknown {
		return f.other(networkAddon, docs)
	}
	return nil
}

// flannel reads net-conf.json of the ConfigMap kube-flannel-cfg.
func (f *file) flannel(conf *yamltext.Node) error {
	docs, err := f.parse(conf.Value())
	if err != nil {
		return err
	}
	for _, doc := range docs {
		f.flannelConf(doc)
	}
	return nil
}

// flannelConf reads Flannel's network configuration (Documentation/configuration.md). In a
// cluster, a node has the range that kube-controller-manager gave it.
func (f *file) flannelConf(doc *yamltext.Node) {
	if doc.Get("EnableIPv4").Str() != "false" {
		f.pool(vet.Pool{Addon: "Flannel", Field: "Network", OfNodes: true}, doc)
	}
	if doc.Get("EnableIPv6").Str() == "true" {
		f.pool(vet.Pool{Addon: "Flannel", Field: "IPv6Network", OfNodes: true}, doc)
	}
}

// calicoPool reads a pool of an IPPool or an Installation. One that is disabled gives no
// addresses, and one that isn't for workloads gives none to pods.
func (f *file) calicoPool(pool *yamltext.Node) {
	if pool.Get("disabled").Str() == "true" {
		return
	}
	if uses := pool.Get("allowedUses").List(); len(uses) > 0 {
		pods := false
		for _, u := range uses {
			pods = pods || u.Str() == "Workload"
		}
		if !pods {
			return
		}
	}
	f.pool(vet.Pool{Addon: "Calico", Field: "cidr"}, pool)
}

// calicoEnv reads the pools that calico-node makes when it starts for the first time.
func (f *file) calicoEnv(containers *yamltext.Node) {
	for _, c := range containers.List() {
		for _, e := range c.Get("env").List() {
			if name := e.Get("name").Str(); name == "CALICO_IPV4POOL_CIDR" || name == "CALICO_IPV6POOL_CIDR" {
				f.pool(vet.Pool{Addon: "Calico", Field: name}, &yamltext.Node{Kind: yamltext.Map, Pairs: []yamltext.Pair{{Key: e.Get("name").Value(), Value: e.Get("value")}}})
			}
		}
	}
}

// cilium reads the ConfigMap cilium-config.
func (f *file) cilium(data *yamltext.Node) {
	mode := data.Get("ipam")
	key, ok := data.Key("ipam")
	if !ok || !mode.Is(yamltext.Scalar) || !mode.Text.Known() {
		f.out.Says[vet.IPAMSetting] = vet.Said{At: f.at(data.Place()), Unknown: true}
		return
	}
	f.out.Says[vet.IPAMSetting] = vet.Said{Value: mode.Str(), At: f.at(key.At(0))}
	if mode.Str() != "cluster-pool" {
		return
	}
	for _, family := range []struct{ enable, def, pool string }{
		{"enable-ipv4", "true", "cluster-pool-ipv4-cidr"}, {"enable-ipv6", "false", "cluster-pool-ipv6-cidr"},
	} {
		on := data.Get(family.enable).Str()
		if on == "" {
			on = family.def
		}
		if on == "true" && data.Has(family.pool) {
			f.pool(vet.Pool{Addon: "Cilium", Field: family.pool}, data)
		}
	}
}

// pool keeps the ranges of a field: Cilium has several, with blanks between them.
func (f *file) pool(p vet.Pool, in *yamltext.Node) {
	key, ok := in.Key(p.Field)
	if !ok {
		return
	}
	value := in.Get(p.Field)
	p.At = f.at(key.At(0))
	if !value.Is(yamltext.Scalar) || !value.Text.Known() {
		p.Unknown = true
		f.out.Pools = append(f.out.Pools, p)
		return
	}
	for _, cidr := range words(value.Text) {
		p.CIDR = cidr
		f.out.Pools = append(f.out.Pools, p)
	}
}

func words(t text.Text) []string {
	return strings.FieldsFunc(t.String(), func(r rune) bool { return r == ' ' || r == ',' || r == '\n' })
}
