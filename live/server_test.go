package live_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kcmgen/kcmgen/live"
)

// at returns the kube-controller-manager that s plays, with a certificate to expect.
func at(t *testing.T, c *live.Client, s *httptest.Server, cert []byte) *live.Server {
	t.Helper()
	server, err := c.At(s.Listener.Addr().String(), cert, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// asked returns what a server is asked for: all that a kube-controller-manager's port is.
func asked(server *live.Server) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"/metrics": func(ctx context.Context) error { _, err := server.Metrics(ctx); return err },
		"/flagz":   func(ctx context.Context) error { _, err := server.Flagz(ctx); return err },
	}
}

// giveAll answers with metrics and flags.
func giveAll(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/flagz" {
		answer(w, http.StatusOK, flagz)
		return
	}
	_, _ = w.Write([]byte(metricsPage))
}

// TestPinned: a server with another certificate than the expected one isn't asked, so it
// gets no token.
func TestPinned(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		giveAll(w, r)
	})
	own, key := pair(t, "kube-controller-manager")
	c := newClient(t, kubeconfig("https://127.0.0.1:1", own), nil)
	for path, ask := range asked(at(t, c, s, own)) {
		t.Run(path, func(t *testing.T) {
			isOnly(t, ask(t.Context()), live.ErrUntrusted, "not the one that was installed")
		})
	}
	// Only the file's first certificate counts.
	for path, ask := range asked(at(t, c, s, append(own, certOf(s)...))) {
		t.Run("first/"+path, func(t *testing.T) {
			isOnly(t, ask(t.Context()), live.ErrUntrusted, "not the one that was installed")
		})
	}
	if n.Load() != 0 {
		t.Errorf("another certificate's holder was asked %d times", n.Load())
	}
	for path, ask := range asked(at(t, c, s, append(certOf(s), own...))) {
		if err := ask(t.Context()); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if n.Load() != 2 {
		t.Errorf("it was asked %d times, not twice", n.Load())
	}
	// What isn't a certificate doesn't mean that any is good.
	for _, none := range []string{"x", "\n", string(key), strings.ReplaceAll(string(own), "CERTIFICATE", "PUBLIC KEY")} {
		if _, err := c.At(s.Listener.Addr().String(), []byte(none), nil); err == nil || !strings.Contains(err.Error(), "no PEM certificate") {
			t.Errorf("%.20q: %v", none, err)
		}
	}
}

// TestServerCredentials: to the expected server, every kind of credentials is sent. To any
// other, only a client certificate is shown, and no credential plugin runs.
func TestServerCredentials(t *testing.T) {
	var last atomic.Pointer[http.Request]
	s := serve(t, nil)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last.Store(r)
		giveAll(w, r)
	})
	s.TLS.ClientAuth = tls.RequestClientCert
	dir := t.TempDir()
	ran := filepath.Join(dir, "ran")
	for name, user := range forms(t, dir) {
		text := fmt.Sprintf(`
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: %s}}]
users: [{name: u, user: {%s}}]
`, base64PEM(certOf(s)), user)
		c, err := live.New([]byte(text), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		certified, plugin := strings.Contains(name, "certificate"), name == "credential plugin"
		for _, cert := range [][]byte{nil, {}, certOf(s)} { // the plugin's token is kept, so none comes first
			for path, ask := range asked(at(t, c, s, cert)) {
				t.Run(fmt.Sprintf("%s/%d/%s", name, len(cert), path), func(t *testing.T) {
					last.Store(nil)
					if err := ask(t.Context()); err != nil {
						t.Fatal(err)
					}
					r := last.Load()
					_, password, _ := r.BasicAuth()
					auth := r.Header.Get("Authorization")
					switch {
					case certified != (len(r.TLS.PeerCertificates) == 1) || r.UserAgent() != "kcmgen":
						t.Errorf("%d client certificates, from %q", len(r.TLS.PeerCertificates), r.UserAgent())
					case len(cert) == 0 && (auth != "" || strings.Contains(fmt.Sprint(r.Header), canary)):
						t.Errorf("it was sent: %v", r.Header)
					case len(cert) > 0 && !certified && auth != "Bearer "+canary && password != canary:
						t.Errorf("it wasn't sent: %v", r.Header)
					}
					if _, err := os.Stat(ran); plugin && (err == nil) != (len(cert) > 0) {
						t.Errorf("whether the plugin ran: %v", err)
					}
				})
			}
		}
	}
}

