package facts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// writePeers writes files and returns a cluster whose apiserver has the first.
func writePeers(t *testing.T, command string, files map[string]string) *spec.Cluster {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o755); err != nil {
		t.Fatal(err)
	}
	files["api.txt"] = command
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, "files", name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &spec.Cluster{Dir: dir, APIServer: spec.APIServer{From: "files/api.txt", Flags: spec.Settings{"v": {Value: "2"}}}}
}

// selfSigned returns a certificate and its public key, in PEM.
func selfSigned(t *testing.T) (cert, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}))
}

// TestPeers: the certificates and keys that the apiserver's flags name are read from the
// directory of its file, by their names.
func TestPeers(t *testing.T) {
	cert, public := selfSigned(t)
	c := writePeers(t, "kube-apiserver --v=3 --client-ca-file=/pki/ca.crt --tls-cert-file=/pki/tls.crt --proxy-client-cert-file=/pki/p.crt --service-account-key-file=/pki/sa.pub --service-account-key-file=/pki/old.pub\n", map[string]string{
		"ca.crt": cert + cert, "tls.crt": "no PEM", "sa.pub": public,
	})
	p := peers(c)[vet.APIServerFile]
	if p.Err != nil || p.Says["v"].Value != "3" || p.File != "files/api.txt" || !strings.HasSuffix(p.Says["v"].At.File, filepath.FromSlash("files/api.txt")) {
		t.Errorf("%+v", p)
	}
	if len(p.Certificates["client-ca-file"]) != 2 || p.CertificateErrs["client-ca-file"] != nil {
		t.Errorf("a bundle: %d certificates, %v", len(p.Certificates["client-ca-file"]), p.CertificateErrs)
	}
	if err := p.CertificateErrs["tls-cert-file"]; err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no certificate: %v", err)
	}
	if err := p.CertificateErrs["proxy-client-cert-file"]; !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that isn't there: %v", err)
	}
	if len(p.Keys) != 1 || !errors.Is(p.KeysErr, fs.ErrNotExist) {
		t.Errorf("keys: %d, %v", len(p.Keys), p.KeysErr)
	}
}

// TestPeersOfOneName: which of two files of one name lies there isn't known.
func TestPeersOfOneName(t *testing.T) {
	cert, _ := selfSigned(t)
	c := writePeers(t, "kube-apiserver --client-ca-file=/pki/ca.pem --requestheader-client-ca-file=/front/ca.pem --tls-cert-file=/..\n", map[string]string{"ca.pem": cert})
	p := peers(c)[vet.APIServerFile]
	for _, flag := range []string{"client-ca-file", "requestheader-client-ca-file", "tls-cert-file"} {
		if err := p.CertificateErrs[flag]; !errors.Is(err, fs.ErrNotExist) || p.Certificates[flag] != nil {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

// TestPeersUnreadable: what is no regular file, or too large, isn't opened.
func TestPeersUnreadable(t *testing.T) {
	c := writePeers(t, strings.Repeat("x", 1<<20+1), map[string]string{})
	c.Peers = spec.Peers{Kubelet: "files", KubeProxy: "files/none"}
	got := peers(c)
	for field, want := range map[string]string{
		vet.APIServerFile: "it has 1048577 bytes, and at most 1048576 are read",
		vet.KubeletFile:   "it is no regular file",
		vet.KubeProxyFile: "",
	} {
		if err := got[field].Err; err == nil || !strings.Contains(err.Error(), want) || (want == "") != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want %s", field, err, want)
		}
	}
	if peers(&spec.Cluster{}) != nil {
		t.Error("a cluster without peers has some")
	}
}
