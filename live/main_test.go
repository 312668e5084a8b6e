package live_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/live"
)

// role is the variable that makes this program act as something other than the tests.
const role = "KCMGEN_LIVE_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "plugin": // a credential plugin, as a kubeconfig names them
		if name := os.Getenv("PLUGIN_FILE"); name != "" {
			_ = os.WriteFile(name, nil, 0o600) // shows that it ran
		}
		fmt.Printf(`{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": %q}}`, os.Getenv("PLUGIN_TOKEN"))
	case "broken plugin":
		os.Exit(7)
	case "stuck plugin": // until the test is over
		for {
			if _, err := os.Stat(os.Getenv("PLUGIN_FILE")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	case "reader": // prints which addresses were dialled
		reader()
	}
}

// child runs this program in another role and returns its output. It must print nothing to
// standard error.
func child(t *testing.T, as, stdin string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(need.Time(t), os.Args[0])
	cmd.Env = append(env, role+"="+as, "HOME="+t.TempDir())
	var out, errs strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	return out.String()
}

// canary stands for a secret: no error may hold it.
const canary = "canary-5f1c9a"

// kubeconfig returns a kubeconfig with an embedded CA and a token.
func kubeconfig(server string, ca []byte) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Config
current-context: prod
contexts: [{name: prod, context: {cluster: prod, user: me}}]
clusters: [{name: prod, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: me, user: {token: %s}}]
`, server, base64PEM(ca), canary)
}

func newClient(t testing.TB, kubeconfig string, dial live.Dial) *live.Client {
	t.Helper()
	c, err := live.New([]byte(kubeconfig), t.TempDir(), dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// serve starts a TLS server, without a log.
func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = quiet()
	s.EnableHTTP2 = true // as an apiserver does
	s.StartTLS()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func certOf(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

const path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager"

// lease is the answer of an apiserver v1.37.1.
const lease = `{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"kube-controller-manager","namespace":"kube-system","uid":"5a2d","resourceVersion":"4711","creationTimestamp":"2026-05-04T10:00:00Z"},` +
	`"spec":{"holderIdentity":"cp_1.example_0b3e2d52-6f4c-4d0e-9a52-1c6f0b6f2f3a","leaseDurationSeconds":15,"acquireTime":"2026-05-04T10:00:01.000002Z","renewTime":"2026-05-04T10:05:06.789012Z","leaseTransitions":3}}`

func answer(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body)
}

// giveLease answers authenticated requests with the lease.
func giveLease(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != path:
		answer(w, http.StatusNotFound, `{}`)
	case r.Header.Get("Authorization") != "Bearer "+canary:
		answer(w, http.StatusUnauthorized, unauthorized)
	default:
		w.Header().Set("Warning", `299 - "coordination.k8s.io/v1 Lease is old"`) // must not be shown
		answer(w, http.StatusOK, lease)
	}
}

const unauthorized = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}`

// pair makes a self-signed certificate and its key, as PEM.
func pair(t testing.TB, cn string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, form, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}
