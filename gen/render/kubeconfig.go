package render

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// kubeconfig embeds the CA, the client certificate and its key. In its identity
// the key's public half takes the key's place.
func kubeconfig(c *spec.Cluster, h plan.Host, ca []byte, client keys.Pair) (file, error) {
	public, err := client.Identity()
	if err != nil {
		return file{}, fmt.Errorf("kubeconfig: client key: %w", err)
	}
	secret, err := encodeKubeconfig(c, h, ca, client.Cert, client.Key.Reveal())
	if err != nil {
		return file{}, err
	}
	identity, err := encodeKubeconfig(c, h, ca, client.Cert, public)
	if err != nil {
		return file{}, err
	}
	return file{role: spec.KubeconfigFile, secret: keys.NewSecret(secret), identity: identity}, nil
}

func encodeKubeconfig(c *spec.Cluster, h plan.Host, ca, cert, key []byte) ([]byte, error) {
	k := c.Kubeconfig
	cfg := api.NewConfig()
	cfg.Clusters[k.Cluster] = &api.Cluster{Server: c.Endpoint(h.Node), CertificateAuthorityData: ca}
	cfg.AuthInfos[k.User] = &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	cfg.Contexts[k.Context] = &api.Context{Cluster: k.Cluster, AuthInfo: k.User}
	cfg.CurrentContext = k.Context
	data, err := clientcmd.Write(*cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return data, nil
}
