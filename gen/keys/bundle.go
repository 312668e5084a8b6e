package keys

import "strings"

// Ids of key material of a cluster. The id of a leaf is nodes/<node>/<use> or
// shared/<use>.
const (
	CA             = "ca"
	FrontProxyCA   = "front-proxy-ca"
	ServiceAccount = "sa"
)

// Bundle is key material by id.
type Bundle map[string]Pair

// Dir is the directory of key material in a cluster's tree.
const Dir = "pki"

// CertPath is the path of a certificate in a cluster's tree.
func CertPath(id string) string { return Dir + "/" + id + ".crt" }

// KeyPath is the path of a private key in a cluster's tree.
func KeyPath(id string) string { return Dir + "/" + id + ".key" }

// PublicPath is the path of the public half of a pair without certificate.
func PublicPath(id string) string { return Dir + "/" + id + ".pub" }

// Add adds a file of a cluster's tree to the bundle, if it is key material. A missing
// file has no contents: its pair is in the bundle without that half.
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

// IsKeyPath reports whether Add takes a file of a cluster's tree as a private key.
func IsKeyPath(path string) bool {
	_, ok := idOf(path, ".key")
	return ok
}

// IsTrusted reports whether a file of a cluster's tree is a private key whose public
// half others trust: replacing it would lock them out.
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
