package render

import (
	"encoding/json"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// kubeconfig embeds the CA, the client certificate and its key.
func kubeconfig(c *spec.Cluster, h plan.Host, ca []byte, client keys.Pair) (file, error) {
	public, err := client.Identity()
	if err != nil {
		return file{}, fmt.Errorf("kubeconfig: client key: %w", err)
	}
	k, server := c.Kubeconfig, c.Endpoint(h.Node)
	cfg := api.NewConfig()
	cfg.Clusters[k.Cluster] = &api.Cluster{Server: server, CertificateAuthorityData: ca}
	cfg.AuthInfos[k.User] = &api.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key.Reveal()}
	cfg.Contexts[k.Context] = &api.Context{Cluster: k.Cluster, AuthInfo: k.User}
	cfg.CurrentContext = k.Context
	data, err := clientcmd.Write(*cfg)
	if err != nil {
		return file{}, fmt.Errorf("kubeconfig: %w", err)
	}
	// What the file says, with the key's public half in the key's place.
	identity, err := json.Marshal([]string{server, k.Cluster, k.User, k.Context, string(ca), string(client.Cert), string(public)})
	return file{role: spec.KubeconfigFile, secret: keys.NewSecret(data), identity: identity}, err
}
