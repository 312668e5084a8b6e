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

// Dir is the directory of key material in a cluster's tree.
const Dir = "pki"

// CertPath is where a certificate lies in a cluster's tree.
func CertPath(id string) string { return Dir + "/" + id + ".crt" }

// KeyPath is where a private key lies in a cluster's tree.
func KeyPath(id string) string { return Dir + "/" + id + ".key" }

// PublicPath is where the public half of a pair without certificate lies.
func PublicPath(id string) string { return Dir + "/" + id + ".pub" }

// Add puts a file of a cluster's tree into the bundle, if it is key material. A
// file that is no longer there has no contents: its pair is then in the bundle
// without that half.
func (b Bundle) Add(path string, public []byte, secret Secret) {
	if id, ok := idOf(path, ".crt"); ok {
		p := b[id]
		p.Cert = public
		b[id] = p
	}
	if id, ok := idOf(path, ".pub"); ok {
		p := b[id]
		p.Public = public
		b[id] = p
	}
	if id, ok := idOf(path, ".key"); ok {
		p := b[id]
		p.Key = secret
		b[id] = p
	}
}

// IsKeyPath reports whether a file of a cluster's tree would be a private key
// in the bundle.
func IsKeyPath(path string) bool {
	_, ok := idOf(path, ".key")
	return ok
}

// IsTrusted reports whether a file of a cluster's tree is a private key whose
// public half others trust: a new one in its place would lock them out.
func IsTrusted(path string) bool {
	return path == KeyPath(CA) || path == KeyPath(FrontProxyCA) || path == KeyPath(ServiceAccount)
}

func idOf(path, suffix string) (string, bool) {
	id, ok := strings.CutPrefix(path, Dir+"/")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(id, suffix)
}
