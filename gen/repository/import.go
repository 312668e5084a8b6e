package repository

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/existing"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/hostfile"
	"github.com/kcmgen/kcmgen/gen/roundtrip"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/starter"
)

// Import is a request to write a cluster for what runs already.
type Import struct {
	Dir     string // of the cluster's package
	Name    string // of the cluster
	Module  string // the path of a new CUE module
	Kcmgen  string // kcmgen's version
	Version string // of Kubernetes; "" if the files say it
	// Nodes have the files, by node.
	Nodes []existing.NodeFiles
	// Addresses of nodes, by name. A single set of files may stand for all of them.
	Addresses []starter.Node
	// Root is the directory below which the files are that flags name; "" for none.
	Root string
	// KeepKeys: the files that flags name stay as they are on the hosts.
	KeepKeys bool

	Stdin io.Reader
	Now   time.Time
}

// Imported is what an import wrote.
type Imported struct {
	*Begun
	Cluster       string                 `json:"cluster"`
	Version       string                 `json:"version"`
	Read          []existing.Line        `json:"read"`
	Unknown       []string               `json:"unknown,omitempty"` // names of values that the user must give
	Left          []string               `json:"left,omitempty"`    // what the cluster doesn't say
	Notes         []string               `json:"notes,omitempty"`
	RoundTrips    []roundtrip.Comparison `json:"roundTrips"`
	Same          bool                   `json:"same"` // an export makes what the files had
	Findings      []finding.Finding      `json:"findings"`
	ProofFindings []finding.Finding      `json:"roundTripFindings,omitempty"` // why there is no round trip
}

// same reports whether an export makes what the files had, all of it.
func (i *Imported) same() bool {
	return len(i.RoundTrips) > 0 && len(i.Left) == 0 && !slices.ContainsFunc(i.RoundTrips, func(r roundtrip.Comparison) bool { return len(r.Differences) > 0 })
}

// Report says what was written and compared, to be printed after the findings, and what was
// read and left out, to be printed before them.
func (i *Imported) Report() (said, talk []string) {
	for _, l := range i.Read {
		talk = append(talk, l.Lines()...)
	}
	for _, n := range i.Notes {
		talk = append(talk, "note: "+n)
	}
	if i.Kept != "" {
		talk = append(talk, fmt.Sprintf("kept %s: see to it that git ignores out/", i.Kept))
	}
	if i.NeedsSchema {
		talk = append(talk, "stock cue and editors need the vocabulary too; type: kcmgen schema vendor")
	}
	for _, l := range i.Left {
		talk = append(talk, "left out: "+l)
	}
	said = append(said, fmt.Sprintf("wrote %s: cluster %s, Kubernetes %s", i.File, i.Cluster, i.Version))
	if len(i.Unknown) > 0 {
		said = append(said, "to fill in: "+strings.Join(i.Unknown, ", "))
	}
	for _, r := range i.RoundTrips {
		who := ""
		if len(i.RoundTrips) > 1 {
			who = r.Node + ": "
		}
		said = append(said, fmt.Sprintf("%sround trip: %s", who, r))
		for _, d := range r.Differences {
			said = append(said, "    "+d)
		}
	}
	if len(i.RoundTrips) == 0 {
		said = append(said, "round trip: not possible before the errors above are mended")
	}
	return said, talk
}

// ToDo are the findings to print: those of vet, or of the comparison if that wasn't possible.
func (i *Imported) ToDo() []finding.Finding {
	if len(i.RoundTrips) == 0 {
		return i.ProofFindings
	}
	return i.Findings
}

// Check returns an error for options that Run refuses. It reads no file and asks no host. A
// cluster without a name gets the directory's.
func (r *Import) Check() error {
	if r.Name == "" {
		r.Name = NameOf(r.Dir)
	}
	if err := checkName(r.Name); err != nil {
		return err
	}
	if r.Version != "" {
		if _, err := existing.ParseVersion(r.Version); err != nil {
			return fmt.Errorf("--version: %w", err)
		}
	}
	return hostfile.CheckRoot(r.Root)
}

// checkName returns an error unless a cluster may have the name: it is a directory's too.
func checkName(name string) error {
	if !spec.IsName(name) || len(name) > 63 {
		return fmt.Errorf("%q is no name for a cluster: up to 63 lower-case letters, digits, \"-\" and \".\" (--name)", name)
	}
	return nil
}

// Run reads the files, writes the cluster, and compares what an export makes of it with what
// the files had.
func (r Import) Run(ctx context.Context) (*Imported, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	in, err := existing.Read(r.Nodes, r.Stdin, r.addresses())
	if err != nil {
		return nil, err
	}
	version, why, err := in.Version(r.Version)
	if err != nil {
		return nil, fmt.Errorf("--version: %w", err)
	}
	out := &Imported{Cluster: r.Name, Version: version.String(), Read: in.Lines, Notes: why, RoundTrips: []roundtrip.Comparison{}}
	public, err := hostfile.Read(in, version.Minor, hostfile.Local{Root: r.Root, Say: r.say})
	if err != nil {
		return nil, err
	}
	var written *adopt.Output
	c := starter.Cluster{Name: r.Name, Version: version}
	c.Text = func(pkg string) ([]byte, error) {
		written, err = adopt.New(adopt.Cluster{Package: pkg, Name: r.Name, Version: version, Set: in.Set, Nodes: in.Nodes, Public: public, KeepKeys: r.KeepKeys})
		if err != nil {
			return nil, err
		}
		return written.Source, nil
	}
	if out.Begun, err = Begin(r.Dir, c, r.Module, r.Kcmgen); err != nil {
		return nil, err
	}
	out.Unknown, out.Left, out.Notes = written.Unknown, written.Left, append(out.Notes, written.Notes...)
	err = r.prove(ctx, out, written, in)
	out.Same = out.same()
	return out, err
}

