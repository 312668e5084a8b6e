package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// kubeadmConfig is a ClusterConfiguration, in parts.
type kubeadmConfig struct {
	name string
	// cluster is YAML below the root, and manager below controllerManager.
	cluster, manager string
	args             [][2]string // names and values; a value is YAML
	listed           bool        // needs the list of extraArgs, which v1beta3 doesn't have
	api              string      // of the only version that takes it; "" for all
	directories      []string    // on the host
	externalCA       bool        // there is a CA without its key, which only the manifest tells
	respelt          bool        // kcmgen writes values in another way
	// differs has the differences between the manifest and an export that are right, in
	// part: kubeadm's own probes don't follow --secure-port.
	differs []string
	// errors is how many errors kcmgen finds, for the same reason.
	errors int
}

const probesElsewhere = "httpGet.port: 10257 is exported as 10357"

const podNetwork = "networking: {podSubnet: 10.244.0.0/16}\n"

// kubeadmConfigs are what people have, and what may be read wrongly.
var kubeadmConfigs = []kubeadmConfig{
	{name: "as it is"},
	{name: "pods", cluster: podNetwork},
	{
		name:    "dual stack",
		cluster: "networking:\n  podSubnet: 10.244.0.0/16,fd00:10:244::/56\n  serviceSubnet: 10.96.0.0/16,fd00:10:96::/112\n  dnsDomain: c.local\n",
		args:    [][2]string{{"node-cidr-mask-size-ipv4", `"25"`}, {"node-cidr-mask-size-ipv6", `'72'`}},
	},
	{
		name: "all of it", cluster: podNetwork + "certificatesDir: /srv/pki/\nclusterName: prod\nimageRepository: registry.example.com:5000/k8s\n",
		args: [][2]string{
			{"allocate-node-cidrs", `"true"`},
			{"cluster-signing-duration", "720h0m0s"},
			{"profiling", `"false"`},
			{"terminated-pod-gc-threshold", `"12500"`},
			{"tls-min-version", "VersionTLS12"},
			{"v", `"2"`},
		},
		directories: []string{"/etc/ca-certificates", "/etc/pki"},
	},
	{name: "services alone", cluster: "networking:\n  serviceSubnet: 10.32.0.0/16\n"},
	{name: "certificates", cluster: "certificatesDir: /var/lib/k8s/pki/\n"},
	{
		name: "volumes", cluster: podNetwork,
		manager: `  extraVolumes:
  - {name: cloud, hostPath: /etc/kubernetes/cloud.conf, mountPath: /etc/kubernetes/cloud.conf, readOnly: true, pathType: File}
  - name: plugins
    hostPath: /opt/plugins
    mountPath: /usr/plugins
    pathType: DirectoryOrCreate
  - {name: plain, hostPath: /opt/plain, mountPath: /opt/plain}
`,
		args: [][2]string{{"cloud-config", "/etc/kubernetes/cloud.conf"}},
	},
	{
		name: "gates", cluster: podNetwork + "featureGates: {RootlessControlPlane: false}\n",
		args: [][2]string{{"feature-gates", `"AllAlpha=false,AllBeta=true"`}},
	},
	{
		name: "quotes", cluster: podNetwork + "clusterName: 'it''s \"one\"'\n",
		args: [][2]string{
			{"controllers", `"*,-ttl-controller,bootstrap-signer-controller"`},
			{"leader-elect-resource-name", `'a: b # c'`},
			{"leader-elect-resource-namespace", `" at \u00fc\\n both ends $ "`},
		},
	},
	{
		name: "long", cluster: podNetwork,
		args: [][2]string{{"cluster-name", strings.Repeat("a long name with spaces/", 12)}, {"authorization-always-allow-paths", ">-\n      /healthz,/readyz"}},
	},
	{name: "address", cluster: podNetwork, args: [][2]string{{"bind-address", "0.0.0.0"}}},
	{name: "address of v6", cluster: podNetwork, args: [][2]string{{"bind-address", `"::"`}}},
	{name: "own address", cluster: podNetwork, args: [][2]string{{"bind-address", "10.0.0.11"}}},
	{name: "port", cluster: podNetwork, args: [][2]string{{"secure-port", `"10357"`}}, differs: []string{probesElsewhere, probesElsewhere}, errors: 1},
	{
		name: "files elsewhere", cluster: podNetwork,
		args: [][2]string{
			{"cluster-signing-cert-file", "/etc/kubernetes/pki/signer.crt"},
			{"cluster-signing-key-file", "/etc/kubernetes/pki/signer.key"},
			{"root-ca-file", "/etc/kubernetes/pki/roots.crt"},
			{"service-account-private-key-file", "/etc/kubernetes/pki/tokens.key"},
		},
	},
	{name: "nothing", cluster: podNetwork, args: [][2]string{{"cloud-provider", `""`}, {"cluster-name", `""`}}},
	{name: "spelt otherwise", cluster: podNetwork, respelt: true, args: [][2]string{{"contention-profiling", `"1"`}, {"use-service-account-credentials", `"F"`}}},
	{name: "CA elsewhere", cluster: podNetwork, externalCA: true},
	{name: "not allocated", cluster: podNetwork, args: [][2]string{{"allocate-node-cidrs", `"false"`}}},
	{name: "twice", cluster: podNetwork, listed: true, args: [][2]string{{"feature-gates", "AllBeta=true"}, {"feature-gates", "AllAlpha=false"}}},
	{name: "twice, and the second counts", cluster: podNetwork, listed: true, args: [][2]string{{"v", `"4"`}, {"kube-api-burst", `"50"`}, {"v", `"2"`}}},
	{name: "unsorted", cluster: podNetwork, listed: true, args: [][2]string{{"v", `"4"`}, {"kube-api-qps", `"50"`}, {"bind-address", "127.0.0.1"}}},
	{
		name: "environment", cluster: podNetwork, api: "v1beta4",
		manager: "  extraEnvs:\n  - {name: HTTPS_PROXY, value: 'http://10.0.0.1:3128'}\n  - {name: EMPTY}\n",
	},
}

