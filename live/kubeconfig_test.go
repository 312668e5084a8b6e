package live_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
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
	"time"

	"github.com/kcmgen/kcmgen/live"
)

// reader asks an apiserver, with the kubeconfig on stdin, and a kube-controller-manager,
// through a Dial that fails, or without one if DIRECT is set.
func reader() {
	text, err := io.ReadAll(os.Stdin)
	var asked []string
	dial := func(_ context.Context, _, addr string) (net.Conn, error) {
		asked = append(asked, addr)
		return nil, errors.New("no way")
	}
	if os.Getenv("DIRECT") != "" {
		dial = nil
	}
	c, err2 := live.New(text, ".", dial)
	if err := errors.Join(err, err2); err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Lease(context.Background(), "kube-system", "kube-controller-manager")
	cert, _ := pem.Decode([]byte(os.Getenv("CERT")))
	healthz := live.Healthz(context.Background(), "kcm.invalid:10257", pem.EncodeToMemory(cert), dial)
	server, err2 := c.At("metrics.invalid:10257", pem.EncodeToMemory(cert), dial)
	if err2 != nil {
		fmt.Println(err2)
		return
	}
	_, metrics := server.Metrics(context.Background())
	fmt.Println(asked, err, healthz, metrics)
}

// forms returns the ways in which kubeconfigs name credentials.
func forms(t *testing.T, dir string) map[string]string {
	t.Helper()
	cert, key := pair(t, "me")
	for name, data := range map[string]string{"me.crt": string(cert), "me.key": string(key), "token": canary + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plugin := func(as, more string) string {
		return fmt.Sprintf("exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: IfAvailable, env: [{name: %s, value: %s}%s]}", os.Args[0], role, as, more)
	}
	return map[string]string{
		"token":                "token: " + canary,
		"file of a token":      "tokenFile: token",
		"embedded certificate": fmt.Sprintf("client-certificate-data: %s, client-key-data: %s", base64PEM(cert), base64PEM(key)),
		"certificate files":    "client-certificate: me.crt, client-key: me.key",
		"password":             "username: me, password: " + canary,
		"credential plugin":    plugin("plugin", fmt.Sprintf(", {name: PLUGIN_TOKEN, value: %s}, {name: PLUGIN_FILE, value: %q}", canary, filepath.Join(dir, "ran"))),
	}
}

// TestKubeconfigs: every way to name a user and a CA in a kubeconfig works.
func TestKubeconfigs(t *testing.T) {
	s := serve(t, nil)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		certified := len(r.TLS.PeerCertificates) > 0 && r.TLS.PeerCertificates[0].Subject.CommonName == "me"
		if r.Header.Get("Authorization") == "Bearer "+canary || password == canary || certified {
			answer(w, http.StatusOK, lease)
			return
		}
		answer(w, http.StatusUnauthorized, unauthorized)
	})
	s.TLS.ClientAuth = tls.RequestClientCert
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), certOf(s), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, user := range forms(t, dir) {
		for _, ca := range []string{"certificate-authority: ca.crt", "certificate-authority-data: " + base64PEM(certOf(s)), "insecure-skip-tls-verify: true"} {
			t.Run(name+"/"+strings.SplitN(ca, ":", 2)[0], func(t *testing.T) {
				text := fmt.Sprintf(`
current-context: b
contexts: [{name: a, context: {cluster: a, user: a}}, {name: b, context: {cluster: b, user: b, namespace: other}}]
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}, {name: b, cluster: {server: %q, %s}}]
users: [{name: a, user: {token: wrong}}, {name: b, user: {%s}}]
`, s.URL, ca, user)
				for _, dial := range []live.Dial{nil, via(s.Listener.Addr())} {
					c, err := live.New([]byte(text), dir, dial)
					if err != nil {
						t.Fatal(err)
					}
					defer c.Close()
					if _, err := c.Lease(t.Context(), "kube-system", "kube-controller-manager"); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// TestBadKubeconfigs: a bad kubeconfig is refused before any connection, in one line and
// without its secrets.
func TestBadKubeconfigs(t *testing.T) {
	good := kubeconfig("https://127.0.0.1:1", certOf(serve(t, nil)))
	replaced := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q to replace", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct{ text, says string }{
		"empty":                   {"", "no current-context is set"},
		"not YAML":                {"\t{" + canary, "yaml"},
		"no kubeconfig":           {"token: " + canary, "no current-context is set"},
		"no context chosen":       {replaced("current-context: prod", ""), "no current-context is set"},
		"another context":         {replaced("current-context: prod", "current-context: old"), `"old" is not among its contexts`},
		"no such cluster":         {replaced("cluster: prod,", "cluster: x,"), `cluster "x", which names no server`},
		"no such user":            {replaced("user: me", "user: you"), `user "you", which is not among its users`},
		"no certificate":          {replaced("certificate-authority-data: ", "certificate-authority-data: AAAA"), "unable to load root certificates"},
		"no CA file":              {replaced("certificate-authority-data: ", "certificate-authority: none.crt, x: "), "none.crt"},
		"no token file":           {replaced("token: "+canary, "tokenFile: none"), "none: no such file"},
		"no key":                  {replaced("token: "+canary, "client-certificate: me.crt"), "client-key"},
		"proxy of another kind":   {replaced("{server", "{proxy-url: \"ftp://u:"+canary+"@proxy\", server"), `cluster "prod" has a proxy-url that is none`},
		"proxy that is no URL":    {replaced("{server", "{proxy-url: \"http://u:"+canary+"@ proxy\", server"), `cluster "prod" has a proxy-url that is none`},
		"server that is no URL":   {replaced("https://127.0.0.1:1", "https://u:"+canary+"@ :6443"), `cluster "prod" has a server that is none`},
		"server of another kind":  {replaced("https://127.0.0.1:1", "ssh://u:"+canary+"@h:6443"), `cluster "prod" has a server that is none`},
		"plugin of another time":  {replaced("token: "+canary, "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x, interactiveMode: Never}"), "v1alpha1"},
		"provider of a cloud":     {replaced("token: "+canary, "auth-provider: {name: gcp, config: {access-token: "+canary+"}}"), "gcp"},
		"provider that was built": {replaced("token: "+canary, "auth-provider: {name: oidc, config: {id-token: "+canary+"}}"), `no Auth Provider found for name "oidc"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := live.New([]byte(c.text), t.TempDir(), nil)
			if err == nil || !strings.HasPrefix(err.Error(), "kubeconfig: ") || !strings.Contains(err.Error(), c.says) ||
				strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v\nwant, without the secret: kubeconfig: … %s", err, c.says)
			}
			t.Log(err)
		})
	}
}

// TestPlugin: the error says that a credential plugin failed, and one that hangs doesn't
// block the caller.
func TestPlugin(t *testing.T) {
	var asked atomic.Bool
	s := serve(t, func(http.ResponseWriter, *http.Request) { asked.Store(true) })
	with := func(command, as, file string) *live.Client {
		return newClient(t, strings.Replace(kubeconfig(s.URL, certOf(s)), "token: "+canary, fmt.Sprintf(
			"exec: {apiVersion: client.authentication.k8s.io/v1, command: %q, interactiveMode: Never, env: [{name: %s, value: %q}, {name: PLUGIN_FILE, value: %q}]}",
			command, role, as, file), 1), nil)
	}
	_, err := with(os.Args[0], "broken plugin", "").Lease(t.Context(), "kube-system", "kube-controller-manager")
	isOnly(t, err, live.ErrCredentials, "exit code 7")

	_, err = with(filepath.Join(t.TempDir(), "none"), "", "").Lease(t.Context(), "kube-system", "kube-controller-manager")
	isOnly(t, err, live.ErrCredentials, "no such file")

	file := filepath.Join(t.TempDir(), "until I am gone")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = with(os.Args[0], "stuck plugin", file).Lease(ctx, "kube-system", "kube-controller-manager")
	isOnly(t, err, live.ErrTimeout, "")
	if asked.Load() {
		t.Error("a request was sent without credentials")
	}
}

// proxy is an HTTP proxy that always connects to one address, and counts requests.
func proxy(t *testing.T, to net.Addr) (*httptest.Server, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if r.Method != http.MethodConnect {
			http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
			return
		}
		out, err := net.Dial("tcp", to.String())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer out.Close()
		in, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer in.Close()
		_, _ = io.WriteString(in, "HTTP/1.1 200 Connection established\r\n\r\n")
		go func() { _, _ = io.Copy(out, in) }()
		_, _ = io.Copy(in, out)
	}))
	t.Cleanup(s.Close)
	return s, &n
}

// TestProxy: the environment's proxy is used for direct connections, never through a host.
// The kubeconfig's own is always used. A kube-controller-manager is asked without any.
func TestProxy(t *testing.T) {
	s := serve(t, giveLease)
	p, n := proxy(t, s.Listener.Addr())
	text := kubeconfig("https://example.com:6443", certOf(s))
	env := []string{"HTTPS_PROXY=" + p.URL, "HTTP_PROXY=" + p.URL, "ALL_PROXY=" + p.URL, "CERT=" + string(certOf(s))}

	out := child(t, "reader", text, env...)
	if !strings.HasPrefix(out, "[example.com:6443 kcm.invalid:10257 metrics.invalid:10257] ") || n.Load() != 0 {
		t.Errorf("through a host: %d requests to the proxy, and\n%s", n.Load(), out)
	}
	out = child(t, "reader", text, append(env, "DIRECT=1")...)
	if !strings.HasPrefix(out, "[] <nil> ") || !strings.Contains(out, "can't be reached: dial tcp: lookup kcm.invalid") ||
		!strings.Contains(out, "can't be reached: dial tcp: lookup metrics.invalid") || n.Load() != 1 {
		t.Errorf("from here: %d requests to the proxy, and\n%s", n.Load(), out)
	}
	own := strings.Replace(text, "{server", fmt.Sprintf("{proxy-url: %q, server", p.URL), 1)
	for i, dial := range []live.Dial{nil, via(p.Listener.Addr())} {
		if _, err := newClient(t, own, dial).Lease(t.Context(), "kube-system", "kube-controller-manager"); err != nil || int(n.Load()) != i+2 {
			t.Errorf("the kubeconfig's own: %d requests to the proxy, %v", n.Load(), err)
		}
	}
}
