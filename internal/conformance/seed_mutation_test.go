package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSeedMutations changes one thing at a time in the export: each must be found, or the
// tests of the seeds prove nothing.
func TestSeedMutations(t *testing.T) {
	unit := func(t testing.TB, tree string) difference { return systemdDiffers(t, tree, "idc-k8s-02") }
	kubeconfig := func(t testing.TB, tree string) difference { return kubeconfigDiffers(t, tree, "idc-k8s-02") }
	const (
		unitFile = "ha-systemd/nodes/idc-k8s-02/" + seedUnit
		pod      = "static-pod/" + seedManifest
		build    = "static-pod/" + seedImage + "/Containerfile"
	)
	config := files(t, filepath.Join(ready(t).dir, "ha-systemd/nodes/idc-k8s-02"), "controller-manager.conf")[0]
	config, err := filepath.Rel(ready(t).dir, config)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		name           string
		file, old, new string
		differs        func(testing.TB, string) difference
		noticed        string
	}{
		{"flag dropped", unitFile, "  --profiling=true \\\n", "", unit, "--profiling is missing"},
		{"last flag dropped", unitFile, " \\\n  --v=2", "", unit, "--v is missing"},
		{"flag added", unitFile, "  --v=2", "  --v=2 --allocate-node-cidrs=true", unit, "--allocate-node-cidrs is not the seed's"},
		{"flag twice", unitFile, "  --v=2", "  --v=2 --v=2", unit, "--v is passed twice"},
		{"argument added", unitFile, "  --v=2", "  --v=2 stray", unit, `"stray" is no flag`},
		{"value changed", unitFile, "--kube-api-qps=1000", "--kube-api-qps=100", unit, "--kube-api-qps"},
		{"bool changed", unitFile, "--leader-elect=true", "--leader-elect=false", unit, "--leader-elect"},
		{"list order changed", unitFile, "*,bootstrapsigner,tokencleaner", "*,tokencleaner,bootstrapsigner", unit, "--controllers"},
		{"quotes kept", unitFile, "allowed-names=aggregator", `allowed-names="\"aggregator\""`, unit, "--requestheader-allowed-names"},
		{"another node's address", unitFile, "--bind-address=103.172.238.94", "--bind-address=103.172.239.9", unit, "--bind-address"},
		{"another program", unitFile, "=/opt/k8s/bin/", "=/usr/bin/", unit, "the program"},
		{"directive dropped", unitFile, "Restart=on-failure\n", "", unit, "[Service] Restart "},
		{"directive changed", unitFile, "RestartSec=5", "RestartSec=50", unit, "RestartSec"},
		{"directive twice", unitFile, "RestartSec=5\n", "RestartSec=5\nRestartSec=6\n", unit, "RestartSec"},
		{"documentation dropped", unitFile, "Documentation=", "X-Documentation=", unit, "Documentation"},
		{"working directory changed", unitFile, "=/data/k8s/", "=/data/", unit, "WorkingDirectory"},
		{"not wanted at boot", unitFile, "WantedBy=multi-user.target\n", "", unit, "WantedBy"},
		{"file not bound", unitFile, ":/etc/kubernetes/cert/ca-key.pem", ":/etc/kubernetes/cert/other.pem", unit, "ca-key.pem is not"},
		{"another file bound", unitFile, "/ca.crt:", "/kube-controller-manager.crt:", unit, "ca.pem is not"},
		{"user renamed", config, "user: system:kube-controller-manager", "user: kcm", kubeconfig, "kubeconfig of idc-k8s-02"},
		{"another server", config, "103.172.238.94:6443", "103.172.239.9:6443", kubeconfig, "kubeconfig of idc-k8s-02"},
		{"context not chosen", config, "current-context: system:kube-controller-manager", "current-context: \"\"", kubeconfig, "kubeconfig of idc-k8s-02"},
		{"host dropped from request", "ha-systemd/pki/shared/combined-csr.json", "    \"103.172.239.71\",\n", "", requestDiffers, "certificate request"},
		{"another organization", "ha-systemd/pki/shared/combined-csr.json", "opsnull", "ops", requestDiffers, "certificate request"},
		{"smaller key", "ha-systemd/pki/shared/combined-csr.json", "2048", "1024", requestDiffers, "certificate request"},
		{"another certificate", "ha-systemd/pki/shared/combined.crt", "", "pki/ca.crt", requestDiffers, "certificate's subject"},
		{"pod flag dropped", pod, "    - --cluster-cidr=10.200.0.0/16\n", "", podDiffers, "--cluster-cidr is missing"},
		{"pod flag changed", pod, "--v=2", "--v=3", podDiffers, "--v is"},
		{"pod image changed", pod, ":latest", ":v1.20.1", podDiffers, "containers[0].image "},
		{"pull policy changed", pod, "IfNotPresent", "Always", podDiffers, "imagePullPolicy"},
		{"host network lost", pod, "  hostNetwork: true\n", "", podDiffers, "hostNetwork"},
		{"priority changed", pod, "system-node-critical", "system-cluster-critical", podDiffers, "priorityClassName"},
		{"namespace changed", pod, "namespace: kube-system", "namespace: default", podDiffers, "namespace"},
		{"label lost", pod, "    tier: control-plane\n", "", podDiffers, "labels.tier"},
		{"limit changed", pod, "cpu: 300m", "cpu: 3", podDiffers, "limits.cpu"},
		{"request lost", pod, "        memory: 128Mi\n", "", podDiffers, "requests.memory"},
		{"second container", pod, "  containers:\n", "  containers:\n  - name: other\n    image: x\n", podDiffers, "has 1 of them"},
		{"field the API doesn't have", pod, "  hostNetwork: true", "  hostNetwork: true\n  hostNet: true", podDiffers, "what kubectl makes of it"},
		{"value of another type", pod, "hostNetwork: true", "hostNetwork: maybe", podDiffers, "kubectl refuses"},
		{"another base", build, "bionic", "focal", imageDiffers, "base"},
		{"another download", build, "v1.20.1/bin", "v1.20.2/bin", imageDiffers, "download"},
		{"another place", build, "arm64/kube-controller-manager /usr/bin/", "arm64/kube-controller-manager /bin/", imageDiffers, "download"},
		{"not executable", build, " && chmod 0755 /usr/bin/kube-controller-manager \\\n", "", imageDiffers, "executable"},
		{"directory dropped", build, "/etc/kubernetes/config", "/etc/kubernetes", imageDiffers, "directories"},
		{"directory mode changed", build, "-m 0755 -d /var", "-m 0700 -d /var", imageDiffers, "directories"},
		{"copy dropped", build, "COPY ca-key.pem /var/lib/kubernetes/ca-key.pem\n", "", imageDiffers, "copied"},
		{"instruction added", build, "ENTRYPOINT", "USER daemon\nENTRYPOINT", imageDiffers, "understood"},
		{"another entry point", build, `["/usr/bin/kube-controller-manager"]`, `["/usr/bin/kube-controller-manager", "-h"]`, imageDiffers, "entry point"},
		{"another key in the context", "static-pod/" + seedImage + "/ca-key.pem", "", "pki/sa.key", imageDiffers, "ca-key.pem"},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			cluster, file, _ := strings.Cut(m.file, "/")
			tree := t.TempDir()
			if err := os.CopyFS(tree, os.DirFS(filepath.Join(ready(t).dir, cluster))); err != nil {
				t.Fatal(err)
			}
			spoil(t, tree, file, m.old, m.new)
			for _, line := range m.differs(t, tree) {
				if strings.Contains(line, m.noticed) {
					return
				}
			}
			t.Errorf("no difference names %q", m.noticed)
		})
	}
}

// spoil replaces a text in a file or, if old is empty, the whole file by another file of the
// tree.
func spoil(t *testing.T, tree, file, old, new string) {
	t.Helper()
	at := filepath.Join(tree, file)
	text := read(t, at)
	switch {
	case old == "":
		text = read(t, filepath.Join(tree, new))
	case !strings.Contains(text, old):
		t.Fatalf("%s doesn't hold %q", file, old)
	default:
		text = strings.Replace(text, old, new, 1)
	}
	if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
