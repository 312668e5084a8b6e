package vet

import "github.com/kcmgen/kcmgen/gen/spec"

// ownPairs takes the general pair away and gives one to each of some signers.
func ownPairs(minor int, signers ...string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		at(minor)(c)
		omit(c, "cluster-signing-cert-file")
		omit(c, "cluster-signing-key-file")
		for _, s := range signers {
			set(c, "cluster-signing-"+s+"-cert-file", "/k/ca.crt")
			set(c, "cluster-signing-"+s+"-key-file", "/k/ca.key")
		}
	}
}

var signerCases = map[string]testCase{
	"one signer":                      {ownPairs(37, "kubelet-client"), []string{"signers-off"}},
	"one signer that isn't started":   {then(ownPairs(37, "kubelet-client"), func(c *spec.Cluster) { set(c, "controllers", "*,-certificatesigningrequest-signing-controller") }), []string{"flag-ignored"}},
	"all signers":                     {ownPairs(37, "kubelet-client", "kubelet-serving", "kube-apiserver-client", legacyUnknown), nil},
	"all signers that anything asks":  {ownPairs(22, "kubelet-client", "kubelet-serving", "kube-apiserver-client"), nil},
	"all but one that v1.21 asks":     {ownPairs(21, "kubelet-client", "kubelet-serving", "kube-apiserver-client"), []string{"signers-off"}},
	"no signer at all":                {ownPairs(37), nil},
	"a general pair and one signer's": {at(37, "cluster-signing-kubelet-client-cert-file", "/k/ca.crt", "cluster-signing-kubelet-client-key-file", "/k/ca.key"), []string{"file-pair"}},
	"a duration by both names": {
		at(24, "cluster-signing-duration", "4380h", "experimental-cluster-signing-duration", "8760h"),
		[]string{"flag-both-names", "flag-renamed"},
	},
	"a duration by its new name": {at(24, "cluster-signing-duration", "4380h"), nil},
}

var headerCases = map[string]testCase{
	"another header of users":    {at(37, "requestheader-username-headers", "X-User"), []string{"requestheader-names"}},
	"the header of users, too":   {at(37, "requestheader-username-headers", "X-User,x-remote-user"), nil},
	"another header of groups":   {at(37, "requestheader-group-headers", "X-Group"), []string{"requestheader-names"}},
	"the header of groups":       {at(37, "requestheader-group-headers", "X-Remote-Group"), nil},
	"another prefix":             {at(20, "requestheader-extra-headers-prefix", "X-Remote-Extra", "port", "0"), []string{"requestheader-names"}},
	"the prefix":                 {at(37, "requestheader-extra-headers-prefix", "X-Remote-Extra-"), nil},
	"no headers":                 {at(37, "requestheader-group-headers", ""), nil},
	"headers that nothing reads": {at(37, "requestheader-group-headers", "X-Group", "secure-port", "0"), []string{"flag-ignored"}},
}

var cloudCases = map[string]testCase{
	"a cloud of tags":                  {at(26, "cloud-provider", "aws"), []string{"cloud-untagged"}},
	"a cloud without tags":             {at(26, "cloud-provider", "aws", "allow-untagged-cloud", "true"), []string{"flag-deprecated"}},
	"a cloud with its configuration":   {at(26, "cloud-provider", "aws", "cloud-config", "/etc/aws.conf"), nil},
	"volumes of a cloud of tags":       {at(26, "cloud-provider", "external", "external-cloud-volume-plugin", "aws"), []string{"cloud-untagged"}},
	"a cloud that needs no tags":       {at(26, "cloud-provider", "gce"), nil},
	"no tags where none are looked at": {at(26, "cloud-provider", "gce", "allow-untagged-cloud", "true"), []string{"flag-deprecated", "flag-ignored"}},
	"no cloud for tags":                {at(26, "allow-untagged-cloud", "true"), []string{"flag-deprecated", "flag-ignored"}},

	"narrow ranges of nodes":         {then(at(37), masked("10.0.0.0/8", 25)), []string{"node-mask-kubeadm"}},
	"ranges that kubeadm takes":      {then(at(37), masked("10.0.0.0/8", 24)), nil},
	"narrow ranges, not handed out":  {then(at(37), masked("10.0.0.0/8", 25), func(c *spec.Cluster) { omit(c, allocate); omit(c, clusterCIDR); omit(c, serviceRange); omit(c, mask) }), nil},
	"a pod whose probes are dropped": {func(c *spec.Cluster) { pods(c); c.Pod.Liveness = &spec.Probe{}; set(c, "secure-port", "0") }, []string{"probe-without-port"}},
	"a pod without a port or probes": {func(c *spec.Cluster) { pods(c); set(c, "secure-port", "0") }, nil},
}

// masked gives the cluster another pod network, and services and nodes out of its way.
func masked(pods string, mask int) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		c.Networks.Pods, c.Networks.MaskIPv4 = cidrs(pods), mask
		c.Networks.Services, c.Networks.Nodes = cidrs("172.20.0.0/16"), nil
		c.APIServer.Flags[serviceRange] = spec.Setting{Value: "172.20.0.0/16"}
		for i := range c.Nodes {
			c.Nodes[i].Addresses = one4("192.168.0." + string(rune('1'+i)))
		}
	}
}
