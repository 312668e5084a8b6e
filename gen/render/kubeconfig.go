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

// kubeconfig embeds the CA, the client certificate and its key.
func kubeconfig(c *spec.Cluster, h plan.Host, ca []byte, client keys.Pair) (file, error) {
	f, err := newKubeconfigForm(c, ca, client)
	if err != nil {
		return file{}, err
	}
	return f.file(c.Endpoint(h.Node))
}

// kubeconfigForm makes kubeconfigs that differ in the server alone.
type kubeconfigForm struct {
	cluster       *spec.Cluster
	ca            []byte
	client        keys.Pair
	public        []byte // the client key's public half
	before, after []byte // of the server, where they are known
}

func newKubeconfigForm(c *spec.Cluster, ca []byte, client keys.Pair) (*kubeconfigForm, error) {
	public, err := client.Identity()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: client key: %w", err)
	}
	return &kubeconfigForm{cluster: c, ca: ca, client: client, public: public}, nil
}

// anyServer stands for the server in a form.
const anyServer = "https://server.invalid:6443"

// sharedKubeconfig is a form for many servers: what is the same in all of them,
// a certificate that may name a thousand nodes, is encoded once. (clientcmd goes
// through JSON to YAML.)
func sharedKubeconfig(c *spec.Cluster, ca []byte, client keys.Pair) (*kubeconfigForm, error) {
	f, err := newKubeconfigForm(c, ca, client)
	if err != nil {
		return nil, err
	}
	text, err := f.encode(anyServer)
	// A name in it may be anything, even this.
	if bytes.Count(text, []byte(anyServer)) == 1 {
		f.before, f.after, _ = bytes.Cut(text, []byte(anyServer))
	}
	return f, err
}

func (f *kubeconfigForm) file(server string) (file, error) {
	text, err := f.text(server)
	if err != nil {
		return file{}, fmt.Errorf("kubeconfig: %w", err)
	}
	k := f.cluster.Kubeconfig
	// What the file says, with the key's public half in the key's place.
	identity, err := json.Marshal([]string{server, k.Cluster, k.User, k.Context, string(f.ca), string(f.client.Cert), string(f.public)})
	return file{role: spec.KubeconfigFile, secret: keys.NewSecret(text), identity: identity}, err
}

// text is what encode returns: clientcmd writes YAML by the same encoder.
func (f *kubeconfigForm) text(server string) ([]byte, error) {
	if f.before == nil {
		return f.encode(server)
	}
	scalar, err := encodeYAML(server)
	return slices.Concat(f.before, bytes.TrimSuffix(scalar, []byte("\n")), f.after), err
}

func (f *kubeconfigForm) encode(server string) ([]byte, error) {
	k := f.cluster.Kubeconfig
	cfg := api.NewConfig()
	cfg.Clusters[k.Cluster] = &api.Cluster{Server: server, CertificateAuthorityData: f.ca}
	cfg.AuthInfos[k.User] = &api.AuthInfo{ClientCertificateData: f.client.Cert, ClientKeyData: f.client.Key.Reveal()}
	cfg.Contexts[k.Context] = &api.Context{Cluster: k.Cluster, AuthInfo: k.User}
	cfg.CurrentContext = k.Context
	return clientcmd.Write(*cfg)
}
