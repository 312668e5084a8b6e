package peer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/vet"
)

// kubeadmPod is kube-apiserver's static pod as kubeadm writes it.
func kubeadmPod(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/kube-apiserver.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

const kubeadmConfig = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: 10.0.0.11
  bindPort: 8443
bootstrapTokens:
- token: abcdef.0123456789abcdef
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.37.1
networking:
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.97.0.0/16
controllerManager:
  extraArgs:
  - name: service-cluster-ip-range
    value: 10.1.0.0/16
apiServer:
  extraArgs:
  - name: enable-bootstrap-token-auth
    value: "false"
  - name: oidc-client-id
    value: hunter2
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
nodeStatusUpdateFrequency: 20s
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16
`

const unit = `[Unit]
Description=Kubernetes API Server
[Service]
Environment=RANGE=10.32.0.0/24 SECRET=hunter2
EnvironmentFile=-/etc/kubernetes/apiserver
ExecStart=/usr/local/bin/kube-apiserver \
  --service-cluster-ip-range=${RANGE} \
  --secure-port 7443 \
  --enable_bootstrap_token_auth \
  --service-account-issuer=https://a --service-account-issuer=https://b \
  --client-ca-file=${CA_FILE} $MORE
Restart=on-failure
[Install]
WantedBy=multi-user.target
`

// shown is what is kept of some settings: the value and the line, and ? for one that isn't
// known, or "default".
func shown(p *vet.Peer, names ...string) []string {
	if p.Err != nil {
		return []string{"error: " + p.Err.Error()}
	}
	var out []string
	for _, name := range names {
		s, ok := p.Says[name]
		switch {
		case !ok:
			out = append(out, "nothing of "+name)
		case s.Unknown:
			out = append(out, fmt.Sprintf("? at %d", s.At.Line))
		case s.Default:
			out = append(out, "default "+s.Value)
		default:
			out = append(out, fmt.Sprintf("%s at %d:%d", s.Value, s.At.Line, s.At.Col))
		}
	}
	for _, pool := range p.Pools {
		value := pool.CIDR
		if pool.Unknown {
			value = "?"
		}
		out = append(out, fmt.Sprintf("%s %s %s at %d:%d", pool.Addon, pool.Field, value, pool.At.Line, pool.At.Col))
	}
	return out
}

// TestRead: the forms in which other components are configured.
func TestRead(t *testing.T) {
	const ranges, port, tokens = "service-cluster-ip-range", "secure-port", "enable-bootstrap-token-auth"
	pod := kubeadmPod(t)
	for name, tc := range map[string]struct {
		field, data string
		names       []string
		want        []string
	}{
		"kubeadm's static pod": {
			vet.APIServerFile, pod,
			[]string{ranges, port, tokens, "version", "bind-address", "requestheader-allowed-names"},
			[]string{"10.96.0.0/12 at 28:7", "6443 at 24:7", "true at 20:7", "v1.37.1 at 31:12", "default 0.0.0.0", "front-proxy-client at 21:7"},
		},
		"kubeadm's configuration": {
			vet.APIServerFile, kubeadmConfig,
			[]string{ranges, port, tokens, "version", "client-ca-file", "service-account-issuer"},
			[]string{"10.97.0.0/16 at 14:18", "8443 at 5:13", "false at 21:11", "v1.37.1 at 11:20", "/etc/kubernetes/pki/ca.crt at 9:1", "https://kubernetes.default.svc.cluster.local at 9:1"},
		},
		"kubeadm's configuration of the kubelet": {vet.KubeletFile, kubeadmConfig, []string{"nodeStatusUpdateFrequency", "nodeLeaseDurationSeconds", "cloud-provider"}, []string{"20s at 28:1", "default 40", "? at 26"}},
		"kubeadm's configuration of kube-proxy":  {vet.KubeProxyFile, kubeadmConfig, []string{"clusterCIDR"}, []string{"10.244.0.0/16 at 32:1"}},
		"kubeadm's ConfigMap": {
			vet.APIServerFile, "apiVersion: v1\nkind: ConfigMap\ndata:\n  ClusterConfiguration: |\n    apiVersion: kubeadm.k8s.io/v1beta4\n    kind: ClusterConfiguration\n    networking:\n      serviceSubnet: 10.98.0.0/16\n",
			[]string{ranges, port},
			[]string{"10.98.0.0/16 at 8:22", "6443 at 5:5"},
		},
		"kubeadm's drop-in of the kubelet": {
			vet.KubeletFile, "[Service]\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml\"\nEnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nExecStart=\nExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS\n",
			[]string{"cloud-provider", "rotateCertificates"},
			[]string{"? at 5", "? at 5"},
		},
		"kubeadm's configuration, in old": {
			vet.APIServerFile, "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n    secure-port: \"1\"\n",
			[]string{ranges, port, "version"},
			[]string{"10.96.0.0/12 at 1:1", "1 at 5:5", "? at 1"},
		},
		"kubeadm's configuration, with variables": {
			vet.APIServerFile, "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nnetworking:\n  serviceSubnet: ${SERVICES}\n",
			[]string{ranges, port},
			[]string{"? at 4", "6443 at 1:1"},
		},
		"a unit": {
			vet.APIServerFile, unit,
			[]string{ranges, port, tokens, "service-account-issuer", "client-ca-file", "bind-address", "version"},
			[]string{"10.32.0.0/24 at 7:3", "7443 at 8:3", "true at 9:3", "https://a,https://b at 10:3", "? at 11", "? at 6", "? at 6"},
		},
		"a command line":          {vet.APIServerFile, "kube-apiserver --secure-port=1 --service-cluster-ip-range=10.1.0.0/16\n", []string{ranges, port, tokens}, []string{"10.1.0.0/16 at 1:32", "1 at 1:16", "default false"}},
		"a list of flags":         {vet.APIServerFile, "--secure-port=1\n--token-auth-file=/x\n", []string{ranges, port}, []string{"default 10.0.0.0/24", "1 at 1:1"}},
		"a process":               {vet.APIServerFile, "/bin/kube-apiserver\x00--secure-port\x001\x00--v=2\x00", []string{ranges, port}, []string{"default 10.0.0.0/24", "1 at 1:21"}},
		"a script":                {vet.APIServerFile, "#!/bin/sh\nP=5\nexec /opt/kube-apiserver --secure-port=$P \"$@\"\n", []string{port, ranges}, []string{"5 at 3:26", "? at 3"}},
		"a truth value alone":     {vet.APIServerFile, "--profiling\n--enable-garbage-collector\n", []string{"profiling", "enable-garbage-collector"}, []string{"true at 1:1", "true at 2:1"}},
		"a flag given twice":      {vet.APIServerFile, "--secure-port=1\n--secure-port=2\n", []string{port}, []string{"2 at 2:1"}},
		"an image with a digest":  {vet.APIServerFile, strings.Replace(pod, ":v1.37.1", ":v1.37.1@sha256:00", 1), []string{"version"}, []string{"v1.37.1 at 31:12"}},
		"an image of no version":  {vet.APIServerFile, strings.Replace(pod, ":v1.37.1", ":latest", 1), []string{"version"}, []string{"? at 13"}},
		"a template":              {vet.APIServerFile, strings.Replace(pod, "10.96.0.0/12", "{{ .Services }}", 1), []string{ranges, port}, []string{"? at 28", "6443 at 24:7"}},
		"the user's own settings": {vet.APIServerFile, "--oidc-issuer-url=https://x\n--v=2\n", []string{"v", "oidc-issuer-url"}, []string{"2 at 2:1", "nothing of oidc-issuer-url"}},

		"a kubelet's configuration": {
			vet.KubeletFile, "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nnodeStatusUpdateFrequency: 0s\nrotateCertificates: true\nnodeLeaseDurationSeconds: 80\n",
			[]string{"nodeStatusUpdateFrequency", "rotateCertificates", "nodeLeaseDurationSeconds"},
			[]string{"default 10s", "true at 4:1", "80 at 5:1"},
		},
		"a kubelet's unit": {
			vet.KubeletFile, "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --cloud-provider=external --rotate-certificates\n",
			[]string{"cloud-provider", "rotateCertificates", "nodeLeaseDurationSeconds"},
			[]string{"external at 2:66", "true at 2:92", "? at 2"},
		},
		"a kubelet's unit without a configuration": {
			vet.KubeletFile, "[Service]\nExecStart=/usr/bin/kubelet --v=2\n", []string{"cloud-provider", "rotateCertificates", "nodeLeaseDurationSeconds"}, []string{"default ", "default false", "default 40"},
		},
		"kube-proxy's ConfigMap": {
			vet.KubeProxyFile, "apiVersion: v1\nkind: ConfigMap\ndata:\n  config.conf: |-\n    apiVersion: kubeproxy.config.k8s.io/v1alpha1\n    kind: KubeProxyConfiguration\n    clusterCIDR: 10.244.0.0/16\n",
			[]string{"clusterCIDR"},
			[]string{"10.244.0.0/16 at 7:5"},
		},
		"kube-proxy's list of objects": {
			vet.KubeProxyFile, "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  data:\n    config.conf: |\n      apiVersion: kubeproxy.config.k8s.io/v1alpha1\n      kind: KubeProxyConfiguration\n",
			[]string{"clusterCIDR"},
			[]string{"default "},
		},
		"kube-proxy's flags":       {vet.KubeProxyFile, "kube-proxy --cluster-cidr=10.1.0.0/16\n", []string{"clusterCIDR"}, []string{"10.1.0.0/16 at 1:12"}},
		"kube-proxy's other flags": {vet.KubeProxyFile, "kube-proxy --cluster-cidr=10.1.0.0/16 --config=/x\n", []string{"clusterCIDR"}, []string{"? at 1"}},

		"Flannel": {
			vet.NetworkFile, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kube-flannel-cfg\ndata:\n  net-conf.json: |\n    {\n      \"Network\": \"10.244.0.0/16\",\n      \"EnableIPv6\": true, \"IPv6Network\": \"fd00::/56\"\n    }\n",
			nil,
			[]string{"Flannel Network 10.244.0.0/16 at 8:8", "Flannel IPv6Network fd00::/56 at 9:28"},
		},
		"Calico's pools": {
			vet.NetworkFile, "apiVersion: crd.projectcalico.org/v1\nkind: IPPool\nspec:\n  cidr: 10.1.0.0/16\n  blockSize: 26\n---\napiVersion: projectcalico.org/v3\nkind: IPPool\nspec:\n  cidr: 10.2.0.0/16\n  disabled: true\n---\napiVersion: projectcalico.org/v3\nkind: IPPool\nspec:\n  cidr: 10.3.0.0/16\n  allowedUses: [Tunnel]\n",
			nil,
			[]string{"Calico cidr 10.1.0.0/16 at 4:3"},
		},
		"Calico's installation": {
			vet.NetworkFile, "apiVersion: operator.tigera.io/v1\nkind: Installation\nspec:\n  calicoNetwork:\n    ipPools:\n    - cidr: 192.168.0.0/16\n      blockSize: 26\n",
			nil,
			[]string{"Calico cidr 192.168.0.0/16 at 6:7"},
		},
		"Calico's manifest": {
			vet.NetworkFile, "kind: DaemonSet\nspec:\n  template:\n    spec:\n      containers:\n      - name: calico-node\n        env:\n        - name: CALICO_IPV4POOL_CIDR\n          value: \"10.4.0.0/16\"\n",
			nil,
			[]string{"Calico CALICO_IPV4POOL_CIDR 10.4.0.0/16 at 8:17"},
		},
		"Cilium": {
			vet.NetworkFile, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\ndata:\n  ipam: \"cluster-pool\"\n  enable-ipv6: \"false\"\n  cluster-pool-ipv4-cidr: \"10.0.0.0/9 11.0.0.0/9\"\n  cluster-pool-ipv6-cidr: \"fd00::/56\"\n",
			[]string{"ipam"},
			[]string{"cluster-pool at 6:3", "Cilium cluster-pool-ipv4-cidr 10.0.0.0/9 at 8:3", "Cilium cluster-pool-ipv4-cidr 11.0.0.0/9 at 8:3"},
		},
		"Cilium in another mode": {
			vet.NetworkFile, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\ndata:\n  ipam: kubernetes\n  cluster-pool-ipv4-cidr: 10.0.0.0/8\n", []string{"ipam"}, []string{"kubernetes at 6:3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := shown(Read(tc.field, "f", []byte(tc.data), []string{"v", "profiling"}), tc.names...)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestRefused: files that aren't what their field says. No message has a word of a value.
func TestRefused(t *testing.T) {
	pod := kubeadmPod(t)
	scheduler := strings.ReplaceAll(pod, "kube-apiserver", "kube-scheduler")
	for name, tc := range map[string]struct{ field, data, want string }{
		"a scheduler's pod":              {vet.APIServerFile, scheduler, "f:13:5: it starts kube-scheduler, not kube-apiserver"},
		"kube-controller-manager's unit": {vet.APIServerFile, "[Service]\nExecStart=/bin/kube-controller-manager --v=2\n", "f:2:1: it starts kube-controller-manager, not kube-apiserver"},
		"an apiserver as a kubelet":      {vet.KubeletFile, pod, "f:13:5: it starts kube-apiserver, not kubelet"},
		"a kubelet's configuration":      {vet.KubeProxyFile, "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\n", "f:1:1: it is a KubeletConfiguration, which configures kubelet and not kube-proxy"},
		"a ConfigMap of something":       {vet.KubeProxyFile, "apiVersion: v1\nkind: ConfigMap\ndata: {a: hunter2}\n", "f:1:1: it is a ConfigMap, which says nothing of kube-proxy"},
		"a deployment as an add-on":      {vet.NetworkFile, "apiVersion: apps/v1\nkind: Deployment\n", "f:1:1: it is a Deployment, which says nothing of a network add-on"},
		"two pods":                       {vet.APIServerFile, pod + "---\n" + pod, "f:66:5: it starts kube-apiserver twice, on line 13 and on line 66"},
		"two configurations":             {vet.KubeletFile, strings.Repeat("---\nkind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\n", 2), "f:5:1: it has two of kind KubeletConfiguration, on line 2 and on line 5"},
		"empty":                          {vet.APIServerFile, "", "f:1:1: it is empty, or has comments only"},
		"comments":                       {vet.APIServerFile, "# hunter2\n", "f:1:1: it is empty, or has comments only"},
		"a word":                         {vet.APIServerFile, "hunter2\n", "f:1:1: nothing in it starts or configures kube-apiserver"},
		"a script of something":          {vet.APIServerFile, "PASSWORD=hunter2 curl -u me:hunter2 http://x\n", "f:1:1: nothing in it starts or configures kube-apiserver"},
		"no script":                      {vet.APIServerFile, "hunter2 ( ' hunter2\n", "f:1:1: it is no unit, pod, script, list of flags or YAML"},
		"YAML with a fault":              {vet.APIServerFile, "a: [hunter2\nb: hunter2: x\n", ""},
		"a unit that starts something":   {vet.APIServerFile, "[Service]\nEnvironment=A=hunter2\nExecStart=/bin/x --p=hunter2\n", "f:1:1: nothing in it starts or configures kube-apiserver"},
		"binary":                         {vet.APIServerFile, "\x7fELF\x00\x01\xff\xfehunter2", ""},
		"NULs":                           {vet.APIServerFile, "a=hunter2\x00b", ""},
		"a private key":                  {vet.APIServerFile, "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n", ""},
		"a kubeconfig":                   {vet.APIServerFile, "apiVersion: v1\nkind: Config\nusers:\n- user: {token: hunter2}\n", ""},
		"a ConfigMap with broken JSON":   {vet.NetworkFile, "apiVersion: v1\nkind: ConfigMap\ndata:\n  net-conf.json: '{\"Network\": [hunter2'\n", ""},
		"a ConfigMap within a ConfigMap": {vet.KubeProxyFile, "apiVersion: v1\nkind: ConfigMap\ndata:\n  config.conf: |\n    apiVersion: v1\n    kind: ConfigMap\n", "f:1:1: it is a ConfigMap, which says nothing of kube-proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Read(tc.field, "f", []byte(tc.data), nil)
			var placed *vet.PeerError
			if !errors.As(p.Err, &placed) || placed.At.File != "f" {
				t.Fatalf("error %#v", p.Err)
			}
			if got := placed.At.String() + ": " + placed.Message; tc.want != "" && got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if all := fmt.Sprintf("%+v", p); strings.Contains(all, "hunter2") || strings.Contains(placed.Message+placed.Expected, "hunter2") {
				t.Errorf("a value of the file is in %q", placed.Message)
			}
		})
	}
}

// TestSecrets: what rules don't compare isn't kept.
func TestSecrets(t *testing.T) {
	pod := strings.Replace(kubeadmPod(t), "    - --allow-privileged=true\n", "    - --token-auth-file=hunter2\n    - --etcd-servers=https://hunter2@x\n    - hunter2\n    env:\n    - {name: A, value: hunter2}\n", 1)
	pod = strings.Replace(pod, "    env:\n    - {name: A, value: hunter2}\n", "", 1)
	pod = strings.Replace(pod, "    imagePullPolicy", "    env:\n    - {name: A, value: hunter2}\n    imagePullPolicy", 1)
	for field, data := range map[string]string{vet.APIServerFile: pod, vet.KubeletFile: unit + "\nX=hunter2", "apiserver.from ": kubeadmConfig} {
		p := Read(strings.TrimSpace(field), "f", []byte(data), nil)
		if all := fmt.Sprintf("%+v %v", p, p.Err); strings.Contains(all, "hunter2") {
			t.Errorf("%s: %s", field, all)
		}
	}
}

// FuzzRead: no input ends the program, and every place is in the file.
func FuzzRead(f *testing.F) {
	fields := []string{vet.APIServerFile, vet.KubeletFile, vet.KubeProxyFile, vet.NetworkFile}
	for i, seed := range []string{kubeadmPod(f), kubeadmConfig, unit, "kube-proxy --cluster-cidr=10.1.0.0/16", "apiVersion: v1\nkind: ConfigMap\ndata:\n  net-conf.json: '{\"Network\": \"10.1.0.0/16\"}'\n"} {
		f.Add(i, []byte(seed))
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		field := fields[(i%len(fields)+len(fields))%len(fields)]
		p := Read(field, "f", data, []string{"v"})
		lines := strings.Count(string(data), "\n") + 1
		for name, s := range p.Says {
			if s.At.File != "f" || s.At.Line > lines {
				t.Errorf("%s is at %v of %d lines", name, s.At, lines)
			}
		}
	})
}
