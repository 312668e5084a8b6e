package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// kubeconfig makes a kubeconfig with the CA, the client certificate and its key embedded.
func kubeconfig(c *spec.Cluster, h plan.Host, ca []byte, client keys.Pair) (file, error) {
	f, err := newKubeconfigTemplate(c, ca, client)
	if err != nil {
		return file{}, err
	}
	return f.file(c.Endpoint(h.Node))
}

// kubeconfigTemplate makes kubeconfigs that differ in the server only.
type kubeconfigTemplate struct {
	cluster       *spec.Cluster
	ca            []byte
	client        keys.Pair
	public        []byte // the client key's public half
	before, after []byte // the text around the server; nil if not known
}

func newKubeconfigTemplate(c *spec.Cluster, ca []byte, client keys.Pair) (*kubeconfigTemplate, error) {
	public, err := client.Identity()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: client key: %w", err)
	}
	return &kubeconfigTemplate{cluster: c, ca: ca, client: client, public: public}, nil
}

// anyServer is the placeholder for the server in a template.
const anyServer = "https://server.invalid:6443"

// sharedKubeconfig returns a template for many servers. It encodes the common part once,
// with a certificate that may name a thousand nodes: clientcmd is slow, it encodes JSON
// and then YAML.
func sharedKubeconfig(c *spec.Cluster, ca []byte, client keys.Pair) (*kubeconfigTemplate, error) {
	f, err := newKubeconfigTemplate(c, ca, client)
	if err != nil {
		return nil, err
	}
	text, err := f.encode(anyServer)
	// A name in the kubeconfig may contain the placeholder.
	if bytes.Count(text, []byte(anyServer)) == 1 {
		f.before, f.after, _ = bytes.Cut(text, []byte(anyServer))
	}
	return f, err
}

func (f *kubeconfigTemplate) file(server string) (file, error) {
	text, err := f.text(server)
	if err != nil {
		return file{}, fmt.Errorf("kubeconfig: %w", err)
	}
	k := f.cluster.Kubeconfig
	// The contents, with the public half in place of the key.
	identity, err := json.Marshal([]string{server, k.Cluster, k.User, k.Context, string(f.ca), string(f.client.Cert), string(f.public)})
	return file{role: spec.KubeconfigFile, secret: keys.NewSecret(text), identity: identity}, err
}

// text returns the same as encode: clientcmd uses the same YAML encoder.
func (f *kubeconfigTemplate) text(server string) ([]byte, error) {
	if f.before == nil {
		return f.encode(server)
	}
	scalar, err := encodeYAML(server)
	return slices.Concat(f.before, bytes.TrimSuffix(scalar, []byte("\n")), f.after), err
}

func (f *kubeconfigTemplate) encode(server string) ([]byte, error) {
	k := f.cluster.Kubeconfig
	cfg := api.NewConfig()
	cfg.Clusters[k.Cluster] = &api.Cluster{Server: server, CertificateAuthorityData: f.ca}
	cfg.AuthInfos[k.User] = &api.AuthInfo{ClientCertificateData: f.client.Cert, ClientKeyData: f.client.Key.Reveal()}
	cfg.Contexts[k.Context] = &api.Context{Cluster: k.Cluster, AuthInfo: k.User}
	cfg.CurrentContext = k.Context
	return clientcmd.Write(*cfg)
}
