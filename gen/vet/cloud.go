package vet

import "fmt"

// cloudRules are about the cloud providers that older versions have in them.
var cloudRules = []Rule{
	{
		ID: "cloud-untagged", Severity: isWarning, Flags: true, node: cloudUntagged,
		Doc: "--cloud-provider=aws finds the cluster's tag on its instances, or --allow-untagged-cloud is set (waive it where they have the tag)",
	},
}

// taggedCloud is the provider that has a cluster id only if a tag or its configuration gives
// one. HasClusterID of the others is always true (k8s.io/legacy-cloud-providers).
const taggedCloud = "aws"

// cloudUntagged: createCloudProvider ends the process without a cluster id. Only the cloud
// knows the tags of its instances.
func cloudUntagged(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get(cloudProvider)
	if external, _ := n.flags.Get("external-cloud-volume-plugin"); f.Value == "external" && external.Value != "" {
		f = external // the cloud of volumes
	}
	if !ok || f.Value != taggedCloud || v.Version.Minor >= noCloudsFrom || isTrue(n.value("allow-untagged-cloud")) || n.flags.Value("cloud-config", "") != "" {
		return nil
	}
	return one(fault{
		field: f.Field, message: fmt.Sprintf("--%s is %s: without the tag kubernetes.io/cluster/NAME on its instances, which kcmgen doesn't see, the process exits", f.Name, f.Value),
		expected: "the tag on every instance, or --allow-untagged-cloud=true",
	})
}
