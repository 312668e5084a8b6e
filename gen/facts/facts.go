// Package facts reads what rules need besides the cluster: the user's own key files, the
// CAs that an export made, which private keys git tracks, and a list of the nodes that exist.
package facts

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// Read reads the files that a cluster names and the CAs in its tree below the directory
// out, and asks git which keys it tracks. Errors of reading are facts. The bundle has the
// user's own key material that could be read, by id.
func Read(c *spec.Cluster, out string, index *Index, now time.Time) (vet.Facts, keys.Bundle) {
	r := reader{local: c.Local, given: keys.Bundle{}}
	f := vet.Facts{Now: now, CA: r.authority(keys.CA, c.PKI.CA)}
	f.MadeCA = madeCA(c, out, keys.CA, c.PKI.CA)
	if c.PKI.FrontProxy != nil {
		f.FrontProxy = r.authority(keys.FrontProxyCA, *c.PKI.FrontProxy)
		f.MadeFrontProxy = madeCA(c, out, keys.FrontProxyCA, *c.PKI.FrontProxy)
	}
	if file := c.PKI.ServiceAccount.KeyFile; file != "" {
		pair := keys.Pair{}
		f.ServiceAccount.Public, f.ServiceAccount.KeyErr = r.private(file, &pair)
		r.given[keys.ServiceAccount] = pair
	}
	if file := c.APIServer.ServiceAccountKeyFile; file != "" {
		data, err := r.read(file)
		if err == nil {
			f.APIServerKeys, err = publicKeys(data)
		}
		f.APIServerKeysErr = err
	}
	f.Tracked, f.TrackedErr = index.tracked(c, out)
	f.PodErrors = podErrors(c)
	f.Peers = peers(c)
	f.Migrations = migrations(c)
	return f, r.given
}

// podErrors returns the user's fields of a pod that the Kubernetes API refuses.
func podErrors(c *spec.Cluster) []vet.PodError {
	var out []vet.PodError
	add := func(field string, es []artefact.FieldError) {
		for _, e := range es {
			at := field
			if e.Path != "" {
				at += "." + e.Path
			}
			out = append(out, vet.PodError{Field: at, Message: e.Message})
		}
	}
	add("pod.spec", artefact.SpecErrors(c.Pod.Spec))
	add("pod.container", artefact.ContainerErrors(c.Pod.Container))
	return out
}

// madeCA returns the CA in the cluster's tree that an export made: unlike the user's own,
// it has its key there. It ignores a CA that is missing or invalid, which an export
// reports.
func madeCA(c *spec.Cluster, out, id string, a spec.Authority) vet.Made {
	if a.Existing() || out == "" || !filepath.IsLocal(c.Name) {
		return vet.Made{}
	}
	file := filepath.Join(out, c.Name, filepath.FromSlash(keys.CertPath(id)))
	if _, err := os.Lstat(filepath.Join(out, c.Name, filepath.FromSlash(keys.KeyPath(id)))); errors.Is(err, fs.ErrNotExist) {
		return vet.Made{}
	}
	data, err := readKey(file)
	if errors.Is(err, fs.ErrPermission) {
		return vet.Made{File: file, Err: withoutPath(err)}
	}
	if err != nil {
		return vet.Made{}
	}
	cert, err := keys.ParseCertificate(data)
	if err != nil {
		return vet.Made{}
	}
	return vet.Made{Cert: cert, File: file}
}

type reader struct {
	local func(string) string
	given keys.Bundle
}

func (r reader) authority(id string, a spec.Authority) vet.Material {
	var m vet.Material
	var pair keys.Pair
	if a.CertFile != "" {
		m.Cert, m.CertErr = r.certificate(a.CertFile, &pair)
	}
	if a.KeyFile != "" {
		m.Public, m.KeyErr = r.private(a.KeyFile, &pair)
	}
	if a.Existing() {
		r.given[id] = pair
	}
	return m
}

func (r reader) certificate(file string, pair *keys.Pair) (*x509.Certificate, error) {
	data, err := r.read(file)
	if err != nil {
		return nil, err
	}
	cert, err := keys.ParseCertificate(data)
	if err != nil {
		return nil, err
	}
	pair.Cert = data
	return cert, nil
}

func (r reader) private(file string, pair *keys.Pair) (any, error) {
	data, err := r.read(file)
	if err != nil {
		return nil, err
	}
	key, err := keys.ParsePrivate(data)
	if errors.Is(err, keys.ErrEncrypted) {
		return nil, vet.ErrEncrypted
	}
	if err != nil {
		return nil, err
	}
	pair.Key = keys.NewSecret(data)
	return key.Public(), nil
}

// read reads a local file; the error doesn't repeat its name.
func (r reader) read(file string) ([]byte, error) {
	data, err := readKey(r.local(file))
	return data, withoutPath(err)
}

func withoutPath(err error) error {
	if pe, ok := err.(*os.PathError); ok {
		return pe.Err
	}
	return err
}

// maxKeyFile is the maximum size of a key file in bytes.
const maxKeyFile = 1 << 20

func readKey(file string) ([]byte, error) {
	data, err := regular.Read(file, maxKeyFile)
	if size := (*regular.SizeError)(nil); errors.As(err, &size) {
		return nil, fmt.Errorf("it has %d bytes; no key has more than %d", size.Size, size.Max)
	}
	return data, err
}
