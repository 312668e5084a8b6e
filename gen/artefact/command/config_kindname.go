package command

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// groupNames are whose kinds a group of APIs has. A name covers the groups below it too.
var groupNames = [][2]string{
	{"cluster.x-k8s.io", "Cluster API"},
	{"kubeadm.k8s.io", "kubeadm"},
	{"kind.x-k8s.io", "kind"},
	{"kops.k8s.io", "kops"},
	{"gardener.cloud", "Gardener"},
	{"openshift.io", "OpenShift"},
	{"cattle.io", "Rancher"},
	{"kustomize.config.k8s.io", "Kustomize"},
	{"fluxcd.io", "Flux"},
	{"argoproj.io", "Argo"},
	{"monitoring.coreos.com", "Prometheus"},
	{"cert-manager.io", "cert-manager"},
	{"crossplane.io", "Crossplane"},
	{"istio.io", "Istio"},
}

// keyNames name documents without a kind by keys that they have together.
var keyNames = []struct {
	keys []string
	name string
}{
	{[]string{"replicaCount", "image"}, "a values file of Helm"},
	{[]string{"nameOverride", "fullnameOverride"}, "a values file of Helm"},
	{[]string{"image", "resources", "tolerations"}, "a values file of Helm"},
	{[]string{"name", "version", "dependencies"}, "a chart of Helm"},
	{[]string{"services", "volumes"}, "a Compose file"},
	{[]string{"services", "networks"}, "a Compose file"},
	{[]string{"services", "version"}, "a Compose file"},
	{[]string{"on", "jobs"}, "a workflow of GitHub"},
	{[]string{"true", "jobs"}, "a workflow of GitHub"},
	{[]string{"stages"}, "a pipeline of GitLab"},
	{[]string{"write_files"}, "data of cloud-init"},
	{[]string{"runcmd"}, "data of cloud-init"},
	{[]string{"machine", "cluster"}, "a machine configuration of Talos"},
	{[]string{"all"}, "an inventory of Ansible"},
	{[]string{"openapi", "paths"}, "a description of an API"},
}

// kindName is a plain name for what a document is.
func kindName(doc *yamltext.Node) string {
	switch {
	case doc.Is(yamltext.Scalar):
		return "a string in YAML"
	case doc.Is(yamltext.List):
		return listName(doc)
	case !doc.Is(yamltext.Map):
		return "YAML without a value"
	}
	if kind := doc.Get("kind").Str(); kind != "" && doc.Has("apiVersion") {
		return article(kind) + ofGroup(doc.Get("apiVersion").Str())
	}
	for _, k := range keyNames {
		all := true
		for _, key := range k.keys {
			all = all && doc.Has(key)
		}
		if all {
			return k.name
		}
	}
	var keys []string
	for _, key := range doc.Keys() {
		if len(keys) == 6 {
			keys = append(keys, "…")
			break
		}
		keys = append(keys, fmt.Sprintf("%.40s", key))
	}
	switch len(keys) {
	case 0:
		return "an empty YAML map"
	case 1:
		return "a YAML map with the key " + keys[0]
	}
	return "a YAML map with the keys " + strings.Join(keys, ", ")
}

func listName(doc *yamltext.Node) string {
	for _, item := range doc.List() {
		switch {
		case item.Has("hosts") && (item.Has("tasks") || item.Has("roles")):
			return "a playbook of Ansible"
		case item.Has("op") && item.Has("path"):
			return "a JSON patch"
		}
	}
	return "a YAML list"
}

// ofGroup says whose a kind is; "" for Kubernetes' own.
func ofGroup(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok || !strings.Contains(group, ".") {
		return ""
	}
	for _, g := range groupNames {
		if group == g[0] || strings.HasSuffix(group, "."+g[0]) {
			return " of " + g[1]
		}
	}
	if strings.HasSuffix(group, ".k8s.io") {
		return ""
	}
	return fmt.Sprintf(" of %.60s", group)
}

// article puts "a" or "an" before a name.
func article(name string) string {
	if strings.Contains("AEIOaeio", name[:1]) {
		return fmt.Sprintf("an %.60s", name)
	}
	return fmt.Sprintf("a %.60s", name)
}
