package gen

import (
	"cmp"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/outdir/layout"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/review"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// NodeChange is what an export does to a node's files: its host gets another generation
// (tree.Changed) or its first one (tree.Added), or its node is gone (tree.Removed).
type NodeChange struct {
	Node string
	Kind tree.Kind // "" for a node that stays as it is
	// From and To are names of generations; "" without generations. To is "" as well if a
	// new key or certificate will be part of the name.
	From, To string
	Reasons  []Reason // of tree.Changed; not empty
}

// Restored reports whether the host has the generation already, and only the copy in the
// tree was changed.
func (n NodeChange) Restored() bool { return n.Kind == tree.Changed && n.From != "" && n.From == n.To }

// Reason is why a node's files change: a value that differs, or a certificate that is made.
type Reason struct {
	review.Change
	Because string // of a certificate: why it is made, or how it differs
	Own     string // of a default of kcmgen's own: what changed it
	At      string // "file:line:column" of what the user wrote; "" if that is nothing
}

// KeyDecision says whether an export keeps or makes a key or a certificate, and why.
type KeyDecision struct {
	ID     string
	Made   bool
	Reason string
}

// explain fills in which nodes change and why, and for a dry run what becomes of each key.
func (x *export) explain(dryRun bool, have keys.Bundle) error {
	if dryRun {
		for _, it := range x.plan.Items {
			d := KeyDecision{ID: it.ID, Made: it.Reason != "", Reason: it.Reason}
			if !d.Made {
				d.Reason = it.KeptReason(have)
			}
			x.Keys = append(x.Keys, d)
		}
	}
	if len(x.Changes) == 0 && !dryRun {
		return nil
	}
	entry, _ := x.tree.Get(layout.Manifest)
	now, err := outdir.ParseManifest(entry.Data)
	if err != nil {
		return err
	}
	if x.old.Manifest == nil {
		if dryRun {
			for _, name := range slices.Sorted(maps.Keys(now.Nodes)) {
				x.Nodes = append(x.Nodes, x.nodeChange(name, tree.Added, now))
			}
		}
		return nil // a first export is all new
	}
	reasons, err := x.reasons(now)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(now.Nodes)) {
		n := x.nodeChange(name, tree.Changed, now)
		n.Reasons = reasons[name]
		switch _, known := x.old.Manifest.Nodes[name]; {
		case !known:
			n.Kind, n.Reasons = tree.Added, nil
		case len(n.Reasons) == 0 && n.From != now.Nodes[name]:
			n.Reasons = []Reason{x.inImage(name)}
		case len(n.Reasons) == 0:
			n.Kind = ""
			x.Same = append(x.Same, n)
			continue
		}
		x.Nodes = append(x.Nodes, n)
	}
	for _, name := range x.gone() {
		x.Nodes = append(x.Nodes, x.nodeChange(name, tree.Removed, now))
	}
	return nil
}

// inImage returns the reason that no file of a host shows: its image has another program.
func (x *export) inImage(node string) Reason {
	r := Reason{Change: review.Change{Kind: review.OfProgram, Name: "image"}, Because: "its image has another program"}
	for _, n := range x.Cluster.Nodes {
		if d, ok := x.Cluster.Download(n.Arch); ok && n.Name == node {
			r.Because += ", with the SHA-256 " + d.SHA256
		}
	}
	return r
}

// nodeChange returns a change with the names of the node's generations.
func (x *export) nodeChange(name string, kind tree.Kind, now *outdir.Manifest) NodeChange {
	n := NodeChange{Node: name, Kind: kind, To: now.Nodes[name]}
	if x.old.Manifest != nil {
		n.From = x.old.Manifest.Nodes[name]
	}
	if len(x.madeFor(name)) > 0 {
		n.To = ""
	}
	return n
}

