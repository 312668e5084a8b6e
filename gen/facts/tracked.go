package facts

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// tracked returns the private keys of a cluster that git tracks: files that the cluster
// names, and those of its exported trees, in the directory out or elsewhere.
func (x *Index) tracked(c *spec.Cluster, out string) ([]vet.TrackedKey, error) {
	r := x.of(c.Dir)
	if r == nil || errors.Is(r.err, errNoRepository) {
		return nil, nil
	}
	if r.err != nil {
		return nil, r.err
	}
	fields := map[string]string{} // by path
	var ask []string
	for _, n := range namedKeys(c) {
		if rel, ok := r.tracked(c.Local(n.file)); ok && fields[rel] == "" {
			fields[rel] = n.field
			ask = append(ask, rel)
		}
	}
	files, err := r.exported(c, out)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if _, named := fields[f.path]; !named && mayHoldKey(c, f.rest) {
			ask = append(ask, f.path)
		}
	}
	if len(ask) == 0 {
		return nil, nil
	}
	data, err := r.contents(ask)
	if err != nil {
		return nil, err
	}
	var found []vet.TrackedKey
	for _, f := range slices.Sorted(slices.Values(ask)) {
		if holdsPrivateKey(data[f]) {
			found = append(found, vet.TrackedKey{Field: fields[f], File: r.relative(f)})
		}
	}
	return found, nil
}

// namedKey is a file that a cluster names and that may hold a private key.
type namedKey struct{ field, file string }

// namedFiles returns the files that a cluster names and that Read reads.
func namedFiles(c *spec.Cluster) []string {
	out := []string{c.PKI.CA.CertFile}
	if c.PKI.FrontProxy != nil {
		out = append(out, c.PKI.FrontProxy.CertFile)
	}
	for _, k := range namedKeys(c) {
		out = append(out, k.file)
	}
	return slices.DeleteFunc(out, func(file string) bool { return file == "" })
}

func namedKeys(c *spec.Cluster) []namedKey {
	all := []namedKey{
		{"pki.ca.keyFile", c.PKI.CA.KeyFile},
		{"pki.serviceAccount.keyFile", c.PKI.ServiceAccount.KeyFile},
		{"apiserver.serviceAccountKeyFile", c.APIServer.ServiceAccountKeyFile},
		{"deploy.kubeconfig", c.Deploy.Kubeconfig},
	}
	if c.PKI.FrontProxy != nil {
		all = append(all, namedKey{"pki.frontProxy.keyFile", c.PKI.FrontProxy.KeyFile})
	}
	for _, n := range c.Nodes {
		all = append(all, namedKey{finding.Path("nodes", n.Name, "ssh", "identityFile"), n.SSH.IdentityFile})
	}
	return slices.DeleteFunc(all, func(n namedKey) bool { return n.file == "" || n.file[0] == '~' })
}

// mayHoldKey reports whether a file of an exported tree may hold a private key, by its
// path in the tree.
func mayHoldKey(c *spec.Cluster, rest string) bool {
	if keys.IsKeyPath(rest) || strings.HasPrefix(rest, keys.Dir+"/") {
		return keys.IsKeyPath(rest)
	}
	name := path.Base(rest)
	return strings.HasSuffix(name, ".key") || slices.ContainsFunc(spec.Roles, func(r spec.Role) bool {
		return r.Secret() && (name == r.FileName() || name == path.Base(c.Paths.Of(r)))
	})
}

// relative returns the path of a tracked file relative to the working directory.
func (r *repository) relative(rel string) string {
	abs := filepath.Join(cmp.Or(r.mirrors, r.root), filepath.FromSlash(rel))
	if cwd, err := os.Getwd(); err == nil {
		if near, err := filepath.Rel(cwd, abs); err == nil {
			return near
		}
	}
	return abs
}

// clientKey matches a private key in a kubeconfig.
var clientKey = lazy.Regexp(`client-key-data"?\s*:\s*"?([A-Za-z0-9+/=]+)`)

// holdsPrivateKey reports whether a file has a private key without a passphrase.
func holdsPrivateKey(data []byte) bool {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Headers["DEK-Info"] != "", block.Type == "ENCRYPTED PRIVATE KEY":
		case block.Type == "OPENSSH PRIVATE KEY":
			if bytes.HasPrefix(block.Bytes, []byte("openssh-key-v1\x00\x00\x00\x00\x04none")) {
				return true
			}
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			return true
		}
	}
	for _, m := range clientKey().FindAllSubmatch(data, -1) {
		if inner, err := base64.StdEncoding.DecodeString(string(m[1])); err == nil && holdsPrivateKey(inner) {
			return true
		}
	}
	return false
}
