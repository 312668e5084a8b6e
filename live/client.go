// Package live reads from a running cluster: the leader lease, and the health of a
// kube-controller-manager. It changes nothing but a lease that is given back.
package live

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	coordination "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kcmgen/kcmgen/internal/regular"
)

const (
	// requestTimeout bounds a request, including its connection.
	requestTimeout = 10 * time.Second
	// pluginTimeout is added for a credential plugin: the user may have to log in.
	pluginTimeout = 2 * time.Minute

	userAgent = "kcmgen"
)

// Dial opens a connection, as net.Dialer's DialContext does. Through an SSH connection,
// addresses are those of the remote host's network.
type Dial = func(ctx context.Context, network, addr string) (net.Conn, error)

// Client reads from one kube-apiserver. It is safe for concurrent use.
type Client struct {
	server string
	user   string // the subject of its certificate
	plugin string // the credential plugin's command; empty: there is none
	rest   *rest.RESTClient
	config *rest.Config // of its credentials
}

// New returns a client for a kubeconfig's current context. base is the kubeconfig's
// directory, for relative paths in it. If dial isn't nil, it makes every connection, and
// only a proxy-url in the kubeconfig counts, no proxy of the environment. New doesn't
// connect.
func New(kubeconfig []byte, base string, dial Dial) (*Client, error) {
	cfg, err := restConfig(kubeconfig, base)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return connect(cfg, dial)
}

// Foreign is New for a kubeconfig from a host. It refuses one that names files, programs or
// proxies, so that a changed kubeconfig can't make this machine run a program or send a
// file.
func Foreign(kubeconfig []byte, dial Dial) (*Client, error) {
	all, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(all.AuthInfos)) {
		u := all.AuthInfos[name]
		if u.Exec != nil || u.AuthProvider != nil || u.ClientCertificate != "" || u.ClientKey != "" || u.TokenFile != "" {
			return nil, fmt.Errorf("kubeconfig: user %q has credentials that aren't in it: files, or a program to run", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all.Clusters)) {
		cl := all.Clusters[name]
		if cl.CertificateAuthority != "" || cl.ProxyURL != "" {
			return nil, fmt.Errorf("kubeconfig: cluster %q names a file or a proxy", name)
		}
	}
	cfg, err := restConfig(kubeconfig, "")
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return connect(cfg, dial)
}

func connect(cfg *rest.Config, dial Dial) (*Client, error) {
	c := &Client{user: subject(cfg.CertData), config: rest.CopyConfig(cfg)}
	if cfg.ExecProvider != nil {
		c.plugin = cfg.ExecProvider.Command
	}
	if dial != nil {
		cfg.Dial = dial
		if cfg.Proxy == nil {
			cfg.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
		}
	}
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return &bounded{rt} })
	// With HTTP/1.1 a request that times out closes its connection. With HTTP/2 the next
	// request would wait on the same dead connection.
	cfg.NextProtos = []string{"http/1.1"}
	cfg.QPS = -1 // the caller sets the pace
	cfg.WarningHandlerWithContext = rest.NoWarnings{}
	cfg.UserAgent = userAgent
	if err := c.speak(cfg); err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return c, nil
}

// speak makes a client of the one API group that is needed. The typed clientset would add
// 20 MB.
func (c *Client) speak(cfg *rest.Config) error {
	scheme := runtime.NewScheme()
	if err := coordination.AddToScheme(scheme); err != nil {
		return err
	}
	cfg.APIPath, cfg.GroupVersion = "/apis", &coordination.SchemeGroupVersion
	cfg.NegotiatedSerializer = serializer.NewCodecFactory(scheme).WithoutConversion()
	at, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return err
	}
	c.server = strings.TrimSuffix(at.Redacted(), "/")
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return err
	}
	// An apiserver never redirects, and credentials would be sent along.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.rest, err = rest.RESTClientForConfigAndClient(cfg, client)
	return err
}