// materials returns the items of which a node's host gets a file.
func (x *export) materials(node string) []plan.Item {
	var out []plan.Item
	for _, h := range x.plan.Hosts {
		if h.Node.Name != node {
			continue
		}
		ids := h.Materials(x.Cluster)
		for _, it := range x.plan.Items {
			if slices.Contains(ids, it.ID) {
				out = append(out, it)
			}
		}
	}
	return out
}

func (x *export) madeFor(node string) []plan.Item {
	return slices.DeleteFunc(x.materials(node), func(it plan.Item) bool { return it.Reason == "" })
}

// touched returns the nodes whose files may differ: by the name of the generation, by a
// file, or, without generations, in the owner of one.
func (x *export) touched(now *outdir.Manifest) map[string]bool {
	out := map[string]bool{}
	for name, g := range now.Nodes {
		if was, ok := x.old.Manifest.Nodes[name]; ok && (was != g || g == "") {
			out[name] = true
		}
	}
	for _, c := range tree.Diff(x.old.Ours, x.tree) {
		if node, _, ok := layout.OnHost(c.Path); ok {
			out[node] = true
		}
	}
	return out
}

// reasons returns why each node changes, by node.
func (x *export) reasons(now *outdir.Manifest) (map[string][]Reason, error) {
	out := map[string][]Reason{}
	touched := x.touched(now)
	if len(touched) == 0 {
		return out, nil
	}
	described := func(m *outdir.Manifest, t tree.Tree) *review.Cluster {
		return review.FromTree(review.Exported{
			Cluster: m.Cluster, Kubernetes: m.Kubernetes, Generations: m.Nodes,
			Tree: t, Program: x.Cluster.Paths.Binary, Only: touched,
		})
	}
	old, new := described(x.old.Manifest, x.old.Ours), described(now, x.tree)
	for i := range new.Nodes {
		n := &new.Nodes[i]
		if _, had := x.old.Manifest.Nodes[n.Name]; !had {
			continue
		}
		certificates := x.certificates(n.Name, old.Certificates, new.Certificates)
		changes := review.NodeChanges(old, new, n.Name, len(certificates) > 0)
		reasons := make([]Reason, 0, len(changes)+len(certificates))
		moved := (x.old.Manifest.Nodes[n.Name] == "") != (now.Nodes[n.Name] == "")
		if moved {
			reasons = append(reasons, Reason{Change: review.Change{
				Kind: review.OfCluster, Name: "generations",
				Old: &review.Value{Text: strconv.FormatBool(!x.Cluster.Generations)}, New: &review.Value{Text: strconv.FormatBool(x.Cluster.Generations)},
			}})
		}
		for _, c := range changes {
			if moved && isPlace(c) {
				continue
			}
			reasons = append(reasons, Reason{Change: c, At: x.at(n.Name, c)})
		}
		out[n.Name] = sorted(append(reasons, certificates...))
	}
	return out, x.markOwn(out)
}

// isPlace reports whether a change follows from generations that go on or off: every file has
// another path then, and is mounted or bound in another way.
func isPlace(c review.Change) bool {
	return c.Kind == review.OfFile || c.Kind == review.OfUnit && c.Name == "Service.BindReadOnlyPaths" ||
		c.Kind == review.OfPod && (strings.Contains(c.Name, "volumes[kcmgen") || strings.Contains(c.Name, "volumeMounts[kcmgen"))
}

// sorted puts flags first, then certificates, then the rest.
func sorted(reasons []Reason) []Reason {
	rank := func(r Reason) int {
		if i := slices.Index([]string{review.OfFlag, review.OfCertificate}, r.Kind); i >= 0 {
			return i
		}
		return 2
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return rank(a) - rank(b) })
	return reasons
}

// at returns where the user wrote a flag.
func (x *export) at(node string, c review.Change) string {
	if c.Kind != review.OfFlag {
		return ""
	}
	for _, h := range x.plan.Hosts {
		if f, ok := h.Flags.Get(c.Name); ok && h.Node.Name == node {
			if pos, ok := x.Cluster.Source.Exact(f.Field); ok {
				return pos.String()
			}
		}
	}
	return ""
}

