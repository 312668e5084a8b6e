package keys

import "strings"

// Ids of the key material that a cluster has once. A leaf's id is
// nodes/<node>/<use> or shared/<use>.
const (
	CA             = "ca"
	FrontProxyCA   = "front-proxy-ca"
	ServiceAccount = "sa"
)

// Bundle is key material by id.
type Bundle map[string]Pair

// Dir is the folder of key material in a cluster's tree.
const Dir = "pki"

// CertPath is where a certificate lies in a cluster's tree.
func CertPath(id string) string { return Dir + "/" + id + ".crt" }

// KeyPath is where a private key lies in a cluster's tree.
func KeyPath(id string) string { return Dir + "/" + id + ".key" }

// AddCert puts the file at a path into the bundle, if it is a certificate's.
func (b Bundle) AddCert(path string, data []byte) {
	if id, ok := idOf(path, ".crt"); ok {
		b[id] = Pair{Cert: data, Key: b[id].Key}
	}
}

// AddKey puts the file at a path into the bundle, if it is a private key's.
func (b Bundle) AddKey(path string, key Secret) {
	if id, ok := idOf(path, ".key"); ok {
		b[id] = Pair{Cert: b[id].Cert, Key: key}
	}
}

func idOf(path, suffix string) (string, bool) {
	id, ok := strings.CutPrefix(path, Dir+"/")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(id, suffix)
}
