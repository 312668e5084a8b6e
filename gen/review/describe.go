package review

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// Known are the certificates at hand without their keys, by the id of their key material.
type Known = map[string]render.Known

// KnownOf returns what a certificate at hand says: the fingerprint of its public key, and its
// end.
func KnownOf(fingerprint string, ends time.Time) render.Known {
	return render.Known{Fingerprint: fingerprint, Ends: ends}
}

// Described is a cluster's description and its tree without key material.
type Described struct {
	Cluster *Cluster
	Tree    tree.Tree
}

// Places are absolute paths: Root, below which files are named, and Cwd, to which the
// cluster's positions are relative.
type Places struct{ Root, Cwd string }

// Describe describes a cluster.
func Describe(c *spec.Cluster, at Places, known Known) (*Described, error) {
	if c.Embedded.Redact(c.Name) != c.Name {
		return nil, errHiddenName
	}
	p := plan.Outline(c)
	out, err := render.Outline(p, known)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %s", c.Name, c.Embedded.Redact(err.Error()))
	}
	real := out.Tree
	if out.Tree, err = redacted(out.Tree, c.Embedded); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	d := describer{c, at, p, map[string]string{}}
	r := &Cluster{
		Name: d.hide(c.Name), Dir: d.below(c.Dir), Kubernetes: c.Version.String(), Defaults: string(c.DefaultsOf()),
		Settings: d.settings(), Ranges: d.ranges(), Certificates: d.certificates(known),
		Files: []File{}, Nodes: []Node{},
	}
	files := map[string][]File{}
	for _, e := range out.Tree.Entries() {
		if node, at, ok := layout.OnHost(e.Path); ok {
			files[node] = append(files[node], d.file(e, at))
		} else {
			r.Files = append(r.Files, d.file(e, e.Path))
		}
	}
	for _, h := range p.Hosts {
		n, err := d.node(h, out.Tree, real)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: node %s: %s", c.Name, h.Node.Name, c.Embedded.Redact(err.Error()))
		}
		n.Files = append([]File{}, files[n.Name]...)
		r.Nodes = append(r.Nodes, *n)
	}
	return &Described{r, out.Tree}, nil
}

// errHiddenName is a name that a review would have to show, and that isn't to be shown.
var errHiddenName = errors.New("the name of the cluster, of a node or of a file comes from an embedded file, and a review shows names: write them in the CUE")

// redacted returns a tree without values from embedded files.
func redacted(t tree.Tree, e *spec.Embedded) (tree.Tree, error) {
	if e == nil {
		return t, nil
	}
	es := slices.Clone(t.Entries())
	for i := range es {
		if e.Redact(es[i].Path) != es[i].Path {
			return tree.Tree{}, errHiddenName
		}
		es[i].Data = []byte(e.Redact(string(es[i].Data)))
	}
	return tree.New(es)
}

type describer struct {
	c      *spec.Cluster
	places Places
	plan   *plan.Plan
	texts  map[string]string // contents of files by their sum: many hosts have the same
}

func (d describer) file(e tree.Entry, at string) File {
	f := File{Path: at, Mode: fmt.Sprintf("%04o", e.Mode), Owner: e.Owner, Dir: e.Dir}
	if e.Dir {
		return f
	}
	f.Sum = e.Sum()
	text, ok := d.texts[f.Sum]
	if !ok {
		text = string(e.Data)
		d.texts[f.Sum] = text
	}
	f.Text = text
	return f
}

func (d describer) hide(text string) string { return d.c.Embedded.Redact(text) }

// below returns a file's name below the root, with slashes; as it is, if it lies elsewhere.
func (d describer) below(file string) string {
	if rel, err := filepath.Rel(d.places.Root, file); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(file)
}

// at returns where the user wrote a field; "" if it is a default.
func (d describer) at(field string) string {
	pos, ok := d.c.Source.Exact(field)
	if !ok {
		return ""
	}
	return d.place(pos)
}

