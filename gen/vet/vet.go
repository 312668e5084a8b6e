// Package vet holds the rules for clusters. It does no I/O: it takes a cluster and
// facts, and returns findings.
package vet

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Facts are what rules need besides the cluster. A rule whose fact is missing
// reports a finding of severity NotChecked.
type Facts struct {
	Now                            time.Time
	CA, FrontProxy, ServiceAccount Material
	// MadeCA and MadeFrontProxy are CAs made by kcmgen, for a cluster that names no
	// files.
	MadeCA, MadeFrontProxy Made
	// Refusals are the verification errors of certificates as an export would make
	// them.
	Refusals []Refusal
	// APIServerKeys are the public keys of the apiserver's
	// --service-account-key-file.
	APIServerKeys    []crypto.PublicKey
	APIServerKeysErr error
	// Tracked are the cluster's private keys that git tracks. TrackedErr says why
	// git failed; it is nil outside a repository.
	Tracked    []TrackedKey
	TrackedErr error
	// PodErrors are the user's fields of a pod that the Kubernetes API refuses.
	PodErrors []PodError
	// Peers are the files of other components that the cluster names, by their fields.
	Peers map[string]*Peer
	// Migrations are the copies of leader-migration configurations, by the paths in flags.
	Migrations map[string]*Migration
	// Existing are the cluster's nodes as they are now; nil if they weren't given. Rules
	// about them then report nothing.
	Existing *Existing
}

// PodError is a field that the Kubernetes API refuses, and why, without its value.
type PodError struct{ Field, Message string }

// Material is the content of the user's own key files. Each error says why a file
// that the cluster names can't be used; fs.ErrNotExist if it isn't on this machine.
type Material struct {
	Cert    *x509.Certificate
	CertErr error
	Public  crypto.PublicKey // of the private key
	KeyErr  error
}

// Rule is one rule of the table in docs/rules.md.
type Rule struct {
	ID       string
	Severity finding.Severity
	// Fixed rules can't be waived: what they reject can't work.
	Fixed bool
	// Flags rules need nothing but a command line, Unit rules nothing but the unit that has
	// it, Pod rules nothing but the pod.
	Flags, Unit, Pod bool
	// Practice rules need nothing but a command line, either, which works without what they
	// require.
	Practice bool
	// Existing rules look at the nodes that exist, and report nothing without them.
	Existing bool
	// Profile rules report nothing for a cluster that names no benchmark.
	Profile bool
	Doc     string // what the rule requires, in one line

	cluster func(*view) []fault
	node    func(*view, *nodeView) []fault
}

// fault is one breach of a rule. An empty severity means the rule's own.
type fault struct {
	field    string
	message  string
	expected string
	hint     string
	severity finding.Severity
	also     []string    // fields that the user may change instead
	at       finding.Pos // in a file of another component
	controls []string    // of benchmarks
}

// view is a cluster as rules see it, with merged flags.
type view struct {
	*spec.Cluster               // with what the apiserver's file says
	user          *spec.Cluster // as the user wrote it
	facts         Facts
	nodes         []*nodeView
	minor         *flags.Minor // data of its version; nil if there is none
	// byLayout has this view for each layout of its nodes: the cluster as they see it.
	byLayout map[spec.Layout]*view
}

type nodeView struct {
	*spec.Node
	flags       spec.Flags
	version     int                 // the cluster's minor version
	known       []knownFlag         // those of flags that the version has
	minor       *flags.Minor        // decides the feature gates: of version, or of the emulated one
	gates       []flags.GateSetting // of --feature-gates
	controllers []string            // of --controllers
	line        *line               // nil for a node of a cluster
	alike       *alike              // shared with the nodes before it that have the same flags
}

// alike is what follows from the flags, the layout and the architecture: most clusters
// have the same on all nodes.
type alike struct {
	first   *nodeView
	sandbox *sandbox         // see view.sandbox
	needs   []need           // see view.needs
	secured *policy.Security // see view.security
}

// value returns a flag's value, or its default in the cluster's version.
func (n *nodeView) value(name string) string {
	return n.flags.Value(name, flags.Default(n.version, name))
}

// knownFlag is a flag with its definition in the cluster's version.
type knownFlag struct {
	spec.Flag
	def flags.Def
}

func newView(c *spec.Cluster, facts Facts) *view {
	v := &view{Cluster: withPeers(c, facts), user: c, facts: facts, minor: flags.Of(c.Version.Minor), byLayout: map[spec.Layout]*view{}}
	for i := range c.Nodes {
		v.nodes = append(v.nodes, v.newNode(&c.Nodes[i]))
	}
	layouts := []spec.Layout{c.Layout}
	for _, n := range v.nodes {
		layouts = append(layouts, c.LayoutOf(n.Node))
	}
	for _, l := range slices.Compact(slices.Sorted(slices.Values(layouts))) {
		if len(v.nodes) == 0 || c.Uses(l) {
			of := *v
			of.Cluster = v.With(l)
			v.byLayout[l] = &of
		}
	}
	return v
}