// restConfig reads the current context of a kubeconfig.
func restConfig(kubeconfig []byte, base string) (*rest.Config, error) {
	all, err := clientcmd.Load(kubeconfig)
	if err != nil {
		return nil, err
	}
	name := all.CurrentContext
	context, ok := all.Contexts[name]
	switch {
	case name == "":
		return nil, errors.New("no current-context is set")
	case !ok:
		return nil, fmt.Errorf("the current-context %q is not among its contexts", name)
	}
	cluster := all.Clusters[context.Cluster]
	if cluster == nil || cluster.Server == "" {
		return nil, fmt.Errorf("the context %q has cluster %q, which names no server", name, context.Cluster)
	}
	if _, ok := all.AuthInfos[context.AuthInfo]; !ok && context.AuthInfo != "" {
		return nil, fmt.Errorf("the context %q has user %q, which is not among its users", name, context.AuthInfo)
	}
	if err := checkURLs(context.Cluster, cluster); err != nil {
		return nil, err
	}
	if err := resolve(all, base); err != nil {
		return nil, err
	}
	if err := checkFiles(cluster, all.AuthInfos[context.AuthInfo]); err != nil {
		return nil, err
	}
	return clientcmd.NewNonInteractiveClientConfig(*all, name, nil, nil).ClientConfig()
}

// checkURLs refuses bad URLs, which client-go would quote with the password in them.
func checkURLs(name string, c *api.Cluster) error {
	server := c.Server
	if !strings.Contains(server, "://") { // client-go takes that too
		server = "https://" + server
	}
	if u, err := url.Parse(server); err != nil || u.Host == "" || !slices.Contains([]string{"https", "http"}, u.Scheme) {
		return fmt.Errorf("cluster %q has a server that is none: it takes https://HOST:PORT", name)
	}
	if u, err := url.Parse(c.ProxyURL); err != nil || c.ProxyURL != "" && !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return fmt.Errorf("cluster %q has a proxy-url that is none: it takes http, https or socks5", name)
	}
	return nil
}

// maxFile is the maximum size of a file that a kubeconfig names, in bytes.
const maxFile = 1 << 20

// checkFiles refuses files that client-go would wait for or read without end. Missing files
// are left to client-go.
func checkFiles(c *api.Cluster, u *api.AuthInfo) error {
	names := []string{c.CertificateAuthority}
	if u != nil {
		names = append(names, u.ClientCertificate, u.ClientKey, u.TokenFile)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if _, err := regular.Check(name, maxFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// resolve makes relative paths start at base.
func resolve(all *api.Config, base string) error {
	origin := filepath.Join(base, "kubeconfig") // only its directory counts
	for _, c := range all.Clusters {
		c.LocationOfOrigin = origin
	}
	for _, u := range all.AuthInfos {
		u.LocationOfOrigin = origin
	}
	return clientcmd.ResolveLocalPaths(all)
}

// subject returns the user that a certificate names for RBAC, or "".
func subject(cert []byte) string {
	block, _ := pem.Decode(cert)
	if block == nil {
		return ""
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return c.Subject.CommonName
}

// User returns the user that the kubeconfig's certificate names; "" if it has none.
func (c *Client) User() string { return c.user }

// Certificate returns the kubeconfig's client certificate as PEM; nil if it has none.
func (c *Client) Certificate() []byte { return c.config.CertData }

// Server returns the apiserver's URL.
func (c *Client) Server() string { return c.server }

// Close closes idle connections.
func (c *Client) Close() { utilnet.CloseIdleConnectionsFor(c.rest.Client.Transport) }

// read runs one request.
func (c *Client) read(ctx context.Context, what string, request func(context.Context) error) error {
	return ask(ctx, c.server, what, c.plugin, request)
}

// ask runs one request to a server. It returns in time even if a credential plugin hangs,
// which can't be ended from here.
func ask(ctx context.Context, server, what, plugin string, request func(context.Context) error) error {
	limit := requestTimeout
	if plugin != "" {
		limit += pluginTimeout
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- request(within) }()
	var err error
	select {
	case err = <-done:
	case <-within.Done():
		err = &transportError{within.Err()}
		if plugin != "" && ctx.Err() == nil {
			return &Error{server, what, ErrCredentials, fmt.Errorf("the credential plugin %q has not ended after %s", plugin, pluginTimeout)}
		}
	}
	var known *Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return err // said already, or canceled by the caller
	}
	return explain(err, server, what)
}