// TestServerPlugin: a credential plugin that fails, or hangs, costs a request only.
func TestServerPlugin(t *testing.T) {
	var n atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { n.Add(1) })
	file := filepath.Join(t.TempDir(), "until I am gone")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(as string) *live.Server {
		return at(t, newClient(t, strings.Replace(kubeconfig(s.URL, certOf(s)), "token: "+canary, fmt.Sprintf(
			"exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: Never, env: [{name: %s, value: %q}, {name: PLUGIN_FILE, value: %q}]}",
			os.Args[0], role, as, file), 1), nil), s, certOf(s))
	}
	_, err := with("broken plugin").Metrics(t.Context())
	isOnly(t, err, live.ErrCredentials, "exit code 7")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	got, err := with("stuck plugin").Metrics(ctx)
	isOnly(t, err, live.ErrTimeout, "")
	if got != nil || n.Load() != 0 {
		t.Errorf("%v, after %d requests without credentials", got, n.Load())
	}
}

// TestServerPluginStalls: with a credential plugin, which may take long, a server that stalls
// still costs ten seconds.
func TestServerPluginStalls(t *testing.T) {
	plugin := forms(t, t.TempDir())["credential plugin"]
	synctest.Test(t, func(t *testing.T) {
		s := pipes(t, func(w http.ResponseWriter, r *http.Request) {
			if _, _ = io.WriteString(w, built); r.Header.Get("Authorization") != "" {
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}
		})
		c := newClient(t, strings.Replace(kubeconfig(s.url(), s.cert), "token: "+canary, plugin, 1), nil)
		server, err := c.At(s.addr(), s.cert, s.dial)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = server.Metrics(t.Context()) // the server ends its page when it is left
		isOnly(t, err, live.ErrTimeout, "in time")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestServerConnections: every connection is made by the Dial, requests share one, and Close
// leaves none behind, whatever the credentials are.
func TestServerConnections(t *testing.T) {
	cert, key := pair(t, "me")
	for name, user := range map[string]string{
		"token": "token: " + canary, "password": "username: me, password: " + canary, "none": "",
		"certificate": fmt.Sprintf("client-certificate-data: %s, client-key-data: %s", base64PEM(cert), base64PEM(key)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := pipes(t, giveAll)
				c := newClient(t, strings.Replace(kubeconfig("https://127.0.0.1:1", s.cert), "token: "+canary, user, 1), nil)
				var dials, closed atomic.Int32
				server, err := c.At("kcm.invalid:10257", s.cert, func(ctx context.Context, network, addr string) (net.Conn, error) {
					if dials.Add(1); network != "tcp" || addr != "kcm.invalid:10257" {
						t.Errorf("dialled: %s %s", network, addr)
					}
					conn, err := s.dial(ctx, network, addr)
					return &closing{conn, &closed}, err
				})
				if err != nil {
					t.Fatal(err)
				}
				for range 3 {
					for path, ask := range asked(server) {
						if err := ask(t.Context()); err != nil {
							t.Fatalf("%s: %v", path, err)
						}
					}
				}
				if synctest.Wait(); dials.Load() != 1 || closed.Load() != 0 {
					t.Errorf("6 requests took %d connections, %d are closed", dials.Load(), closed.Load())
				}
				server.Close()
				if synctest.Wait(); closed.Load() != 1 {
					t.Error("the connection is open after Close")
				}
			})
		})
	}
}

// TestRefusals: every status leads to one reason, and no redirect is followed.
func TestRefusals(t *testing.T) {
	var elsewhere atomic.Bool
	other := serve(t, func(http.ResponseWriter, *http.Request) { elsewhere.Store(true) })
	for status, want := range map[int]error{
		401: live.ErrUnauthorized, 403: live.ErrForbidden, 404: live.ErrNotServed, 406: live.ErrNotServed,
		429: live.ErrUnavailable, 500: live.ErrUnavailable, 503: live.ErrUnavailable,
		204: live.ErrAnswer, 302: live.ErrAnswer, 307: live.ErrAnswer, 400: live.ErrAnswer,
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", other.URL+r.URL.Path)
			w.Header().Set("Retry-After", "3600")
			answer(w, status, fmt.Sprintf(`{"kind":"Status","message":%q}`, r.Header.Get("Authorization")))
		})
		for path, ask := range asked(at(t, newClient(t, kubeconfig(s.URL, certOf(s)), nil), s, certOf(s))) {
			t.Run(fmt.Sprintf("%d%s", status, path), func(t *testing.T) {
				isOnly(t, ask(t.Context()), want, "reading "+path+": "+s.Listener.Addr().String()+" ")
			})
		}
	}
	if elsewhere.Load() {
		t.Error("a redirect was followed")
	}
}
