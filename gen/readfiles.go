package gen

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/regular"
)

// ReadFiles are nodes with what starts kube-controller-manager there.
type ReadFiles struct {
	Set   *text.Set
	Nodes []adopt.Node
	Lines []CheckedLine
}

// ReadNodes reads the files of nodes. A node's address comes from addresses, or else from
// its flags.
func ReadNodes(nodes []NodeFiles, stdin io.Reader, addresses map[string]netip.Addr) (*ReadFiles, error) {
	out := &ReadFiles{Set: &text.Set{}}
	var errs []error
	for _, n := range nodes {
		read, err := readFiles(out.Set, n.Files, stdin)
		switch {
		case err != nil:
			errs = append(errs, err)
			continue
		case len(read) > 1:
			errs = append(errs, fmt.Errorf("%d of the files start %s: %s and %s; give one, or --node NAME=FILE for each host", len(read), command.Program, read[0].File, read[1].File))
			continue
		}
		address := addresses[n.Node]
		if !address.IsValid() {
			address = ownAddress(read[0])
		}
		out.Nodes = append(out.Nodes, adopt.Node{Name: n.Node, Address: address, Read: read[0]})
		line := describe(out.Set, read[0])
		line.Node = n.Node
		out.Lines = append(out.Lines, line)
	}
	return out, errors.Join(errs...)
}

// ownAddress returns the address that a node's process listens on, if it is one host's.
func ownAddress(r *command.Result) netip.Addr {
	for _, a := range r.Args {
		value, ok := strings.CutPrefix(a.String(), "--bind-address=")
		if ip, err := netip.ParseAddr(value); ok && err == nil && !ip.IsLoopback() && !ip.IsUnspecified() {
			return ip
		}
	}
	return netip.Addr{}
}

// Version returns the version of Kubernetes: the one that is asked for, the one that a file
// states, or the newest one that has all flags. why says how it was found, unless it was
// asked for.
func (r *ReadFiles) Version(asked string) (v spec.Version, why string, err error) {
	if asked != "" {
		if minor, err := flags.ParseMinor(asked); err == nil && strings.Count(asked, ".") == 1 {
			asked = flags.Of(minor).Version
		}
		v, err = spec.ParseVersion(asked)
		return v, "", err
	}
	for _, n := range r.Nodes {
		stated := r.Set.Show(n.Read.Version)
		if stated == "" {
			stated = tagOf(r.Set.Show(n.Read.Image))
		}
		if v, err := parseStated(stated); err == nil {
			return v, fmt.Sprintf("the version %s is what %s states", v, filepath.Base(n.Read.File)), nil
		}
	}
	minors := flags.Minors()
	for _, minor := range slices.Backward(minors) {
		if r.known(minor) {
			v, err = spec.ParseVersion(flags.Of(minor).Version)
			return v, fmt.Sprintf("no file states the version: %s is the newest that has all flags; --version names another", v), err
		}
	}
	v, err = spec.ParseVersion(flags.Of(minors[len(minors)-1]).Version)
	return v, fmt.Sprintf("no file states the version, and none has all flags: %s is the newest; --version names another", v), err
}

// known reports whether a minor version has all flags.
func (r *ReadFiles) known(minor int) bool {
	m := flags.Of(minor)
	for _, n := range r.Nodes {
		for _, a := range n.Read.Args {
			name, _, _ := strings.Cut(strings.TrimPrefix(a.String(), "--"), "=")
			name = strings.ReplaceAll(name, "_", "-")
			if _, ok := m.Flag(name); !ok && strings.HasPrefix(a.String(), "--") && flags.Exists(name) {
				return false
			}
		}
	}
	return true
}

// ReadPublic reads the public parts of the files that flags name, below a directory: an
// image of the host's file system, or "/" on the host itself. "" reads nothing.
func ReadPublic(r *ReadFiles, root string) adopt.Public {
	out := adopt.Public{Certs: map[string]*x509.Certificate{}, Local: map[string]string{}}
	if root == "" {
		return out
	}
	for _, a := range r.Nodes[0].Read.Args {
		name, at, ok := strings.Cut(a.String(), "=")
		_, isPath := spec.PathFlags[strings.TrimPrefix(name, "--")]
		if !ok || !isPath || !filepath.IsAbs(at) {
			continue
		}
		local := filepath.Join(root, at)
		switch {
		case strings.HasSuffix(name, "kubeconfig"):
			out.Client, out.Server = publicOfKubeconfig(local)
		case strings.HasSuffix(name, "key-file"):
			if _, err := os.Stat(local); err == nil {
				out.Local[at] = local
			}
			if data, err := regular.Read(local, maxPublic); err == nil && strings.Contains(name, "service-account") {
				if key, err := keys.ParsePrivate(data); err == nil {
					out.Tokens = adopt.KeyKind(key.Public())
				}
			}
		default:
			if c := readCertificate(local); c != nil {
				out.Certs[at] = c
				if c.IsCA {
					out.Local[at] = local
				}
			}
		}
	}
	return out
}

// maxPublic is the maximum size of a file with a key or a certificate, in bytes.
const maxPublic = 1 << 20

func readCertificate(name string) *x509.Certificate {
	data, err := regular.Read(name, maxPublic)
	if err != nil {
		return nil
	}
	c, err := keys.ParseCertificate(data)
	if err != nil {
		return nil
	}
	return c
}

// publicOfKubeconfig returns the certificate in a kubeconfig, and the apiserver's URL.
func publicOfKubeconfig(name string) (*x509.Certificate, string) {
	data, err := regular.Read(name, maxPublic)
	if err != nil {
		return nil, ""
	}
	k, err := artefact.ParseKubeconfig(data)
	if err != nil {
		return nil, ""
	}
	c, err := keys.ParseCertificate(k.Client)
	if err != nil {
		return nil, k.Server
	}
	return c, k.Server
}
