package artefact

import (
	"strings"

	"sigs.k8s.io/yaml"
)

// KubeconfigOther is what a kubeconfig has beside the data of a client's certificate.
type KubeconfigOther struct {
	Ways       []string // what an export of kcmgen's doesn't write: fields, without their contents
	ClientFile string   // of the client's certificate
}

// OtherOfKubeconfig returns what the entries of a kubeconfig's current context have beside that.
// It has nothing of a kubeconfig that can't be read.
func OtherOfKubeconfig(data []byte) (out KubeconfigOther) {
	type named struct {
		Name    string         `json:"name"`
		Cluster map[string]any `json:"cluster"`
		User    map[string]any `json:"user"`
		Context struct{ Cluster, User string }
	}
	var k struct {
		Current  string  `json:"current-context"`
		Contexts []named `json:"contexts"`
		Clusters []named `json:"clusters"`
		Users    []named `json:"users"`
	}
	if yaml.Unmarshal(data, &k) != nil {
		return out
	}
	var cluster, user string
	for _, c := range k.Contexts {
		if c.Name == k.Current {
			cluster, user = c.Context.Cluster, c.Context.User
		}
	}
	for _, u := range k.Users {
		if u.Name != user {
			continue
		}
		for _, field := range []string{"token", "tokenFile", "exec", "auth-provider", "username", "as"} {
			if u.User[field] != nil {
				out.Ways = append(out.Ways, "the user's "+field+", for which an export writes a client certificate")
			}
		}
		if out.ClientFile, _ = u.User["client-certificate"].(string); out.ClientFile != "" {
			out.Ways = append(out.Ways, "client-certificate names a file: an export puts the certificate into the kubeconfig itself")
		}
	}
	for _, c := range k.Clusters {
		if c.Name != cluster {
			continue
		}
		for _, field := range []string{"tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression"} {
			if c.Cluster[field] != nil {
				out.Ways = append(out.Ways, "the cluster's "+field)
			}
		}
		if file, _ := c.Cluster["certificate-authority"].(string); file != "" {
			out.Ways = append(out.Ways, "certificate-authority names a file: an export puts the CA into the kubeconfig itself")
		}
		if server, _ := c.Cluster["server"].(string); strings.HasPrefix(server, "http://") {
			out.Ways = append(out.Ways, "the server's http: an export writes https")
		}
	}
	return out
}
