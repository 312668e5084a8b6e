package facts

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/peer"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// peers reads the files of other components, each time anew: they aren't part of what is
// kept of an evaluation. The result is nil if the cluster names none.
func peers(c *spec.Cluster) map[string]*vet.Peer {
	var out map[string]*vet.Peer
	for _, f := range []struct{ field, file string }{
		{vet.APIServerFile, c.APIServer.From},
		{vet.KubeletFile, c.Peers.Kubelet},
		{vet.KubeProxyFile, c.Peers.KubeProxy},
		{vet.NetworkFile, c.Peers.Network},
	} {
		if f.file == "" {
			continue
		}
		if out == nil {
			out = map[string]*vet.Peer{}
		}
		p := readPeer(f.field, c.Local(f.file), slices.Sorted(maps.Keys(c.APIServer.Flags)))
		p.File = f.file
		out[f.field] = p
	}
	return out
}

func readPeer(field, file string, also []string) *vet.Peer {
	data, err := regular.Read(file, peer.MaxFile)
	if size := (*regular.SizeError)(nil); errors.As(err, &size) {
		return &vet.Peer{Err: fmt.Errorf("it has %d bytes, and at most %d are read", size.Size, size.Max)}
	}
	if err != nil {
		return &vet.Peer{Err: withoutPath(err)}
	}
	p := peer.Read(field, shown(file), data, also)
	if field == vet.APIServerFile && p.Err == nil {
		besides(p, filepath.Dir(file))
	}
	return p
}

// shown is a file's name in positions: relative to the working directory, if that is shorter.
func shown(file string) string {
	cwd, err := os.Getwd()
	if err != nil {
		return file
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if rel, err := filepath.Rel(cwd, abs); err == nil && len(rel) < len(abs) {
		return rel
	}
	return abs
}

// certificateFlags are flags of the apiserver that name certificates to compare with.
var certificateFlags = []string{"client-ca-file", "requestheader-client-ca-file", "tls-cert-file", "proxy-client-cert-file", "kubelet-certificate-authority"}

// besides reads the certificates and public keys that the apiserver's flags name, as far as
// files of these names lie in dir. Their paths are the host's: this machine may have other
// files there.
func besides(p *vet.Peer, dir string) {
	p.Certificates, p.CertificateErrs = map[string][]*x509.Certificate{}, map[string]error{}
	named := map[string][]string{} // by base name
	for _, flag := range append([]string{"service-account-key-file"}, certificateFlags...) {
		for file := range strings.SplitSeq(p.Says[flag].Value, ",") {
			if base := path.Base(file); file != "" && !slices.Contains(named[base], file) {
				named[base] = append(named[base], file)
			}
		}
	}
	read := func(file string) ([]byte, error) {
		base := path.Base(file)
		if len(named[base]) > 1 || !filepath.IsLocal(base) {
			return nil, fs.ErrNotExist // which one it is isn't known
		}
		data, err := readKey(filepath.Join(dir, base))
		return data, withoutPath(err)
	}
	for _, flag := range certificateFlags {
		if s := p.Says[flag]; s.Value != "" && !s.Unknown {
			data, err := read(s.Value)
			if err == nil {
				p.Certificates[flag], err = certificates(data)
			}
			p.CertificateErrs[flag] = err
		}
	}
	for file := range strings.SplitSeq(p.Says["service-account-key-file"].Value, ",") {
		if file == "" {
			continue
		}
		data, err := read(file)
		if err != nil {
			p.KeysErr = errors.Join(p.KeysErr, err)
			continue
		}
		found, err := publicKeys(data)
		p.Keys, p.KeysErr = append(p.Keys, found...), errors.Join(p.KeysErr, err)
	}
}

// certificates parses all certificates of a file in PEM.
func certificates(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for {
		block, rest := pem.Decode(data)
		if block == nil {
			break
		}
		data = rest
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("a certificate in it can't be parsed")
		}
		out = append(out, cert)
	}
	if len(out) == 0 {
		return nil, errors.New("it has no certificate in PEM")
	}
	return out, nil
}
