package review

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Exported is a cluster's exported tree, with what its manifest says.
type Exported struct {
	Cluster     string
	Kubernetes  string
	Defaults    string
	Generations map[string]string // by node; "" if generations are off
	Tree        tree.Tree
	// Program is the path of the program in pods, which tells its flags from the words
	// of a command around it.
	Program string
	// Only are the nodes to describe; nil for all.
	Only map[string]bool
}

// FromTree describes an exported tree. It has what the tree shows: no position, no origin
// of a flag, no range and no setting that isn't in a file. Two trees described by it can be
// compared. A key is described by its public half, and a generation's name by a
// placeholder. What can't be read, such as a unit that was edited, has files only.
func FromTree(x Exported) *Cluster {
	r := &Cluster{
		Name: x.Cluster, Kubernetes: x.Kubernetes, Defaults: x.Defaults, Settings: []Setting{},
		Ranges: []Range{}, Certificates: certificatesIn(x.Tree), Files: []File{}, Nodes: []Node{},
	}
	of := map[string][]tree.Entry{}
	for _, e := range x.Tree.Entries() {
		switch node, at, ok := layout.OnHost(e.Path); {
		case !ok && e.Path != layout.Manifest:
			r.Files = append(r.Files, exportedFile(e, e.Path, nil))
		case ok && (x.Only == nil || x.Only[node]):
			e.Path = at
			of[node] = append(of[node], e)
		}
	}
	for name := range x.Generations {
		if x.Only == nil || x.Only[name] {
			r.Nodes = append(r.Nodes, exportedNode(name, x, of[name]))
		}
	}
	slices.SortFunc(r.Nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// exportedNode describes a host by its files, whose paths are those on the host.
func exportedNode(name string, x Exported, entries []tree.Entry) Node {
	n := Node{Name: name, Addresses: []string{}, Flags: []Flag{}, Settings: []Setting{}, Files: []File{}}
	plain := func(text string) string { return text }
	if g := x.Generations[name]; g != "" {
		plain = strings.NewReplacer(g, placeholder).Replace
	}
	for _, e := range entries {
		inGeneration := plain(e.Path) != e.Path
		e.Path = plain(e.Path)
		n.Files = append(n.Files, exportedFile(e, e.Path, plain))
		switch {
		case e.Dir || !e.Blob.Empty():
		case e.IsSecret() && len(e.Bytes()) > 0:
			n.kubeconfig(e)
		case !inGeneration && n.Start == "":
			n.start(e.Path, []byte(plain(string(e.Data))), x.Program)
		}
	}
	return n
}

// placeholder stands for a generation's name in paths and texts.
const placeholder = "@generation@"

// kubeconfig adds what a kubeconfig says besides its keys. Other secrets have none of that.
func (n *Node) kubeconfig(e tree.Entry) {
	k, err := artefact.ParseKubeconfig(e.Bytes())
	if err != nil || k.Server == "" {
		return
	}
	n.Endpoint = k.Server
	s := settings(n.Settings)
	s.add(OfKubeconfig, path.Base(e.Path)+" server", k.Server, "")
	s.add(OfKubeconfig, path.Base(e.Path)+" names", strings.Join([]string{k.Cluster, k.User, k.Context}, "\n"), "")
	n.Settings = s
}

// start adds the flags and settings of a unit or a pod, if text is one.
func (n *Node) start(at string, text []byte, program string) {
	l, argv := spec.Systemd, []string(nil)
	if u, err := artefact.ParseUnit(text); err == nil && len(u["Service"]) > 0 {
		argv, err = u.Args()
		if err != nil {
			return
		}
	} else {
		p, err := artefact.ParsePod(text)
		if err != nil {
			return
		}
		l = spec.StaticPod
		if argv, err = artefact.PodCommand(p, program); err != nil {
			return
		}
	}
	if len(argv) == 0 {
		return
	}
	given, err := flags.Parse(argv[1:], func(string) bool { return false })
	if err != nil {
		return
	}
	started, err := startSettings(l, text, program)
	if err != nil {
		return
	}
	n.Layout, n.Start, n.Text = string(l), at, string(text)
	s := settings(n.Settings)
	s.add(OfNode, "layout", n.Layout, "")
	n.Settings = append(s, started...)
	for _, f := range given {
		n.Flags = append(n.Flags, Flag{Name: f.Name, Value: f.Value})
	}
	slices.SortStableFunc(n.Flags, func(a, b Flag) int { return strings.Compare(a.Name, b.Name) })
}

// exportedFile describes a file. plain takes a generation's name out of a text.
func exportedFile(e tree.Entry, at string, plain func(string) string) File {
	f := File{Path: at, Mode: fmt.Sprintf("%04o", e.Mode), Owner: e.Owner, Dir: e.Dir}
	switch {
	case e.Dir:
	case e.IsSecret():
		f.Sum = publicSum(e)
	case plain == nil || !e.Blob.Empty():
		f.Sum = e.Sum()
	default:
		text := plain(string(e.Data))
		f.Sum = sumOf([]byte(text))
		if !isMaterial(at) { // its lines tell a reader nothing
			f.Text = text
		}
	}
	return f
}

// publicSum returns a checksum of what isn't secret in a secret file; "" if it can't be
// read. Of a key that is its public half, and of a kubeconfig all but its key.
func publicSum(e tree.Entry) string {
	if key, err := keys.ParsePrivate(e.Bytes()); err == nil {
		return plan.Fingerprint(key.Public())
	}
	k, err := artefact.ParseKubeconfig(e.Bytes())
	if err != nil || k.Server == "" {
		return ""
	}
	return sumOf(bytes.Join([][]byte{[]byte(k.Server), []byte(k.Cluster), []byte(k.User), []byte(k.Context), k.Authority, k.Client}, []byte{0}))
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// certificatesIn describes the certificates and key pairs below pki/ by their public files.
func certificatesIn(t tree.Tree) []Certificate {
	out := []Certificate{}
	for _, e := range t.Entries() {
		id, isCert := strings.CutSuffix(strings.TrimPrefix(e.Path, keys.Dir+"/"), ".crt")
		if !isCert {
			id, _ = strings.CutSuffix(id, ".pub")
		}
		if id == e.Path || e.Path != keys.CertPath(id) && e.Path != keys.PublicPath(id) {
			continue
		}
		_, made := t.Get(keys.KeyPath(id))
		c := Certificate{ID: id, Kind: "key pair", Given: !made, Nodes: []string{}}
		if isCert {
			cert, err := keys.ParseCertificate(e.Data)
			if err != nil {
				continue
			}
			c.ofCertificate(cert)
		} else if key, err := keys.ParsePublic(e.Data); err == nil {
			c.ofKey(key)
		}
		out = append(out, c)
	}
	return out
}

func (c *Certificate) ofKey(key crypto.PublicKey) {
	c.Key, c.PublicKey = plan.KeyOf(key).String(), plan.Fingerprint(key)
}

func (c *Certificate) ofCertificate(cert *x509.Certificate) {
	c.ofKey(cert.PublicKey)
	c.Kind = "leaf"
	if cert.IsCA {
		c.Kind = "ca"
	}
	c.Subject = render.SubjectText(plan.SubjectOf(cert))
	for _, ip := range cert.IPAddresses {
		c.Names = append(c.Names, ip.String())
	}
	c.Names = append(c.Names, cert.DNSNames...)
	slices.Sort(c.Names)
	c.Lifetime, c.Ends = cert.NotAfter.Sub(cert.NotBefore).String(), cert.NotAfter.UTC()
}