// certificates returns the reasons of a node's certificates and keys: those that are made,
// and those of the user's own that differ.
func (x *export) certificates(node string, old, new []review.Certificate) []Reason {
	find := func(some []review.Certificate, id string) (review.Certificate, bool) {
		i := slices.IndexFunc(some, func(c review.Certificate) bool { return c.ID == id })
		if i < 0 {
			return review.Certificate{}, false
		}
		return some[i], true
	}
	var out []Reason
	for _, it := range x.materials(node) {
		r := Reason{Change: review.Change{Kind: review.OfCertificate, Name: it.ID}, Because: it.Reason}
		was, had := find(old, it.ID)
		is, has := find(new, it.ID)
		// A file below pki/ may be another one already; what the last export wrote differs.
		swapped := slices.IndexFunc(x.plan.Accepted, func(c plan.Change) bool { return c.ID == it.ID })
		switch {
		case it.Reason != "":
		case swapped >= 0 && x.plan.Accepted[swapped].Old != x.plan.Accepted[swapped].New:
			r.Because = "another key: " + x.plan.Accepted[swapped].New + ", was " + cmp.Or(x.plan.Accepted[swapped].Old, "one that is gone")
		case had && has && was.PublicKey != is.PublicKey:
			r.Because = "another key: " + is.PublicKey + ", was " + was.PublicKey
		case had && has && !was.Ends.Equal(is.Ends):
			r.Because = "another certificate of the same key: it ends at " + is.Ends.Format(endFormat) + ", was " + was.Ends.Format(endFormat)
		default:
			continue
		}
		out = append(out, r)
	}
	return out
}

const endFormat = "2006-01-02T15:04:05Z"

// markOwn says of which changes kcmgen's own defaults are the reason: the cluster as it is
// now would have the old value under the generation of defaults of the last export.
func (x *export) markOwn(of map[string][]Reason) error {
	was, is := x.old.Manifest.DefaultsOf(), string(x.Cluster.DefaultsOf())
	if was == is {
		return nil
	}
	before := *x.Cluster
	before.Defaults = spec.Defaults(was)
	cwd, err := os.Getwd()
	if err != nil {
		return err
	}
	then, err := describe(&before, cwd)
	if err != nil {
		return err
	}
	own := "kcmgen's own default changed (defaults " + was + " → " + is + x.versions() + ")"
	if pos, ok := x.Cluster.Source.Exact("defaults"); ok {
		own = "defaults: " + was + " → " + is + " (" + pos.String() + ")"
	}
	for _, n := range then.Cluster.Nodes {
		values := map[string]*string{}
		for i := range n.Flags {
			values[review.OfFlag+" "+n.Flags[i].Name] = &n.Flags[i].Value
		}
		for i := range n.Settings {
			values[n.Settings[i].Kind+" "+n.Settings[i].Name] = &n.Settings[i].Value
		}
		for i := range of[n.Name] {
			r := &of[n.Name][i]
			then, set := values[r.Kind+" "+r.Name]
			had := r.Old != nil && r.Old.Origin != review.ByKubernetes
			if set == had && (!set || *then == x.Cluster.Embedded.Redact(r.Old.Text)) && x.comparable(r.Kind) {
				r.Own = own
			}
		}
	}
	return nil
}

// comparable reports whether a description of a cluster has changes of a kind.
func (x *export) comparable(kind string) bool {
	return kind == review.OfFlag || kind == review.OfUnit || kind == review.OfPod
}

// versions says which versions of kcmgen wrote the trees, if they differ.
func (x *export) versions() string {
	entry, _ := x.tree.Get(layout.Manifest)
	now, err := outdir.ParseManifest(entry.Data)
	if err != nil || now.Kcmgen == x.old.Manifest.Kcmgen {
		return ""
	}
	return ", kcmgen " + strings.TrimPrefix(x.old.Manifest.Kcmgen, "kcmgen ") + " → " + now.Kcmgen
}