// newNode returns the node after those of the view.
func (v *view) newNode(node *spec.Node) *nodeView {
	n := &nodeView{Node: node, flags: policy.NodeFlags(v.For(node), node), version: v.Version.Minor, minor: v.minor, controllers: []string{"*"}}
	if len(v.nodes) > 0 {
		s := v.nodes[len(v.nodes)-1].alike
		if f := s.first; f.Arch == n.Arch && v.LayoutOf(f.Node) == v.LayoutOf(node) && slices.Equal(f.flags, n.flags) {
			n.flags, n.known, n.minor, n.gates, n.controllers, n.alike = f.flags, f.known, f.minor, f.gates, f.controllers, s
			return n
		}
	}
	n.alike = &alike{first: n}
	if minor, least, ok := v.emulated(n); ok {
		n.minor = v.minor.Emulating(minor, least)
	}
	n.gates, _ = v.minor.ParseGates(n.flags.Value(featureGates, "")) // errors: feature-gate-syntax
	if f, ok := n.flags.Get("controllers"); ok {
		n.controllers = flags.Elements(f.Value)
	}
	for _, f := range n.flags {
		if d, ok := v.minor.Flag(f.Name); ok {
			n.known = append(n.known, knownFlag{f, d})
		}
	}
	return n
}

// own returns the nodes of the view's layout.
func (v *view) own() []*nodeView {
	return slices.DeleteFunc(slices.Clone(v.nodes), func(n *nodeView) bool { return v.LayoutOf(n.Node) != v.Layout })
}

// Check applies every rule. It returns waived findings too, with their reason.
func Check(c *spec.Cluster, facts Facts) []finding.Finding {
	v := newView(c, facts)
	var out []finding.Finding
	for _, r := range allRules() {
		out = append(out, v.apply(r)...)
	}
	out = v.withControls(withoutRedundant(out))
	out = append(out, c.Own.Findings...)
	out = append(out, waive(c, out, facts)...)
	return merged(sorted(append(out, typeFindings(c, out)...)))
}

// merged merges findings with the same message and position: a field that is written
// for all nodes is reported once.
func merged(fs []finding.Finding) []finding.Finding {
	type fault struct {
		rule, message, waived string
		at                    finding.Pos
	}
	first := map[fault]int{}
	var out []finding.Finding
	for _, f := range fs {
		key := fault{f.Rule, f.Message, f.Waived, f.Pos}
		if i, again := first[key]; again && f.Node != "" && f.Pos.Line > 0 {
			out[i].Node = ""
			continue
		}
		first[key] = len(out)
		out = append(out, f)
	}
	return out
}

// sorted sorts findings by position, rule and node.
func sorted(fs []finding.Finding) []finding.Finding {
	slices.SortStableFunc(fs, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Node, b.Node))
	})
	return fs
}

// withoutRedundant drops findings of flag-type, flag-value and pod-root for fields that a
// more specific fixed rule reports too.
func withoutRedundant(fs []finding.Finding) []finding.Finding {
	general := func(f finding.Finding) bool {
		return slices.Contains([]string{"flag-type", "flag-value", "pod-root"}, f.Rule)
	}
	reported := map[string]bool{}
	for _, f := range fs {
		if f.Severity == finding.Error && !general(f) && fixed(f.Rule) {
			reported[f.Field] = true
		}
	}
	return slices.DeleteFunc(fs, func(f finding.Finding) bool { return general(f) && reported[f.Field] })
}

func fixed(rule string) bool {
	return slices.ContainsFunc(allRules(), func(r Rule) bool { return r.ID == rule && r.Fixed })
}

// apply applies one rule. The same fault on several nodes is one finding.
func (v *view) apply(r Rule) []finding.Finding {
	var out []finding.Finding
	first := map[string]int{}
	add := func(f fault, node string) {
		key := fmt.Sprint(f.field, "\x00", f.message)
		if i, ok := first[key]; ok {
			out[i].Node = ""
			return
		}
		first[key] = len(out)
		out = append(out, v.finding(r, f, node))
	}
	if r.cluster != nil {
		for _, l := range slices.Sorted(maps.Keys(v.byLayout)) {
			for _, f := range r.cluster(v.byLayout[l]) {
				add(f, "")
			}
		}
	}
	if r.node == nil {
		return out
	}
	clear(first)
	for _, n := range v.nodes {
		for _, f := range r.node(v.byLayout[v.LayoutOf(n.Node)], n) {
			add(f, n.Name)
		}
	}
	return out
}

func (v *view) finding(r Rule, f fault, node string) finding.Finding {
	out := finding.Finding{
		Rule: r.ID, Severity: cmp.Or(f.severity, r.Severity), Cluster: v.Name, Node: node, Field: f.field,
		Pos: v.Source.At(f.field), Message: f.message, Expected: f.expected, Hint: f.hint, Controls: f.controls,
	}
	for _, a := range f.also {
		if p, ok := v.Source.Exact(a); ok && p != out.Pos {
			out.Also = append(out.Also, p)
		}
	}
	if f.at != (finding.Pos{}) && f.at != out.Pos && !slices.Contains(out.Also, f.at) {
		out.Also = append(out.Also, f.at)
	}
	return out
}

// flagField returns the field that sets or omits a flag, or "flags", where it would
// be set.
func (v *view) flagField(n *nodeView, name string) string {
	if f, ok := n.flags.Get(name); ok {
		return f.Field
	}
	if n.Flags[name].Omit {
		return finding.Path("nodes", n.Name, "flags", name)
	}
	if v.Flags[name].Omit {
		return finding.Path("flags", name)
	}
	return "flags"
}

func one(f fault) []fault { return []fault{f} }