// say returns a file's path as the cluster has it, which CUE resolves at the directory of the
// cluster's package: relative to it if both are in one module, which may move; else absolute.
func (r Import) say(name string) string {
	name = absolute(name)
	module, pkg := absolute(r.Dir), filepath.Join(absolute(r.Dir), "clusters", r.Name)
	if root, err := config.ModuleRoot(nearestExisting(r.Dir)); err == nil {
		module, pkg = absolute(root), absolute(r.Dir)
	}
	if rel, err := filepath.Rel(module, name); err != nil || !filepath.IsLocal(rel) {
		return name
	}
	if rel, err := filepath.Rel(pkg, name); err == nil {
		return filepath.ToSlash(rel)
	}
	return name
}

// addresses are those of the nodes, by name.
func (r Import) addresses() map[string]netip.Addr {
	out := map[string]netip.Addr{}
	for _, n := range r.Addresses {
		out[n.Name] = n.Address
	}
	return out
}

// prove vets the cluster, and compares what it exports with what was read. Values that
// aren't known have samples then.
func (r Import) prove(ctx context.Context, out *Imported, written *adopt.Output, in *existing.Cluster) error {
	dir, err := filepath.Abs(filepath.Dir(out.File))
	if err != nil {
		return err
	}
	load := func(overlay map[string][]byte) (*gen.Loaded, error) {
		return gen.Load(ctx, gen.Request{Args: []string{dir}, Overlay: overlay, Version: r.Kcmgen, Now: r.Now})
	}
	plain, err := load(nil)
	if err != nil {
		return err
	}
	out.Findings = append([]finding.Finding{}, plain.Findings...)
	proof := plain
	if written.Samples != nil || slices.ContainsFunc(in.Nodes, func(n adopt.Node) bool { return !n.Address.IsValid() }) {
		overlay := map[string][]byte{filepath.Join(dir, "samples.cue"): samples(written, in)}
		if proof, err = load(overlay); err != nil {
			return err
		}
	}
	if len(proof.Clusters) != 1 {
		out.ProofFindings = proof.Faults
		return nil
	}
	for i, want := range written.Expected {
		trip, err := roundtrip.Compare(proof.Clusters[0].Cluster, want, in.Nodes[i].Read.Partial || in.Nodes[i].Read.Defaults)
		if err != nil {
			return err
		}
		out.RoundTrips = append(out.RoundTrips, *trip)
	}
	return nil
}

// samples gives values to what isn't known, for the comparison alone.
func samples(written *adopt.Output, in *existing.Cluster) []byte {
	text := string(written.Samples)
	if text == "" {
		line := strings.Index(string(written.Source), "\npackage ")
		head, _, _ := strings.Cut(string(written.Source)[line+1:], "\n")
		text = head + "\n"
	}
	for i, n := range in.Nodes {
		if !n.Address.IsValid() {
			text += fmt.Sprintf("\ncluster: nodes: %q: address: \"10.208.0.%d\"\n", n.Name, i+1)
		}
	}
	return []byte(text)
}

// Take takes the nodes and their files, in the form of flags: NAME=FILE,FILE for each node, or
// one set of files for one node, or for all nodes of NAME=ADDRESS,NAME=ADDRESS.
func (r *Import) Take(nodes, files []string, addresses string) (err error) {
	if addresses != "" {
		if r.Addresses, err = starter.ParseNodes(addresses); err != nil {
			return fmt.Errorf("--nodes: %w", err)
		}
	}
	if r.Nodes, err = existing.ParseNodes(nodes, files); err != nil {
		return fmt.Errorf("--node %w", err)
	}
	for _, n := range r.Nodes {
		if n.Node != "" && !spec.IsName(n.Node) {
			return fmt.Errorf("--node: %q is no name of a node: lower-case letters, digits, \"-\" and \".\", such as cp-1", n.Node)
		}
	}
	for _, a := range r.Addresses {
		if len(nodes) > 0 && !slices.ContainsFunc(r.Nodes, func(n existing.NodeFiles) bool { return n.Node == a.Name }) {
			return fmt.Errorf("--nodes has %s, and no --node has its files: add --node %s=FILE, or take it out of --nodes", a.Name, a.Name)
		}
	}
	switch all := r.Nodes[0]; {
	case all.Node != "":
	case len(r.Addresses) == 0:
		r.Nodes[0].Node = "cp-1"
	default:
		r.Nodes = nil
		for _, a := range r.Addresses {
			r.Nodes = append(r.Nodes, existing.NodeFiles{Node: a.Name, Files: all.Files})
		}
	}
	return nil
}