// version and its API.
type kubeadmAPI struct {
	version string
	apis    []string // of its configuration
}

var kubeadms = []kubeadmAPI{
	{clusterVersion, []string{"v1beta4"}},
	{"v1.34.2", []string{"v1beta4", "v1beta3"}},
	{olderKubelet, []string{"v1beta3"}},
}

// takes reports whether a version of the API takes a configuration.
func (c kubeadmConfig) takes(api string) bool {
	return (c.api == "" || c.api == api) && (!c.listed || api != "v1beta3")
}

// yaml writes the file for kubeadm.
func (c kubeadmConfig) yaml(version, api string) string {
	args := ""
	for _, a := range c.args {
		if api == "v1beta3" {
			args += fmt.Sprintf("    %s: %s\n", a[0], a[1])
			continue
		}
		args += fmt.Sprintf("  - name: %s\n    value: %s\n", a[0], a[1])
	}
	if args != "" {
		args = "  extraArgs:\n" + args
	}
	if args += c.manager; args != "" {
		args = "controllerManager:\n" + args
	}
	return fmt.Sprintf(`apiVersion: kubeadm.k8s.io/%[1]s
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.11}
nodeRegistration:
  name: cp-1
  criSocket: unix:///run/containerd/containerd.sock
---
# %[2]s
apiVersion: kubeadm.k8s.io/%[1]s
kind: ClusterConfiguration
kubernetesVersion: %[3]s
%[4]s%[5]s`, api, c.name, version, c.cluster, args)
}

// randomConfig has some arguments at random.
func randomConfig(seed uint64) kubeadmConfig {
	r := rand.New(rand.NewPCG(seed, 1))
	c := kubeadmConfig{name: fmt.Sprintf("random %d", seed), cluster: podNetwork, listed: r.IntN(4) == 0}
	if r.IntN(3) == 0 {
		c.cluster = fmt.Sprintf("certificatesDir: /%c/pki\nclusterName: %q\n", 'a'+rune(r.IntN(26)), randomValue(r))
	}
	values := map[string]string{
		"authorization-always-allow-paths":    []string{"/healthz", "/healthz,/readyz", "/a b"}[r.IntN(3)],
		"cloud-provider":                      []string{"", "external"}[r.IntN(2)],
		"cluster-name":                        randomValue(r),
		"concurrent-gc-syncs":                 fmt.Sprint(1 + r.IntN(50)),
		"contention-profiling":                fmt.Sprint(r.IntN(2) == 0),
		"controllers":                         []string{"*", "*,-ttl-controller", "-job-controller,*"}[r.IntN(3)],
		"horizontal-pod-autoscaler-tolerance": fmt.Sprint(float64(r.IntN(9)+1) / 8),
		"kube-api-burst":                      fmt.Sprint(1 + r.IntN(50)),
		"leader-elect-resource-name":          randomValue(r),
		"node-monitor-period":                 []string{"7s", "4s500ms", "4.5s", "5000ms"}[r.IntN(4)],
		"use-service-account-credentials":     fmt.Sprint(r.IntN(2) == 0),
		"v":                                   fmt.Sprint(r.IntN(9)),
	}
	names := slices.Sorted(maps.Keys(values))
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:1+r.IntN(6)] {
		c.args = append(c.args, [2]string{name, fmt.Sprintf("%q", values[name])})
	}
	return c
}

// randomValue is a value that needs quotes in YAML now and then. It is one in JSON as well.
func randomValue(r *rand.Rand) string {
	parts := []string{"a", "B-7", "é", " ", ": ", " #", "'", `"`, `\`, ",", "=", "/x", "{a}", "[", "*", "&", "!", "|", "@", "`", "true", "~", "1e3", "0x1f", "-", "$", "日"}
	out := ""
	for range 1 + r.IntN(4) {
		out += parts[r.IntN(len(parts))]
	}
	return out
}
