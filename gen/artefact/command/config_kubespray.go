package command

import (
	"slices"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

const byKubespray = "Kubespray"

// kubesprayFlags are the flags that variables of Kubespray set.
var kubesprayFlags = [][2]string{
	{"kube_controller_node_monitor_grace_period", "node-monitor-grace-period"},
	{"kube_controller_node_monitor_period", "node-monitor-period"},
	{"kube_controller_terminated_pod_gc_threshold", "terminated-pod-gc-threshold"},
	{"kube_controller_manager_bind_address", "bind-address"},
	{"kube_controller_manager_leader_elect_lease_duration", "leader-elect-lease-duration"},
	{"kube_controller_manager_leader_elect_renew_deadline", "leader-elect-renew-deadline"},
	{"kube_profiling", "profiling"},
	{"tls_min_version", "tls-min-version"},
	{"tls_cipher_suites", "tls-cipher-suites"},
}

// kubesprayKeys are variables that only Kubespray has, and that say something here.
var kubesprayKeys = []string{
	"kube_kubeadm_controller_extra_args", "kube_controller_feature_gates", "kube_pods_subnet", "kube_service_addresses",
	"kube_controller_node_monitor_grace_period", "kube_controller_node_monitor_period",
	"kube_controller_terminated_pod_gc_threshold", "kube_controller_manager_bind_address",
	"kube_controller_manager_leader_elect_lease_duration", "kube_controller_manager_leader_elect_renew_deadline",
}

// fromKubespray reads variables of Kubespray, which writes a configuration of kubeadm.
func fromKubespray(set *text.Set, doc *yamltext.Node) []Command {
	vars := doc
	if inner := doc.Get("all", "vars"); inner.Is(yamltext.Map) {
		vars = inner // of an inventory
	}
	if !slices.ContainsFunc(kubesprayKeys, vars.Has) {
		return nil
	}
	m := newMaker(set, doc, Kubespray)
	m.c.Partial = true
	m.c.Version = vars.Get("kube_version").Value()
	for _, f := range kubesprayFlags {
		key, _ := vars.Key(f[0])
		if v := joined(vars.Get(f[0])); v.Len() > 0 {
			m.add(text.Literal(f[1], key.At(0)), v)
		}
	}
	// The gates of the program are in the place of those of all programs.
	for _, name := range []string{"kube_controller_feature_gates", "kube_feature_gates"} {
		key, _ := vars.Key(name)
		if v := joined(vars.Get(name)); v.Len() > 0 {
			m.add(text.Literal("feature-gates", key.At(0)), v)
			break
		}
	}
	// These come after the variables, so they are what counts of two.
	m.flags(vars.Get("kube_kubeadm_controller_extra_args"), byKubespray)
	m.networks(vars.Get("kube_pods_subnet").Value(), vars.Get("kube_service_addresses").Value(), byKubespray)
	sortArgs(m.c.Args)
	return m.done()
}