func (d describer) place(pos finding.Pos) string {
	if pos.File == "" {
		return ""
	}
	if !filepath.IsAbs(pos.File) {
		pos.File = filepath.Join(d.places.Cwd, pos.File)
	}
	pos.File = d.below(pos.File)
	return pos.String()
}

func (d describer) node(h plan.Host, t, real tree.Tree) (*Node, error) {
	n, c := h.Node, d.c.For(h.Node)
	out := &Node{
		Name: d.hide(n.Name), Layout: string(c.Layout), Endpoint: d.hide(c.Endpoint(n)), Start: d.hide(c.StartFile()),
		Addresses: []string{}, Flags: []Flag{},
	}
	for _, a := range n.Addresses {
		out.Addresses = append(out.Addresses, a.String())
	}
	for _, f := range h.Flags {
		out.Flags = append(out.Flags, d.flag(f))
	}
	e, ok := t.Get(layout.NodeFile(out.Name, out.Start))
	if !ok {
		return nil, fmt.Errorf("%s was not rendered", out.Start)
	}
	out.Text = string(e.Data)
	// Text without embedded values may be no unit any more, so the real one is parsed.
	as, _ := real.Get(layout.NodeFile(n.Name, c.StartFile()))
	started, err := startSettings(c.Layout, as.Data, c.Paths.Binary)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", out.Start, err)
	}
	started = settings(started).redacted(d.c.Embedded)
	out.Settings = append(d.nodeSettings(n), started...)
	return out, nil
}

func (d describer) flag(f spec.Flag) Flag {
	out := Flag{Name: d.hide(f.Name), Value: d.hide(f.Value), Field: "cluster." + d.hide(f.Field), At: d.at(f.Field), Origin: ByDefault}
	if out.Value != f.Value {
		out.Raw = f.Value
	}
	switch {
	case strings.HasPrefix(f.Field, "flags.") || strings.HasPrefix(f.Field, "nodes."):
		out.Origin = ByFlag
	case out.At != "":
		out.Origin = ByField
	}
	return out
}

func (d describer) ranges() []Range {
	out := []Range{}
	n := d.c.Networks
	add := func(use string, p netip.Prefix, mask, planned int) {
		r := Range{Use: use, Prefix: d.hide(p.String()), Mask: mask, Planned: planned, At: d.at("networks." + use)}
		if r.Prefix != p.String() {
			r.Raw = p.String()
		}
		out = append(out, r)
	}
	for _, p := range n.Pods {
		mask := n.MaskIPv4
		if p.Addr().Is6() {
			mask = n.MaskIPv6
		}
		add("pods", p, mask, n.MaxNodes)
	}
	for _, p := range n.Services {
		add("services", p, 0, n.MaxServices)
	}
	for _, p := range n.Nodes {
		add("nodes", p, 0, 0)
	}
	return out
}

func (d describer) certificates(known Known) []Certificate {
	out := []Certificate{}
	users := d.users()
	for _, it := range d.plan.Items {
		c := Certificate{ID: d.hide(it.ID), Given: it.Given, Usages: it.Usages, Nodes: append([]string{}, users[it.ID]...)}
		c.Kind = map[plan.Kind]string{plan.Authority: "ca", plan.KeyPair: "key pair", plan.Leaf: "leaf"}[it.Kind]
		if !it.Given {
			c.Key = it.Key.String()
		}
		if it.Kind != plan.KeyPair && !it.Given {
			c.Subject, c.Lifetime = d.hide(render.SubjectText(it.Subject)), it.Expiry.String()
		}
		for _, name := range it.Hosts {
			c.Names = append(c.Names, d.hide(name))
		}
		if k, ok := known[it.ID]; ok {
			c.PublicKey, c.Ends = k.Fingerprint, k.Ends.UTC()
		}
		out = append(out, c)
	}
	return out
}

// users returns the nodes that get something of a key or a certificate, by its id.
func (d describer) users() map[string][]string {
	out := map[string][]string{}
	for _, h := range d.plan.Hosts {
		for _, id := range h.Materials(d.c) {
			out[id] = append(out[id], d.hide(h.Node.Name))
		}
	}
	return out
}
