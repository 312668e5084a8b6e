// Package starter makes the first files of a user's repository: a cluster package to
// start from, and the CUE module around it.
package starter

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

// Cluster describes a new cluster.
type Cluster struct {
	Package string // CUE's package name
	Name    string
	Version spec.Version
	Layout  spec.Layout
	Nodes   []Node // not empty
	// Text returns the cluster's file for a CUE package; nil is that of a new cluster.
	Text func(pkg string) ([]byte, error)
}

// Node is a host's name and address.
type Node struct {
	Name    string
	Address netip.Addr
}

//go:embed cluster.cue.tmpl
var text string

// File is the name of the file in a package.
const File = "cluster.cue"

// Source returns the cluster as formatted CUE.
func Source(c Cluster) ([]byte, error) {
	if c.Text != nil {
		return c.Text(c.Package)
	}
	pods, services := ranges(c.Nodes)
	vocabulary := vendoring.Package(c.Version.Minor)
	var b bytes.Buffer
	err := template.Must(template.New(File).Parse(text)).Execute(&b, struct {
		Cluster
		Import, Schema string // the vocabulary's package: its path and its name
		Pods, Services string
		Networks       []string
		Mask           int
		Defaults       spec.Defaults
	}{c, vocabulary, path.Base(vocabulary), pods.String(), services.String(), networks(c.Nodes), mask(pods), spec.NewestDefaults()})
	if err != nil {
		return nil, err
	}
	return edit.Format(File, b.Bytes())
}

// Repository returns a new CUE module with one cluster: its module file, the copy of the
// vocabulary, and a .gitignore for out/. version is kcmgen's.
func Repository(module, version string, c Cluster) (tree.Tree, error) {
	src, err := Source(c)
	if err != nil {
		return tree.Tree{}, err
	}
	es := []tree.Entry{
		{Path: ".gitignore", Mode: 0o644, Data: []byte("# What kcmgen export writes: it holds private keys.\nout/\n")},
		{Path: "cue.mod/module.cue", Mode: 0o644, Data: fmt.Appendf(nil, "module: %q\nlanguage: version: \"v0.15.0\"\n", module)},
		{Path: path.Join("clusters", c.Name, File), Mode: 0o644, Data: src},
	}
	for _, f := range vendoring.Copies(version) {
		es = append(es, tree.Entry{Path: path.Join(vendoring.Dir, f.Name), Mode: 0o644, Data: f.Data})
	}
	return tree.New(es)
}

// PackageName returns a CUE package name for a directory's name.
func PackageName(directory string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, directory)
	name = strings.Trim(name, "_")
	if name == "" || name[0] <= '9' || slices.Contains(keywords, name) {
		return "clusters"
	}
	return name
}

// keywords are CUE's keywords, which can't be package names.
var keywords = []string{"false", "for", "func", "if", "import", "in", "let", "null", "package", "true"}

// networks returns a guess of the hosts' networks: a /24 or /64 around each address.
func networks(nodes []Node) []string {
	var out []string
	for _, n := range nodes {
		bits := 24
		if n.Address.Is6() {
			bits = 64
		}
		p := netip.PrefixFrom(n.Address, bits).Masked().String()
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// candidates are pairs of pod and service ranges, the usual ones first.
var candidates = []struct{ pods, services string }{
	{"10.200.0.0/16", "10.32.0.0/16"},
	{"172.28.0.0/16", "172.29.0.0/16"},
	{"192.168.0.0/17", "192.168.128.0/20"},
	{"fd00:200::/48", "fd00:32::/112"},
	{"fd01:200::/48", "fd01:32::/112"},
}

// ranges returns pod and service ranges of the first node's family that contain no node.
// If all candidates do, vet reports it later.
func ranges(nodes []Node) (pods, services netip.Prefix) {
	for _, c := range candidates {
		p, s := netip.MustParsePrefix(c.pods), netip.MustParsePrefix(c.services)
		if p.Addr().Is4() != nodes[0].Address.Is4() {
			continue
		}
		pods, services = p, s
		inside := func(n Node) bool { return p.Contains(n.Address) || s.Contains(n.Address) }
		if !slices.ContainsFunc(nodes, inside) {
			break
		}
	}
	return pods, services
}

// mask returns the prefix length of a node's pod range.
func mask(pods netip.Prefix) int {
	if pods.Addr().Is6() {
		return 64
	}
	return 24
}

// ParseNodes parses nodes in the form of a flag: cp-1=10.0.0.11,cp-2=….
func ParseNodes(s string) ([]Node, error) {
	var out []Node
	for part := range strings.SplitSeq(s, ",") {
		name, addr, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			return nil, fmt.Errorf("%q is no node: write it as cp-1=10.0.0.11", part)
		}
		if !spec.IsName(name) {
			return nil, fmt.Errorf("node name %q is not a DNS name", name)
		}
		a, err := netip.ParseAddr(addr)
		if err != nil || a.Zone() != "" {
			return nil, fmt.Errorf("node %s: %q is not an IP address", name, addr)
		}
		same := func(n Node) bool { return n.Name == name || n.Address == a.Unmap() }
		if slices.ContainsFunc(out, same) {
			return nil, fmt.Errorf("node %s=%s: the name or the address is there twice", name, addr)
		}
		out = append(out, Node{name, a.Unmap()})
	}
	slices.SortFunc(out, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Newest is the newest version of Kubernetes that kcmgen has data for.
const Newest = "v1.37.1"

// Package returns the directory of a cluster's package.
func Package(c Cluster) (tree.Tree, error) {
	src, err := Source(c)
	if err != nil {
		return tree.Tree{}, err
	}
	return tree.New([]tree.Entry{{Path: File, Mode: 0o644, Data: src}})
}
