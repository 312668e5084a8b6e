package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// guideChanges are the texts of cue/static-pod/cluster.cue that its host here needs changed: it
// is no arm64 board, and its kube-controller-manager is of a version that the tests build.
func guideChanges(program string, sum [sha256.Size]byte) []string {
	return []string{
		"schemas/v1_20", "schemas/v1_37", "v1_20.#Cluster", "v1_37.#Cluster", `"v1.20.1"`, fmt.Sprintf("%q", clusterVersion),
		`"192.168.10.50"`, `"10.77.0.11"`, `"arm64"`, `"amd64"`, `"10.32.0.0/24"`, `"10.32.0.0/16"`,
		`binary: source: arm64: url: "https://dl.k8s.io/v1.20.1/bin/linux/arm64/kube-controller-manager"`,
		fmt.Sprintf("binary: source: amd64: {file: %q, sha256: \"%x\"}", program, sum),
		`		base: "arm64v8/ubuntu:bionic"` + "\n", "",
		`		"insecure-port": reason:       "the guide leaves the plain HTTP port of this version open, on all addresses"` + "\n", "",
	}
}

// guideOn is what the guide's cluster needs to run on the ground: the control plane that is
// there, and its keys.
const guideOn = `package static_pod

cluster: {
	apiserver: {endpoint: "vip", address: "10.77.0.10"}
	pki: {
		ca: {certFile: "../out/example/pki/ca.crt", keyFile: "../out/example/pki/ca.key"}
		serviceAccount: keyFile: "../out/example/pki/sa.key"
	}
	deploy: {gate: "20s", soak: "1s"}
}
`

// TestGuide: the guide to a static pod runs from its CUE to a pod that leads, with one export,
// one image and one deploy. Its keys are in the image, and its kubelet watches /etc/kubelet.d.
func TestGuide(t *testing.T) {
	g := onKubelets(t, clusterVersion, clusterVersion, olderKubelet)
	s := podsOn(t, g)
	text, err := os.ReadFile("../cue/static-pod/cluster.cue")
	if err != nil {
		t.Fatal(err)
	}
	const program = "kube-controller-manager"
	content, err := os.ReadFile(filepath.Join(s.o.Repository, program))
	if err != nil {
		t.Fatal(err)
	}
	changes := guideChanges("../"+program, sha256.Sum256(content))
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(string(text), changes[i]) {
			t.Fatalf("the guide has no %q", changes[i])
		}
	}
	for name, text := range map[string]string{"cluster.cue": strings.NewReplacer(changes...).Replace(string(text)), "ground.cue": guideOn} {
		file := filepath.Join(s.o.Repository, "guide", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := g.Hosts[0]
	do(t, h, "sh", "-euc", "mkdir /etc/kubelet.d && sed -i 's|^staticPodPath:.*|staticPodPath: /etc/kubelet.d|' /var/lib/kubelet/config.yaml && systemctl restart kubelet")
	s.must(t, 0, "export", "./guide")
	s.must(t, 0, "image", "./guide")
	guided := func(command string, code int, args ...string) string {
		r := s.must(t, code, append([]string{command, "--yes", "--kubeconfig", s.o.Kubeconfig, "./guide"}, args...)...)
		return r.Err
	}
	guided("deploy", 0)
	first := s.podRuns(t, h)
	if err := renewed(t, g); err != nil {
		t.Fatal(err)
	}
	has(t, do(t, h, "cat", "/proc/"+first+"/cmdline"), "--service-account-private-key-file=/var/lib/kubernetes/service-account-key.pem")
	if r := s.must(t, 0, "deploy", "--yes", "--kubeconfig", s.o.Kubeconfig, "./guide"); !strings.Contains(r.Out, "nothing to do") {
		t.Errorf("the second deployment isn't nothing to do: %s%s", r.Err, r.Out)
	}
	// Keys in an image change no volume: the process shows no generation.
	if err := os.WriteFile(filepath.Join(s.o.Repository, "guide", "more.cue"), []byte("package static_pod\n\ncluster: flags: \"concurrent-gc-syncs\": 21\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.must(t, 0, "export", "./guide")
	s.must(t, 0, "image", "./guide")
	guided("deploy", 0)
	second := s.podRuns(t, h)
	has(t, do(t, h, "cat", "/proc/"+second+"/cmdline"), "--concurrent-gc-syncs=21")
	guided("rollback", 0)
	if got := do(t, h, "cat", "/proc/"+s.podRuns(t, h)+"/cmdline"); strings.Contains(got, "concurrent-gc-syncs") {
		t.Errorf("after a rollback it runs with %q", got)
	}
}
