// Package adopt writes a cluster in CUE for what people already run: what was read from
// their files, said once, with the place of each value beside it.
package adopt

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/edit"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

// Node is a host and what starts kube-controller-manager there.
type Node struct {
	Name    string
	Address netip.Addr // invalid if it isn't known
	SSH     spec.SSH   // how it was reached; its zero value if it wasn't
	Read    *command.Result
}

// Cluster is what is written.
type Cluster struct {
	Package string // CUE's package name
	Name    string
	Version spec.Version
	Set     *text.Set // of what was read
	Nodes   []Node    // not empty
	Public  Public
	// KeepKeys: the files that flags name stay as they are on the hosts; kcmgen places none.
	KeepKeys bool
}

// Expected is what an export of a node must have, with samples in place of unknown values.
type Expected struct {
	Node string
	// Flags are in the order of the file, spelt as there. Lost are arguments that are none.
	Flags []Given
	Lost  []string
	// Program is the program's path; "" if the files don't say it, or not its directory.
	// Wrapper is what starts it there in place of systemd, in words; kcmgen doesn't export it.
	Program, Wrapper string
	// Directives are those of a unit, without ExecStart.
	Directives []Directive
	// Pod is the manifest, in the form of JSON, with the program's container before others; nil
	// for a unit.
	Pod map[string]any
	// Start are the words of a pod's container up to the program.
	Start Start
}

// Given is an argument as it was read.
type Given struct {
	Name, Value string
	Spelled     string // the whole argument
	At          text.Pos
	By          string
}

// Directive is a line of a unit.
type Directive struct {
	Section, Name, Value string
	At                   text.Pos
}

// Output is a cluster in CUE.
type Output struct {
	Source []byte
	// Samples gives each unknown value a sample, in the same package; nil if all are known.
	Samples  []byte
	Unknown  []string // the names of unknown values
	Expected []Expected
	// Left is what the cluster can't say, and Notes what its reader should know.
	Left, Notes []string
}

// writer collects the cluster.
type writer struct {
	Cluster
	minor  *flags.Minor
	holes  *holes
	nodes  []*node
	layout spec.Layout
	model  *spec.Cluster // as the CUE says it, without flags; its paths may have holes
	// networks are the texts of the flags that networks says, by flag.
	networkTexts map[string]text.Text
	out          *Output
	b            bytes.Buffer
}

// node is one host.
type node struct {
	Node
	given []argument
	// flags are the values with their places, by name. lost are arguments that are none.
	flags map[string]value
	lost  []text.Text
}

// value is a flag's value. What is not known in it stays a hole: a sample is for the proof
// alone, and a comparison with it would take the hole away.
type value struct {
	text.Text
	at text.Pos
	by string
}

// New writes a cluster in CUE.
func New(c Cluster) (*Output, error) {
	w := &writer{Cluster: c, minor: flags.Of(c.Version.Minor), out: &Output{}}
	w.holes = newHoles(c.Set)
	if w.layout = layoutOf(c.Nodes[0].Read); len(c.Nodes) > 1 {
		for _, n := range c.Nodes[1:] {
			if layoutOf(n.Read) != w.layout {
				return nil, fmt.Errorf("%s is %s, and %s is %s: import the nodes of each layout on their own", c.Nodes[0].Read.File, c.Nodes[0].Read.Form, n.Read.File, n.Read.Form)
			}
		}
	}
	for _, n := range c.Nodes {
		w.nodes = append(w.nodes, w.read(n))
		w.typePod(n.Read.Pod)
	}
	for _, n := range w.nodes { // each hole has its sample only now
		w.out.Expected = append(w.out.Expected, w.expect(n))
	}
	w.describe()
	w.write()
	src, err := edit.Format("cluster.cue", w.b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("writing the cluster: %w", err)
	}
	w.out.Source = src
	w.out.Unknown = w.holes.names()
	w.out.Samples = w.holes.samples(c.Package)
	return w.out, nil
}

// layoutOf returns the layout of what was read.
func layoutOf(r *command.Result) spec.Layout {
	switch r.Form {
	case command.StaticPod, command.Workload, command.Kubeadm, command.K3s, command.Talos, command.OpenShift, command.Kops, command.Gardener, command.Kubespray, command.Compose, command.RKE1:
		return spec.StaticPod
	}
	return spec.Systemd
}

// common returns the names of flags with the same value on all nodes, and the others.
func (w *writer) common() (same, differ []string) {
	names := map[string]bool{}
	for _, n := range w.nodes {
		for name := range n.flags {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		first, ok := w.nodes[0].flags[name]
		equal := ok
		for _, n := range w.nodes[1:] {
			v, has := n.flags[name]
			equal = equal && has && v.String() == first.String()
		}
		if equal {
			same = append(same, name)
		} else {
			differ = append(differ, name)
		}
	}
	return same, differ
}

// of returns the value of a flag that all nodes have with the same value.
func (w *writer) of(name string) (value, bool) {
	first, ok := w.nodes[0].flags[name]
	for _, n := range w.nodes[1:] {
		if v, has := n.flags[name]; !has || v.String() != first.String() {
			return value{}, false
		}
	}
	return first, ok
}

// vocabulary is the import path of the vocabulary, and its name.
func (w *writer) vocabulary() (imported, name string) {
	imported = vendoring.Package(w.Version.Minor)
	return imported, path.Base(imported)
}
