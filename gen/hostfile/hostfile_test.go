package hostfile

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/existing"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// certificate returns one of its own, in PEM.
func certificate(t *testing.T, name string, ca bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Unix(7200, 0), NotBefore: time.Unix(0, 0), IsCA: ca, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// kubeconfigOf names an apiserver.
func kubeconfigOf(server string) string {
	return fmt.Sprintf("current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: %q}}]\n", server)
}

// liveHost is what a host has: a unit with flags, and files.
type liveHost struct {
	node, address, version, flags string
	files                         map[string]string
}

// readHosts reads hosts as import --live does.
func readHosts(t *testing.T, hosts ...liveHost) *existing.Cluster {
	t.Helper()
	var nodes []existing.NodeFiles
	for _, h := range hosts {
		nodes = append(nodes, existing.NodeFiles{Node: h.node, Host: &existing.Host{
			Address: netip.MustParseAddr(h.address), Version: h.version,
			Given:  []existing.File{{Path: "/etc/systemd/system/kcm.service", Data: []byte("[Service]\nExecStart=/x/kube-controller-manager " + h.flags + "\n")}},
			Public: func(file string) []byte { return []byte(h.files[file]) },
		}})
	}
	in, err := existing.Read(nodes, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// clusterOf writes the cluster of nodes.
func clusterOf(t *testing.T, in *existing.Cluster, p adopt.Public, keep bool) (source, notes string) {
	t.Helper()
	v, err := spec.ParseVersion(flags.Of(34).Version)
	if err != nil {
		t.Fatal(err)
	}
	out, err := adopt.New(adopt.Cluster{Package: "c", Name: "c", Version: v, Set: in.Set, Nodes: in.Nodes, Public: p, KeepKeys: keep})
	if err != nil {
		t.Fatal(err)
	}
	return string(out.Source), strings.Join(out.Notes, "\n")
}

// TestServersOfNodes: each node's kubeconfig is read, and together they say which apiserver it is.
func TestServersOfNodes(t *testing.T) {
	for _, c := range []struct {
		servers    [2]string
		want, note string
	}{
		{[2]string{"https://10.0.0.11:6443", "https://10.0.0.12:6443"}, "", ""},
		{[2]string{"https://10.0.0.11:8443", "https://10.0.0.12:8443"}, "port: 8443", ""},
		{[2]string{"https://127.0.0.1:6443", "https://localhost:6443"}, `endpoint: "local"`, ""},
		{[2]string{"https://lb.example", "https://lb.example"}, `address:  "lb.example"`, ""},
		{[2]string{"https://10.0.0.11:6443", "https://10.0.0.11:6443"}, `address:  "10.0.0.11"`, ""},
		{[2]string{"https://a.example:6443", "https://b.example:6443"}, `address:  "a.example"`, "node cp-2's kubeconfig names https://b.example:6443, and node cp-1's https://a.example:6443"},
	} {
		host := func(i int) liveHost {
			return liveHost{node: fmt.Sprintf("cp-%d", i+1), address: fmt.Sprintf("10.0.0.1%d", i+1), flags: "--kubeconfig /k/own.conf", files: map[string]string{"/k/own.conf": kubeconfigOf(c.servers[i])}}
		}
		in := readHosts(t, host(0), host(1))
		p, err := Read(in, 34, Local{})
		if err != nil {
			t.Fatal(err)
		}
		source, notes := clusterOf(t, in, p, true)
		if !strings.Contains(source, c.want) || c.want == "" && strings.Contains(source, "apiserver:") || !strings.Contains(notes, c.note) {
			t.Errorf("%v:\n%s\n%s", c.servers, source, notes)
		}
	}
}

// TestNodesHaveOtherFiles: what differs between nodes is noted.
func TestNodesHaveOtherFiles(t *testing.T) {
	const has = "--client-ca-file=/k/ca.crt --tls-cert-file=/k/tls.crt"
	ca, other := certificate(t, "ca", true), certificate(t, "ca", true)
	in := readHosts(t,
		liveHost{"cp-1", "10.0.0.11", "v1.33.2", has, map[string]string{"/k/ca.crt": ca, "/k/tls.crt": certificate(t, "a", false)}},
		liveHost{"cp-2", "10.0.0.12", "v1.34.2", has, map[string]string{"/k/ca.crt": other, "/k/tls.crt": certificate(t, "b", false)}},
		liveHost{"cp-3", "10.0.0.13", "v1.33.2", has, map[string]string{"/k/ca.crt": ca}},
	)
	p, err := Read(in, 34, Local{})
	if err != nil {
		t.Fatal(err)
	}
	_, why, err := in.Version("")
	notes := strings.Join(append(why, p.Notes...), "\n")
	for _, want := range []string{
		"the version v1.33.2 is what the program on cp-1 prints", "the program on cp-2 is v1.34.2, and the one on cp-1, which the cluster says, is v1.33.2",
		"/k/ca.crt on node cp-2 is another CA than on the first node", "/k/tls.crt on node cp-2 has another subject than on the first node",
		"node cp-3: nothing public could be read in /k/tls.crt",
	} {
		if !strings.Contains(notes, want) {
			t.Errorf("no %q in\n%s", want, notes)
		}
	}
	if n := strings.Count(notes, "\n") + 1; err != nil || n != 5 {
		t.Errorf("%v, %d notes:\n%s", err, n, notes)
	}
}

// TestMountsOfNodes: a pod's files are those of each node's own mounts.
func TestMountsOfNodes(t *testing.T) {
	dir := t.TempDir()
	pod := func(at string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: k}\nspec:\n  containers:\n  - name: k\n    image: kube-controller-manager:v1.34.1\n    command: [kube-controller-manager, --client-ca-file=/k/ca.crt]\n    volumeMounts: [{name: k, mountPath: /k}]\n  volumes: [{name: k, hostPath: {path: %s}}]\n", at)
	}
	for name, data := range map[string]string{"a.yaml": pod("/one"), "b.yaml": pod("/two"), "root/one/ca.crt": certificate(t, "a", true), "root/two/ca.crt": certificate(t, "b", true)} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	in, err := existing.Read([]existing.NodeFiles{{Node: "cp-1", Files: []string{filepath.Join(dir, "a.yaml")}}, {Node: "cp-2", Files: []string{filepath.Join(dir, "b.yaml")}}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Read(in, 34, Local{Root: filepath.Join(dir, "root")})
	notes := strings.Join(p.Notes, "\n")
	for _, want := range []string{"node cp-2 has /k/ca.crt of the pod at /two/ca.crt of the host, and the cluster says /one/ca.crt", "/k/ca.crt on node cp-2 is another CA"} {
		if err != nil || !strings.Contains(notes, want) {
			t.Errorf("%v, no %q in\n%s", err, want, notes)
		}
	}
	if got, want := p.Local["/k/ca.crt"], filepath.Join(dir, "root/one/ca.crt"); got != want {
		t.Errorf("the CA is %s, want %s", got, want)
	}
}
