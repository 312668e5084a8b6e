//go:build linux

package ground

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// api is an administrator's client of the apiserver, from the control plane.
type api struct {
	dir        string
	kubeconfig string
	client     *http.Client
}

// Status is an error answer of the apiserver.
type Status struct {
	Code int
	Body string
}

func (s *Status) Error() string { return fmt.Sprintf("the apiserver says %d: %s", s.Code, s.Body) }

// newAPI makes the certificates that kcmgen doesn't make: the apiserver's and an
// administrator's.
func newAPI(g *Ground, out string) (*api, error) {
	a := &api{dir: filepath.Join(g.state, "control")}
	if err := os.Mkdir(a.dir, 0o700); err != nil {
		return nil, err
	}
	ca, err := tls.LoadX509KeyPair(filepath.Join(out, "pki", "ca.crt"), filepath.Join(out, "pki", "ca.key"))
	if err != nil {
		return nil, err
	}
	if err := a.issue(ca, "apiserver", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "kube-apiserver"},
		IPAddresses: []net.IP{net.ParseIP(control)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}); err != nil {
		return nil, err
	}
	if err := a.issue(ca, "admin", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}); err != nil {
		return nil, err
	}
	admin, err := tls.LoadX509KeyPair(a.file("admin.crt"), a.file("admin.key"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	a.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return g.Dial(ctx, "control", address)
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{admin}},
		ForceAttemptHTTP2: true,
	}}
	return a, a.writeKubeconfig(pemOf("CERTIFICATE", ca.Certificate[0]))
}

func (a *api) file(name string) string { return filepath.Join(a.dir, name) }

// issue writes a certificate signed by the CA, and its key.
func (a *api) issue(ca tls.Certificate, name string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62)); err != nil {
		return err
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(24*time.Hour)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, ca.Leaf, &key.PublicKey, ca.PrivateKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(a.file(name+".crt"), pemOf("CERTIFICATE", der), 0o600),
		os.WriteFile(a.file(name+".key"), pemOf("PRIVATE KEY", private), 0o600),
	)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// writeKubeconfig makes the administrator's kubeconfig; JSON is YAML too.
func (a *api) writeKubeconfig(ca []byte) error {
	cert, err := os.ReadFile(a.file("admin.crt"))
	if err != nil {
		return err
	}
	key, err := os.ReadFile(a.file("admin.key"))
	if err != nil {
		return err
	}
	type object = map[string]any
	named := func(kind string, value object) []object {
		return []object{{"name": "admin", kind: value}}
	}
	config, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": "admin",
		"clusters": named("cluster", object{"server": "https://" + control + ":6443", "certificate-authority-data": ca}),
		"users":    named("user", object{"client-certificate-data": cert, "client-key-data": key}),
		"contexts": named("context", object{"cluster": "admin", "user": "admin"}),
	}, "", "  ")
	a.kubeconfig = string(config) + "\n"
	return err
}

// API sends a request to the apiserver, as an administrator. in, if not nil, is sent as
// JSON; the answer is decoded into out, if not nil. Any status but 2xx is a *Status.
func (g *Ground) API(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, graceful)
	defer cancel()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "https://"+control+":6443"+path, &body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := g.api.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return &Status{response.StatusCode, string(answer)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// lease is the path of kube-controller-manager's lease.
const lease = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager"

// Lease is the leader lease.
type Lease struct {
	Holder      string    `json:"holderIdentity"` // <hostname>_<uuid>
	Renewed     time.Time `json:"renewTime"`
	Transitions int       `json:"leaseTransitions"`
}

// Lease returns the leader lease; the zero value if there is none.
func (g *Ground) Lease(ctx context.Context) (Lease, error) {
	var object struct{ Spec Lease }
	err := g.API(ctx, http.MethodGet, lease, nil, &object)
	if status := (*Status)(nil); errors.As(err, &status) && status.Code == http.StatusNotFound {
		err = nil
	}
	return object.Spec, err
}

// deleteLeases deletes the leases, as before the first deploy.
func (g *Ground) deleteLeases(ctx context.Context) error {
	err := g.API(ctx, http.MethodDelete, lease, nil, nil)
	if status := (*Status)(nil); errors.As(err, &status) && status.Code == http.StatusNotFound {
		err = nil
	}
	return err
}
