package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// kubeconfigs makes a cluster's kubeconfigs, with the CA, the client certificate and its key
// embedded. clientcmd is slow, it encodes JSON and then YAML: so it encodes what they have
// in common once, and the rest is put in.
type kubeconfigs struct {
	cluster *spec.Cluster
	ca      []byte
	parts   [][]byte // the text around what differs; nil if it can't be separated
	order   []int    // what is between the parts, as indices of differs

	mu       sync.Mutex
	identity map[string][]byte // public halves, by key: hosts may share a client
}

// Placeholders for what differs between kubeconfigs.
const (
	anyServer = "https://server.invalid:6443"
	anyCert   = "-----BEGIN CERTIFICATE-----placeholder"
	anyKey    = "-----BEGIN PRIVATE KEY-----placeholder"
)

// differs returns what differs between kubeconfigs, as it is in the text. Only a server
// may need quotes: base64 of PEM begins with letters and has none of YAML's marks.
func differs(server string, cert, key []byte) ([][]byte, error) {
	scalar, err := encodeYAML(server)
	return [][]byte{
		bytes.TrimSuffix(scalar, []byte("\n")),
		base64.StdEncoding.AppendEncode(nil, cert), base64.StdEncoding.AppendEncode(nil, key),
	}, err
}

func newKubeconfigs(c *spec.Cluster, ca []byte) (*kubeconfigs, error) {
	f := &kubeconfigs{cluster: c, ca: ca, identity: map[string][]byte{}}
	text, err := f.encode(anyServer, []byte(anyCert), []byte(anyKey))
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	places, err := differs(anyServer, []byte(anyCert), []byte(anyKey))
	if err != nil {
		return nil, err
	}
	at := make([]int, len(places))
	for i, p := range places {
		if bytes.Count(text, p) != 1 { // a name in the kubeconfig may contain the placeholder
			return f, nil
		}
		at[i] = bytes.Index(text, p)
		f.order = append(f.order, i)
	}
	slices.SortFunc(f.order, func(a, b int) int { return at[a] - at[b] })
	end := 0
	for _, i := range f.order {
		f.parts = append(f.parts, text[end:at[i]])
		end = at[i] + len(places[i])
	}
	f.parts = append(f.parts, text[end:])
	return f, nil
}

// public returns the public half of a client's key.
func (f *kubeconfigs) public(name string, client keys.Pair) ([]byte, error) {
	f.mu.Lock()
	got := f.identity[name]
	f.mu.Unlock()
	if got != nil {
		return got, nil
	}
	got, err := client.Identity()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.identity[name] = got
	return got, err
}

// file makes the kubeconfig for a server and a client, whose key has a name.
func (f *kubeconfigs) file(server, name string, client keys.Pair) (file, error) {
	public, err := f.public(name, client)
	if err != nil {
		return file{}, fmt.Errorf("kubeconfig: client key: %w", err)
	}
	text, err := f.text(server, client)
	if err != nil {
		return file{}, fmt.Errorf("kubeconfig: %w", err)
	}
	k := f.cluster.Kubeconfig
	// The contents, with the public half in place of the key.
	identity, err := json.Marshal([]string{server, k.Cluster, k.User, k.Context, string(f.ca), string(client.Cert), string(public)})
	return file{role: spec.KubeconfigFile, secret: keys.NewSecret(text), identity: identity}, err
}

// text returns the same as encode.
func (f *kubeconfigs) text(server string, client keys.Pair) ([]byte, error) {
	cert, key := client.Cert, client.Key.Reveal()
	if f.parts == nil || !bytes.HasPrefix(cert, []byte("-----BEGIN ")) || !bytes.HasPrefix(key, []byte("-----BEGIN ")) {
		return f.encode(server, cert, key)
	}
	values, err := differs(server, cert, key)
	if err != nil {
		return nil, err
	}
	out := bytes.Clone(f.parts[0])
	for n, i := range f.order {
		out = append(append(out, values[i]...), f.parts[n+1]...)
	}
	return out, nil
}

func (f *kubeconfigs) encode(server string, cert, key []byte) ([]byte, error) {
	k := f.cluster.Kubeconfig
	cfg := api.NewConfig()
	cfg.Clusters[k.Cluster] = &api.Cluster{Server: server, CertificateAuthorityData: f.ca}
	cfg.AuthInfos[k.User] = &api.AuthInfo{ClientCertificateData: cert, ClientKeyData: key}
	cfg.Contexts[k.Context] = &api.Context{Cluster: k.Cluster, AuthInfo: k.User}
	cfg.CurrentContext = k.Context
	return clientcmd.Write(*cfg)
}
