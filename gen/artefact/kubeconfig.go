package artefact

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// KubeconfigPublic is what a kubeconfig says that isn't secret.
type KubeconfigPublic struct {
	Server string
	// Cluster, User and Context are the names of its current context's entries.
	Cluster, User, Context string
	// Authority is the certificate of the CA in PEM; nil if it has none in it.
	Authority []byte
	// Client is the client certificate in PEM; nil if it has none in it.
	Client []byte
}

// ParseKubeconfig returns the public parts of the entries of a kubeconfig's current context.
func ParseKubeconfig(data []byte) (KubeconfigPublic, error) {
	var k struct {
		CurrentContext string `json:"current-context"`
		Contexts       []struct {
			Name    string
			Context struct{ Cluster, User string }
		}
		Clusters []struct {
			Name    string
			Cluster struct {
				Server    string
				Authority []byte `json:"certificate-authority-data"`
			}
		}
		Users []struct {
			Name string
			User struct {
				Certificate []byte `json:"client-certificate-data"`
			}
		}
	}
	if err := yaml.Unmarshal(data, &k); err != nil {
		return KubeconfigPublic{}, fmt.Errorf("reading kubeconfig: it isn't YAML as kubeconfigs are") // the cause may have a key in it
	}
	var out KubeconfigPublic
	for _, c := range k.Contexts {
		if c.Name != k.CurrentContext {
			continue
		}
		out.Cluster, out.User, out.Context = c.Context.Cluster, c.Context.User, c.Name
		for _, cluster := range k.Clusters {
			if cluster.Name == c.Context.Cluster {
				out.Server, out.Authority = cluster.Cluster.Server, cluster.Cluster.Authority
			}
		}
		for _, u := range k.Users {
			if u.Name == c.Context.User {
				out.Client = u.User.Certificate
			}
		}
	}
	return out, nil
}

// PodMap returns a manifest in the form of JSON.
func PodMap(data []byte) (map[string]any, error) {
	var m map[string]any
	if err := yaml.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading pod: %w", err)
	}
	return m, nil
}

// JSON converts YAML, such as kubectl prints it.
func JSON(data []byte) ([]byte, error) { return yaml.YAMLToJSON(data) }
