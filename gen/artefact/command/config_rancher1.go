package command

import (
	"slices"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

const byRKE = "RKE"

// fromRKE1 reads cluster.yml of RKE1, alone or within a cluster of Rancher.
func fromRKE1(set *text.Set, doc *yamltext.Node) []Command {
	cluster := doc
	if inner := doc.Get("rancher_kubernetes_engine_config"); inner.Is(yamltext.Map) {
		cluster = inner
	}
	kcm := cluster.Get("services", "kube-controller")
	keys := []string{"extra_args", "extra_args_array", "cluster_cidr", "service_cluster_ip_range", "extra_binds", "extra_env"}
	if !slices.ContainsFunc(keys, kcm.Has) && (kcm == nil || !cluster.Get("nodes").Is(yamltext.List)) {
		return nil // a Compose file has services too
	}
	m := newMaker(set, cluster, RKE1)
	m.c.Partial = true
	m.c.Version = cluster.Get("kubernetes_version").Value()
	m.c.Image = kcm.Get("image").Value()
	m.flags(kcm.Get("extra_args"), byRKE)
	m.flags(kcm.Get("extra_args_array"), byRKE)
	m.networks(kcm.Get("cluster_cidr").Value(), kcm.Get("service_cluster_ip_range").Value(), byRKE)
	sortArgs(m.c.Args)
	return m.done()
}
