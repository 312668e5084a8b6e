package command

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// groupNames are whose kinds a group of APIs has. A name covers the groups below it too.
var groupNames = [][2]string{
	{"cluster.x-k8s.io", "Cluster API"},
	{"k0s.k0sproject.io", "k0s"},
	{"k0smotron.io", "k0smotron"},
	{"k3d.io", "k3d"},
	{"kubeone.k8c.io", "KubeOne"},
	{"kubekey.kubesphere.io", "KubeKey"},
	{"kamaji.clastix.io", "Kamaji"},
	{"eksctl.io", "eksctl"},
	{"anywhere.eks.amazonaws.com", "EKS Anywhere"},
	{"vcluster.com", "vcluster"},
	{"microk8s.io", "MicroK8s"},
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
	if isBOSH(doc) {
		return "a job of BOSH"
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

// notReadKinds are kinds that may have flags of the program, in a form that nothing here reads:
// all kinds of a group, or one.
var notReadKinds = [][2]string{
	{"k0s.k0sproject.io", ""},
	{"k0smotron.io", ""},
	{"k3d.io", ""},
	{"kubeone.k8c.io", ""},
	{"kubekey.kubesphere.io", ""},
	{"kamaji.clastix.io", ""},
	{"anywhere.eks.amazonaws.com", ""},
	{"cluster.x-k8s.io", "ClusterClass"},
	{"cluster.x-k8s.io", "RKE2ControlPlane"},
	{"cluster.x-k8s.io", "RKE2ControlPlaneTemplate"},
	{"cluster.x-k8s.io", "KThreesControlPlane"},
	{"cluster.x-k8s.io", "K0sControlPlane"},
	{"cluster.x-k8s.io", "MicroK8sControlPlane"},
	{"cluster.x-k8s.io", "KamajiControlPlane"},
	{"cluster.x-k8s.io", "TalosControlPlane"},
}

// isNotRead reports whether a document is of such a kind, or a job of BOSH.
func isNotRead(doc *yamltext.Node) bool {
	if isBOSH(doc) {
		return true
	}
	group, _, _ := strings.Cut(doc.Get("apiVersion").Str(), "/")
	for _, k := range notReadKinds {
		if (group == k[0] || strings.HasSuffix(group, "."+k[0])) && (k[1] == "" || k[1] == doc.Get("kind").Str()) {
			return true
		}
	}
	return false
}

// isBOSH reports whether a document has the processes of a job of BOSH.
func isBOSH(doc *yamltext.Node) bool {
	for _, p := range doc.Get("processes").List() {
		if p.Has("executable") {
			return true
		}
	}
	return false
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
	if strings.Contains("AEIOaeio", name[:1]) || strings.HasPrefix(name, "RKE") {
		return fmt.Sprintf("an %.60s", name)
	}
	return fmt.Sprintf("a %.60s", name)
}
