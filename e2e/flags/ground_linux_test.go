package flags

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// patience bounds each step of the control plane on a busy machine.
const patience = 3 * time.Minute

// plane is an apiserver on loopback with its etcd, and the files for
// kube-controller-managers.
type plane struct {
	dir    string
	client *http.Client // an admin's
	url    string
	port   string // of the apiserver
}

func (p *plane) file(name string) string { return filepath.Join(p.dir, name) }

// newPlane starts etcd and an apiserver, which end with the test.
func newPlane(t *testing.T, apiserver string) *plane {
	etcd, err := exec.LookPath("etcd")
	if err != nil {
		t.Skip("not run here: etcd")
	}
	p := &plane{dir: t.TempDir()}
	p.writeKeys(t)
	client, peer, secure := freePort(t), freePort(t), freePort(t)
	p.port, p.url = secure, "https://127.0.0.1:"+secure
	p.daemon(t, "etcd", etcd, "--name=flags", "--data-dir="+p.file("etcd"), "--unsafe-no-fsync",
		"--listen-client-urls=http://127.0.0.1:"+client, "--advertise-client-urls=http://127.0.0.1:"+client,
		"--listen-peer-urls=http://127.0.0.1:"+peer, "--initial-advertise-peer-urls=http://127.0.0.1:"+peer,
		"--initial-cluster=flags=http://127.0.0.1:"+peer)
	p.daemon(t, "kube-apiserver", apiserver, "--etcd-servers=http://127.0.0.1:"+client,
		"--bind-address=127.0.0.1", "--endpoint-reconciler-type=none", "--secure-port="+secure,
		"--client-ca-file="+p.file("ca.crt"), "--tls-cert-file="+p.file("apiserver.crt"), "--tls-private-key-file="+p.file("apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file="+p.file("p256.key"),
		"--service-account-signing-key-file="+p.file("p256.key"), "--service-cluster-ip-range="+apiserverRange,
		"--authorization-mode=RBAC")
	deadline := time.Now().Add(patience)
	for {
		r, err := p.client.Get(p.url + "/readyz")
		if err == nil {
			body, _ := io.ReadAll(r.Body)
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return p
			}
			err = fmt.Errorf("%s: %s", r.Status, body)
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(p.file("kube-apiserver.log"))
			t.Fatalf("waiting for the apiserver: %v\n%s", err, tail(log))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// apiserverRange is the apiserver's --service-cluster-ip-range.
const apiserverRange = "10.96.0.0/16"

func tail(log []byte) []byte { return log[max(0, len(log)-4000):] }

// daemon starts a program that ends with the test, even if the test is killed.
func (p *plane) daemon(t *testing.T, name, program string, args ...string) {
	t.Helper()
	log, err := os.Create(p.file(name + ".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "TMPDIR=" + p.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
}

// freePort returns an unused port on loopback.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// tokenKeys are names of keys to sign tokens with, without .key.
var tokenKeys = []string{
	"p224", "p224-pkcs8", "p256", "p256-pkcs8", "p256-parameters", "p384", "p521", "rsa2048", "rsa2048-pkcs8", "rsa3072", "rsa1024",
	"ed25519", "public", "certificate", "rubbish",
}

// writeKeys writes a CA, what it signs, and the keys.
func (p *plane) writeKeys(t *testing.T) {
	write := func(name, kind string, der []byte) {
		text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
		if err := os.WriteFile(p.file(name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pkcs8 := func(name string, key any) {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(name+".key", "PRIVATE KEY", der)
	}
	ec := map[string]*ecdsa.PrivateKey{}
	for name, curve := range map[string]elliptic.Curve{
		"ca": elliptic.P256(), "apiserver": elliptic.P256(), "admin": elliptic.P256(), "kcm": elliptic.P256(),
		"p224": elliptic.P224(), "p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521(),
	} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		write(name+".key", "EC PRIVATE KEY", der)
		pkcs8(name+"-pkcs8", key)
		ec[name] = key
	}
	for _, bits := range []int{1024, 2048, 3072} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("rsa%d", bits)
		write(name+".key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))
		pkcs8(name+"-pkcs8", key)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8("ed25519", ed)
	public, err := x509.MarshalPKIXPublicKey(ec["p256"].Public())
	if err != nil {
		t.Fatal(err)
	}
	write("public.key", "PUBLIC KEY", public)
	write("rubbish.key", "EC PRIVATE KEY", []byte{1, 2, 3})
	sec1, err := os.ReadFile(p.file("p256.key"))
	if err != nil {
		t.Fatal(err)
	}
	write("p256-parameters.key", "EC PARAMETERS", []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7})
	f, err := os.OpenFile(p.file("p256-parameters.key"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.Write(sec1)
		err = joined(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	p.issue(t, write, ec)
}

func joined(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// issue writes the certificates and the kubeconfig, and makes the client.
func (p *plane) issue(t *testing.T, write func(name, kind string, der []byte), keys map[string]*ecdsa.PrivateKey) {
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "flags"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	sign := func(name string, template *x509.Certificate, key crypto.PublicKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template, ca, key, keys["ca"])
		if err != nil {
			t.Fatal(err)
		}
		write(name+".crt", "CERTIFICATE", der)
		return der
	}
	root := sign("ca", ca, keys["ca"].Public())
	write("certificate.key", "CERTIFICATE", root)
	leaf := func(name string, serial int64, subject pkix.Name, use x509.ExtKeyUsage) {
		sign(name, &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: subject, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{use},
		}, keys[name].Public())
	}
	leaf("apiserver", 2, pkix.Name{CommonName: "kube-apiserver"}, x509.ExtKeyUsageServerAuth)
	leaf("admin", 3, pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}}, x509.ExtKeyUsageClientAuth)
	leaf("kcm", 4, pkix.Name{CommonName: "kube-controller-manager"}, x509.ExtKeyUsageServerAuth)
	admin, err := tls.LoadX509KeyPair(p.file("admin.crt"), p.file("admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(root)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	p.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{admin}},
	}}
}

// kubeconfig writes the kubeconfig of all kube-controller-managers: an admin's.
func (p *plane) kubeconfig(t *testing.T) {
	data := func(name string) string {
		text, err := os.ReadFile(p.file(name))
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(text)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n")
	fmt.Fprintf(&b, "clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]\n", p.url, data("ca.crt"))
	fmt.Fprintf(&b, "users: [{name: u, user: {client-certificate-data: %s, client-key-data: %s}}]\n", data("admin.crt"), data("admin.key"))
	if err := os.WriteFile(p.file("kubeconfig"), b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
