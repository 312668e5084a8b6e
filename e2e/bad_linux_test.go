package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// node is a node's exported files: its unit or pod's manifest, and the other files by name.
type node struct {
	name  string
	start string // the path of the unit or manifest on the host, without the first slash
	unit  string // its text
	files map[string][]byte
	out   string // the cluster's directory, for what it takes from there
}

// flag sets a flag of the unit.
func (n *node) flag(t *testing.T, name, value string) {
	t.Helper()
	before, after := "  --", " \\\n"
	if n.start == podOnHost {
		before, after = "    - --", "\n"
	}
	line := before + name + "=" + value + after
	had := regexp.MustCompile(`(?m)^` + before + name + `=.*\n`)
	if had.MatchString(n.unit) {
		n.unit = had.ReplaceAllLiteralString(n.unit, line)
		return
	}
	at := strings.Index(n.unit, before)
	if at < 0 {
		t.Fatalf("no flags in %s", n.unit)
	}
	n.unit = n.unit[:at] + line + n.unit[at:]
}

// remove removes an exported file.
func (n *node) remove(t *testing.T, name string) {
	t.Helper()
	if _, ok := n.files[name]; !ok {
		t.Fatalf("no %s among %q", name, slices.Sorted(maps.Keys(n.files)))
	}
	delete(n.files, name)
}

// idle gives the process a second kubeconfig for its work, with other data in it. It
// authorizes health requests with the good one: with a bad one for both it wouldn't start.
func (n *node) idle(t *testing.T, data map[string][]byte) {
	t.Helper()
	const name = "work.conf"
	n.files[name] = n.files["controller-manager.conf"]
	for key, value := range data {
		n.inKubeconfig(t, name, key, value)
	}
	n.flag(t, "kubeconfig", inProcess+name)
}

func (n *node) inKubeconfig(t *testing.T, name, key string, data []byte) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^(\s+` + key + `): .*$`)
	if !line.Match(n.files[name]) {
		t.Fatalf("no %s in the kubeconfig", key)
	}
	n.files[name] = line.ReplaceAll(n.files[name], []byte("${1}: "+base64.StdEncoding.EncodeToString(data)))
}

// altered changes a copy of the exported tree as another export might have left it: each
// node's unit and files are changed, the generation has another name, and unit and manifest
// agree. vet hasn't checked it. It returns the directory to deploy from.
func (s *scene) altered(t *testing.T, change func(*testing.T, *node)) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if err := os.CopyFS(out, os.DirFS(filepath.Join(s.o.Repository, "out"))); err != nil {
		t.Fatal(err)
	}
	m := readManifest(t, out)
	for name, generation := range m.nodes {
		m.nodes[name] = alterNode(t, m, name, generation, change)
	}
	m.write(t)
	return out
}

const (
	homeOnHost = "etc/kubernetes/kcmgen"
	unitOnHost = "etc/systemd/system/kube-controller-manager.service"
	podOnHost  = "etc/kubernetes/manifests/kube-controller-manager.yaml"
)

// alterNode changes a node, and returns the name of its new generation.
func alterNode(t *testing.T, m *manifest, name, generation string, change func(*testing.T, *node)) string {
	t.Helper()
	root := filepath.Join(m.dir, "nodes", name)
	home := filepath.Join(root, homeOnHost, generation)
	n := &node{name: name, start: unitOnHost, files: map[string][]byte{}, out: m.dir}
	if _, err := os.Stat(filepath.Join(root, podOnHost)); err == nil {
		n.start = podOnHost
	}
	entries, err := os.ReadDir(home)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n.files[e.Name()], err = os.ReadFile(filepath.Join(home, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	n.unit = string(n.files[filepath.Base(n.start)])
	change(t, n)
	as := fmt.Sprintf("%x", sha256.Sum256([]byte(generation+t.Name()+time.Now().String())))[:16]
	n.unit = strings.ReplaceAll(n.unit, generation, as)
	n.files[filepath.Base(n.start)] = []byte(n.unit)
	to := filepath.Join(root, homeOnHost, as)
	if err := os.Rename(home, to); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := n.files[e.Name()]; !ok {
			if err := os.Remove(filepath.Join(to, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for file, data := range n.files { // exported ones keep their modes
		if err := os.WriteFile(filepath.Join(to, file), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, n.start), []byte(n.unit), 0o644); err != nil {
		t.Fatal(err)
	}
	top := "nodes/" + name + "/" + homeOnHost + "/"
	m.rename(top+generation, top+as)
	for file := range n.files {
		if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == file }) {
			m.files = append(m.files, map[string]any{"path": top + as + "/" + file, "mode": "0600", "owner": "root:root", "secret": true})
		}
	}
	return as
}

// manifest is the part of manifest.json about nodes.
type manifest struct {
	dir   string
	whole map[string]json.RawMessage
	nodes map[string]string
	files []map[string]any
}

func readManifest(t *testing.T, out string) *manifest {
	t.Helper()
	m := &manifest{dir: filepath.Join(out, "example")}
	data, err := os.ReadFile(filepath.Join(m.dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{json.Unmarshal(data, &m.whole), json.Unmarshal(m.whole["nodes"], &m.nodes), json.Unmarshal(m.whole["files"], &m.files)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func (m *manifest) rename(from, to string) {
	for _, f := range m.files {
		if p := f["path"].(string); p == from || strings.HasPrefix(p, from+"/") {
			f["path"] = to + strings.TrimPrefix(p, from)
		}
	}
}

// write writes it with the current sizes and sums, without files that are gone.
func (m *manifest) write(t *testing.T) {
	t.Helper()
	m.files = slices.DeleteFunc(m.files, func(f map[string]any) bool {
		data, err := os.ReadFile(filepath.Join(m.dir, f["path"].(string)))
		switch {
		case f["dir"] == true:
			return false
		case err != nil:
			return true
		}
		f["size"] = len(data)
		if f["sha256"] != nil {
			f["sha256"] = fmt.Sprintf("%x", sha256.Sum256(data))
		}
		return false
	})
	slices.SortFunc(m.files, func(a, b map[string]any) int { return strings.Compare(a["path"].(string), b["path"].(string)) })
	var err error
	if m.whole["nodes"], err = json.Marshal(m.nodes); err != nil {
		t.Fatal(err)
	}
	if m.whole["files"], err = json.Marshal(m.files); err != nil {
		t.Fatal(err)
	}
	data, err := json.MarshalIndent(m.whole, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "manifest.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// authority is a CA.
func authority(t *testing.T, name string) tls.Certificate {
	t.Helper()
	return certificate(t, tls.Certificate{}, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
}

// exportedCA returns the cluster's CA.
func (n *node) exportedCA(t *testing.T) tls.Certificate {
	t.Helper()
	ca, err := tls.LoadX509KeyPair(filepath.Join(n.out, "pki", "ca.crt"), filepath.Join(n.out, "pki", "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// certificate makes a certificate signed by a CA, or self-signed if that is empty.
func certificate(t *testing.T, ca tls.Certificate, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	issuer, signer := template, any(key)
	if ca.Leaf != nil {
		issuer, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// pemPair returns a certificate and its key as PEM.
func pemPair(t *testing.T, c tls.Certificate) (cert, key []byte) {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	var a, b bytes.Buffer
	if err := pem.Encode(&a, &pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}); err != nil {
		t.Fatal(err)
	}
	if err := pem.Encode(&b, &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}
