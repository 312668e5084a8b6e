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
	"strings"

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
	// Directives are those of a unit, without the ones that start the program.
	Directives []Directive
	// Pod is the manifest, in the form of JSON; nil for a unit.
	Pod map[string]any
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
	model  *spec.Cluster // as the CUE says it, without flags
	out    *Output
	b      bytes.Buffer
}

// node is one host.
type node struct {
	Node
	given []Given
	// flags are the values with their places, by name. lost are arguments that are none.
	flags map[string]value
	lost  []text.Text
}

// value is a flag's value.
type value struct {
	text.Text
	filled string // with samples
	at     text.Pos
	by     string
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

// read takes a node's flags.
func (w *writer) read(n Node) *node {
	out := &node{Node: n, flags: map[string]value{}}
	words := make([]string, 0, len(n.Read.Args))
	texts := make([]text.Text, 0, len(n.Read.Args))
	for _, a := range n.Read.Args {
		t := w.own(a.Text, n)
		texts = append(texts, t)
		words = append(words, w.holes.fill(t, nil))
	}
	if n.Read.Defaults {
		words, texts = w.withoutDefaults(words, texts)
	}
	given, faults := w.minor.Read(words)
	for _, f := range faults {
		out.lost = append(out.lost, texts[f.Arg])
	}
	for _, g := range given {
		t := texts[g.Arg]
		val := t
		if before, after, ok := t.Cut("="); ok && strings.HasPrefix(before.String(), "-") {
			val = after
		} else if g.Arg+1 < len(texts) && words[g.Arg] != g.Value && g.Value == words[g.Arg+1] {
			val = texts[g.Arg+1]
		} else {
			val = text.Literal(g.Value, t.At(0))
		}
		d, known := w.minor.Flag(g.Name)
		v := value{Text: val, at: w.Set.Pos(t.At(0)), by: by(n.Read, texts, g.Arg)}
		if old, again := out.flags[g.Name]; again && known && d.Adds() {
			v.Text = text.Join(old.Text, text.Literal(",", val.At(0)), val)
		}
		v.filled = w.holes.fill(v.Text, &flagUse{g.Name, d})
		out.flags[g.Name] = v
		spelled := w.holes.fill(t, &flagUse{g.Name, d})
		out.given = append(out.given, Given{Name: g.Name, Value: v.filled, Spelled: spelled, At: v.at, By: v.by})
	}
	want := Expected{Node: n.Name, Flags: out.given}
	for _, t := range out.lost {
		want.Lost = append(want.Lost, place(w.Set.Pos(t.At(0)))+": argument "+oneLine(w.Set.Show(t)))
	}
	w.out.Expected = append(w.out.Expected, want)
	return out
}

// by is what adds an argument.
func by(r *command.Result, _ []text.Text, i int) string {
	if i < len(r.Args) && !r.Defaults {
		return r.Args[i].By
	}
	return ""
}

// withoutDefaults leaves out flags that have their default.
func (w *writer) withoutDefaults(words []string, texts []text.Text) ([]string, []text.Text) {
	var outWords []string
	var outTexts []text.Text
	for i, word := range words {
		name, val, _ := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		if d, ok := w.minor.Flag(name); ok && texts[i].Known() && d.Default == val {
			continue
		}
		outWords, outTexts = append(outWords, word), append(outTexts, texts[i])
	}
	return outWords, outTexts
}

// own puts a node's address and name where the file leaves them open.
func (w *writer) own(t text.Text, n Node) text.Text {
	if t.Known() {
		return t
	}
	return w.Set.Replace(t, func(h text.Hole) (string, bool) {
		switch {
		case isNodeAddress(h.Name) && n.Address.IsValid():
			return n.Address.String(), true
		case isNodeName(h.Name) && n.Name != "":
			return n.Name, true
		}
		return "", false
	})
}

func isNodeAddress(name string) bool {
	switch strings.ToUpper(strings.ReplaceAll(path.Ext("."+name), ".", "")) {
	case "NODE_IP", "NODEIP", "HOST_IP", "HOSTIP", "INTERNAL_IP", "PRIVATE_IP", "LOCAL_IP", "MASTER_IP", "MY_IP", "IP", "NODE_ADDRESS", "HOST_ADDRESS", "ADVERTISE_ADDRESS", "ANSIBLE_HOST", "NODE_INTERNAL_IP", "STATUS.HOSTIP":
		return true
	}
	return false
}

func isNodeName(name string) bool {
	switch strings.ToUpper(name) {
	case "NODE_NAME", "NODENAME", "HOSTNAME", "HOST_NAME", "INVENTORY_HOSTNAME", "SPECIFIER_H":
		return true
	}
	return false
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
			equal = equal && has && v.filled == first.filled
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
		if v, has := n.flags[name]; !has || v.filled != first.filled {
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
