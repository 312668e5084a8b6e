// Package hostfile reads what is public of the files that a host's flags name: certificates,
// and the apiserver in a kubeconfig. It opens no file of a private key, and takes none out of a
// kubeconfig.
package hostfile

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/existing"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/keys"
)

// maxPublic is the maximum size of a file with a certificate, in bytes.
const maxPublic = 1 << 20

// Local says where the files of a host are on this machine.
type Local struct {
	Root string // "/" on the host itself; "" for none
	// Say returns a file's path as the cluster says it; nil: as it is.
	Say func(name string) string
}

// Read reads the public parts of the files that flags name: on each node's host, or below
// a directory of this machine, which has one host's files. minor is the version whose flags the
// nodes have.
func Read(c *existing.Cluster, minor int, local Local) (adopt.Public, error) {
	p := reader{
		said: map[string]bool{}, first: map[string]string{},
		out: adopt.Public{Certs: map[string]*x509.Certificate{}, Local: map[string]string{}, Servers: map[string]string{}},
		say: local.Say,
	}
	if local.Root != "" {
		root, err := openRoot(local.Root)
		if err != nil {
			return p.out, err
		}
		defer root.Close()
		p.root, p.out.OneHost = root, true
	}
	if p.minor = flags.Of(minor); p.minor == nil {
		p.minor = flags.Of(flags.Newest())
	}
	for i, n := range c.Nodes {
		p.node, p.host = n, c.Hosts[i]
		if p.root != nil || p.host != nil && p.host.Public != nil {
			p.readNode(i == 0)
		}
	}
	return p.out, nil
}

// reader reads the files of nodes.
type reader struct {
	minor *flags.Minor
	root  *hostRoot // of the one host on this machine; nil if they are asked
	say   func(string) string
	node  adopt.Node
	host  *existing.Host
	said  map[string]bool
	first map[string]string // the host's path of a file that the first node's flags name
	out   adopt.Public
}

// fileKind is what the file of a flag is.
type fileKind int

const (
	otherFile fileKind = iota
	kubeconfigFile
	keyFile
	caFile
	leafFile
)

func kindOfFile(flag string) fileKind {
	switch {
	case strings.HasSuffix(flag, "kubeconfig"):
		return kubeconfigFile
	case strings.HasSuffix(flag, "key-file"):
		return keyFile
	case flag == "tls-cert-file":
		return leafFile
	case strings.HasSuffix(flag, "ca-file"), strings.HasPrefix(flag, "cluster-signing-") && strings.HasSuffix(flag, "cert-file"):
		return caFile
	}
	return otherFile
}

// readNode reads the files of one node.
func (p *reader) readNode(first bool) {
	given, _ := p.minor.Read(p.node.Read.Words())
	// --kubeconfig decides before the two others that may name a kubeconfig.
	slices.SortStableFunc(given, func(a, b flags.Given) int { return rank(a.Name) - rank(b.Name) })
	for _, g := range given {
		kind, at := kindOfFile(g.Name), g.Value
		if kind == otherFile || !path.IsAbs(at) {
			continue
		}
		on := hostPath(p.node.Read, at)
		if before, ok := p.first[at]; ok && before != on {
			p.note("node %s has %s of the pod at %s of the host, and the cluster says %s, as on the first node", p.node.Name, at, on, before)
		} else if !ok && first {
			p.first[at] = on
		}
		switch kind {
		case kubeconfigFile:
			p.kubeconfig(at, on, first)
		case keyFile:
			if p.root != nil && first {
				if found, err := p.root.resolve(on); err == nil {
					p.out.Local[at] = p.local(found)
				}
			}
		default:
			p.certificate(at, on, kind, first)
		}
	}
}

// rank sorts --kubeconfig to the front.
func rank(name string) int {
	if name == "kubeconfig" {
		return 0
	}
	return 1
}

// note says something once.
func (p *reader) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !p.said[text] {
		p.said[text] = true
		p.out.Notes = append(p.out.Notes, text)
	}
}

// local returns the path of a file in the root, as the cluster says it.
func (p *reader) local(found string) string {
	name := filepath.Join(p.root.Name(), found)
	if p.say != nil {
		return p.say(name)
	}
	return name
}

// read returns a file of the node's host, and its path on this machine, as the cluster says it.
// A file that can't be read is named once.
func (p *reader) read(at, on string) (data []byte, local string) {
	if p.root == nil {
		if data = p.host.Public(on); len(data) == 0 {
			p.note("node %s: nothing public could be read in %s", p.node.Name, on)
		}
		return data, ""
	}
	data, found, err := p.root.read(on)
	if err != nil {
		p.note("%s isn't read: %s", p.name(at), cause(err))
		return nil, ""
	}
	return data, p.local(found)
}

// name is a file as a note has it.
func (p *reader) name(at string) string {
	if p.root != nil {
		return filepath.Join(p.root.Name(), path.Clean("/"+hostPath(p.node.Read, at)))
	}
	return "node " + p.node.Name + "'s " + at
}

// cause is an error without the name of its file.
func cause(err error) error {
	var in *fs.PathError
	if errors.As(err, &in) {
		return in.Err
	}
	return err
}

// certificate takes a certificate. Those of other nodes are compared with the first one's.
func (p *reader) certificate(at, on string, kind fileKind, first bool) {
	if p.said["read "+at] && p.root != nil && p.first[at] == on {
		return // another flag or node has the same file
	}
	p.said["read "+at] = true
	data, local := p.read(at, on)
	if len(data) == 0 {
		return
	}
	c, err := keys.ParseCertificate(data)
	if err != nil {
		p.note("%s isn't taken as one certificate: %v", p.name(at), err)
		return
	}
	switch had := p.out.Certs[at]; {
	case kind == caFile && !c.IsCA:
		p.note("%s isn't taken: a flag has it as a CA's, and its certificate is none", p.name(at))
	case had == nil && !first:
	case had == nil:
		p.out.Certs[at] = c
		if c.IsCA && local != "" {
			p.out.Local[at] = local
		}
	case had.Equal(c):
	case kind == caFile:
		p.note("%s on node %s is another CA than on the first node: the cluster says the first one's", at, p.node.Name)
	default:
		if differ := adopt.CertificatesDiffer(had, c); differ != "" {
			p.note("%s on node %s has another %s than on the first node: the cluster says the first one's", at, p.node.Name, differ)
		}
	}
}

// hostPath returns the host's path of a file that a pod's process sees.
func hostPath(r *command.Result, at string) string {
	if r.Container == nil {
		return at
	}
	spec := r.Pod.Get("spec")
	if spec == nil {
		spec = r.Pod
	}
	from := map[string]string{}
	for _, v := range spec.Get("volumes").List() {
		from[v.Get("name").Str()] = v.Get("hostPath", "path").Str()
	}
	best, out := "", at
	for _, m := range r.Container.Get("volumeMounts").List() {
		to := path.Clean(m.Get("mountPath").Str())
		if host := from[m.Get("name").Str()]; host != "" && len(to) > len(best) && (at == to || strings.HasPrefix(at, strings.TrimSuffix(to, "/")+"/")) {
			best, out = to, path.Join(host, m.Get("subPath").Str(), strings.TrimPrefix(at, to))
		}
	}
	return out
}
