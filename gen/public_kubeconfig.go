package gen

import (
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/keys"
)

// kubeconfig takes which apiserver a kubeconfig names and its client's certificate. It notes
// what an export writes otherwise.
func (p *publicReader) kubeconfig(at, on string, first bool) {
	if p.out.Servers[p.node.Name] != "" || p.said["kubeconfig "+p.node.Name+" "+on] {
		return
	}
	p.said["kubeconfig "+p.node.Name+" "+on] = true
	data, _ := p.read(at, on)
	if len(data) == 0 {
		return
	}
	k, err := artefact.ParseKubeconfig(data)
	if err != nil || k.Server == "" {
		p.note("%s isn't taken: it is no kubeconfig whose current context names an apiserver", p.name(at))
		return
	}
	p.out.Servers[p.node.Name] = k.Server
	if !first {
		return
	}
	other := otherOfKubeconfig(data)
	for _, what := range other.ways {
		p.out.Kubeconfig = append(p.out.Kubeconfig, at+": "+what)
	}
	cert := k.Client
	if len(cert) == 0 && other.certFile != "" && p.root != nil {
		if file := other.certFile; path.IsAbs(file) {
			cert, _ = p.read(file, hostPath(p.node.Read, file))
		} else {
			cert, _ = p.read(path.Join(path.Dir(at), file), path.Join(path.Dir(on), file))
		}
	}
	if len(cert) == 0 {
		return
	}
	c, err := keys.ParseCertificate(cert)
	if err != nil {
		p.note("the client's certificate in %s isn't taken as one certificate: %v", p.name(at), err)
		return
	}
	p.out.Client = c
}

// kubeconfigOther is what a kubeconfig has beside the data of a client's certificate.
type kubeconfigOther struct {
	ways     []string // fields, without their contents
	certFile string
}

// otherOfKubeconfig returns what an export doesn't write.
func otherOfKubeconfig(data []byte) (out kubeconfigOther) {
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
				out.ways = append(out.ways, "the user's "+field+", for which an export writes a client certificate")
			}
		}
		if out.certFile, _ = u.User["client-certificate"].(string); out.certFile != "" {
			out.ways = append(out.ways, "client-certificate names a file: an export puts the certificate into the kubeconfig itself")
		}
	}
	for _, c := range k.Clusters {
		if c.Name != cluster {
			continue
		}
		for _, field := range []string{"tls-server-name", "insecure-skip-tls-verify", "proxy-url", "disable-compression"} {
			if c.Cluster[field] != nil {
				out.ways = append(out.ways, "the cluster's "+field)
			}
		}
		if file, _ := c.Cluster["certificate-authority"].(string); file != "" {
			out.ways = append(out.ways, "certificate-authority names a file: an export puts the CA into the kubeconfig itself")
		}
		if server, _ := c.Cluster["server"].(string); strings.HasPrefix(server, "http://") {
			out.ways = append(out.ways, "the server's http: an export writes https")
		}
	}
	return out
}
