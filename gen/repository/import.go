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
	"github.com/kcmgen/kcmgen/gen/finding"
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
	Nodes []gen.NodeFiles
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
	Cluster       string            `json:"cluster"`
	Version       string            `json:"version"`
	Read          []gen.CheckedLine `json:"read"`
	Unknown       []string          `json:"unknown,omitempty"` // names of values that the user must give
	Left          []string          `json:"left,omitempty"`    // what the cluster doesn't say
	Notes         []string          `json:"notes,omitempty"`
	RoundTrips    []gen.RoundTrip   `json:"roundTrips"`
	Findings      []finding.Finding `json:"findings"`
	ProofFindings []finding.Finding `json:"-"` // why there is no round trip
}

// Same reports whether an export makes what the files had.
func (i *Imported) Same() bool {
	return len(i.RoundTrips) > 0 && !slices.ContainsFunc(i.RoundTrips, func(r gen.RoundTrip) bool { return len(r.Differences) > 0 })
}

// Report says what was written and compared, and beside it what was read and left out.
func (i *Imported) Report() (said, talk []string) {
	for _, l := range i.Read {
		talk = append(talk, l.Lines()...)
	}
	for _, n := range i.Notes {
		talk = append(talk, "note: "+n)
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
		said = append(said, "round trip: not possible before these errors are mended:")
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

// Run reads the files, writes the cluster, and compares what an export makes of it with what
// the files had.
func (r Import) Run(ctx context.Context) (*Imported, error) {
	in, err := gen.ReadNodes(r.Nodes, r.Stdin, r.addresses())
	if err != nil {
		return nil, err
	}
	version, why, err := in.Version(r.Version)
	if err != nil {
		return nil, fmt.Errorf("--version: %w", err)
	}
	out := &Imported{Cluster: r.Name, Version: version.String(), Read: in.Lines, RoundTrips: []gen.RoundTrip{}}
	if why != "" {
		out.Notes = append(out.Notes, why)
	}
	var written *adopt.Output
	c := starter.Cluster{Name: r.Name, Version: version}
	c.Text = func(pkg string) ([]byte, error) {
		written, err = adopt.New(adopt.Cluster{Package: pkg, Name: r.Name, Version: version, Set: in.Set, Nodes: in.Nodes, Public: gen.ReadPublic(in, r.Root), KeepKeys: r.KeepKeys})
		if err != nil {
			return nil, err
		}
		return written.Source, nil
	}
	if out.Begun, err = Begin(r.Dir, c, r.Module, r.Kcmgen); err != nil {
		return nil, err
	}
	out.Unknown, out.Left, out.Notes = written.Unknown, written.Left, append(out.Notes, written.Notes...)
	return out, r.prove(ctx, out, written, in)
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
func (r Import) prove(ctx context.Context, out *Imported, written *adopt.Output, in *gen.ReadFiles) error {
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
		trip, err := gen.CompareRoundTrip(proof.Clusters[0].Cluster, want, in.Nodes[i].Read.Partial || in.Nodes[i].Read.Defaults)
		if err != nil {
			return err
		}
		out.RoundTrips = append(out.RoundTrips, *trip)
	}
	return nil
}

// samples gives values to what isn't known, for the comparison alone.
func samples(written *adopt.Output, in *gen.ReadFiles) []byte {
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
	if r.Nodes, err = gen.ParseNodeFiles(nodes, files); err != nil {
		return fmt.Errorf("--node %w", err)
	}
	switch all := r.Nodes[0]; {
	case all.Node != "":
	case len(r.Addresses) == 0:
		r.Nodes[0].Node = "cp-1"
	default:
		r.Nodes = nil
		for _, a := range r.Addresses {
			r.Nodes = append(r.Nodes, gen.NodeFiles{Node: a.Name, Files: all.Files})
		}
	}
	return nil
}
