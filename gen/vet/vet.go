// Package vet holds the rules that a cluster must obey. It is pure: a cluster
// and facts in, findings out.
package vet

import (
	"cmp"
	"crypto"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Facts is what rules need besides the cluster. A rule whose fact is missing
// reports that it did not check.
type Facts struct {
	Now                            time.Time
	CA, FrontProxy, ServiceAccount Material
	// MadeCA and MadeFrontProxy are kcmgen's own, where the cluster names no files.
	MadeCA, MadeFrontProxy Made
	// Refusals are what readers say of certificates as an export would make them.
	Refusals []Refusal
	// APIServerKeys are the public keys of the apiserver's
	// --service-account-key-file.
	APIServerKeys    []crypto.PublicKey
	APIServerKeysErr error
	// Tracked are the cluster's private keys that git tracks. The error is why git
	// couldn't be asked, where there is a repository.
	Tracked    []TrackedKey
	TrackedErr error
}

// Material is what the user's own key files hold. Each error is why a file that
// the cluster names could not be used; fs.ErrNotExist means that it isn't here.
type Material struct {
	Cert    *x509.Certificate
	CertErr error
	Public  crypto.PublicKey // of the private key
	KeyErr  error
}

// Rule is one row of the table.
type Rule struct {
	ID       string
	Severity finding.Severity
	// Fixed rules can't be waived: what they refuse doesn't work at all.
	Fixed bool
	// Flags: the rule looks at nothing but a command line.
	Flags bool
	Doc   string // what the rule demands, in one line

	cluster func(*view) []fault
	node    func(*view, *nodeView) []fault
}

// fault is one breach of a rule. Empty Severity means the rule's own.
type fault struct {
	field    string
	message  string
	expected string
	hint     string
	severity finding.Severity
	also     []string // fields that the user may change instead
}

// view is a cluster as rules see it: flags already merged.
type view struct {
	*spec.Cluster
	facts Facts
	nodes []*nodeView
	minor *flags.Minor // what its version knows; nil without data
}

type nodeView struct {
	*spec.Node
	flags       spec.Flags
	version     int                 // minor, of the cluster
	known       []knownFlag         // those of them that the version has
	minor       *flags.Minor        // of its feature gates: the cluster's, or what it emulates
	gates       []flags.GateSetting // of --feature-gates
	controllers []string            // of --controllers
	line        *line               // nil for a node of a cluster
}

// value is a flag's value: where it isn't given, the default of the cluster's version.
func (n *nodeView) value(name string) string {
	return n.flags.Value(name, flags.Default(n.version, name))
}

// knownFlag is a flag, and what the version knows of it.
type knownFlag struct {
	spec.Flag
	def flags.Def
}

func newView(c *spec.Cluster, facts Facts) *view {
	v := &view{Cluster: c, facts: facts, minor: flags.Of(c.Version.Minor)}
	for i := range c.Nodes {
		n := &nodeView{Node: &c.Nodes[i], flags: policy.NodeFlags(c, &c.Nodes[i]), version: c.Version.Minor, minor: v.minor, controllers: []string{"*"}}
		if minor, least, ok := v.emulated(n); ok {
			n.minor = v.minor.Emulating(minor, least)
		}
		n.gates, _ = v.minor.ParseGates(n.flags.Value(featureGates, "")) // feature-gate-syntax says what is wrong
		if f, ok := n.flags.Get("controllers"); ok {
			n.controllers = flags.Elements(f.Value)
		}
		for _, f := range n.flags {
			if d, ok := v.minor.Flag(f.Name); ok {
				n.known = append(n.known, knownFlag{f, d})
			}
		}
		v.nodes = append(v.nodes, n)
	}
	return v
}

// Check applies every rule. Waived findings come back with their reason.
func Check(c *spec.Cluster, facts Facts) []finding.Finding {
	v := newView(c, facts)
	var out []finding.Finding
	for _, r := range Rules() {
		out = append(out, v.apply(r)...)
	}
	out = explained(out)
	out = append(out, waive(c, out)...)
	return folded(sorted(append(out, refused(c, out)...)))
}

// folded makes one finding of those that say the same of the same place: what is
// written for all nodes is at fault once, however many there are.
func folded(fs []finding.Finding) []finding.Finding {
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

// sorted puts findings in the order of their places.
func sorted(fs []finding.Finding) []finding.Finding {
	slices.SortStableFunc(fs, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Col, b.Pos.Col), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Node, b.Node))
	})
	return fs
}

// explained leaves out that a value isn't of its flag's type, or not among those
// it takes, where a rule that nobody can waive says more of the same field.
func explained(fs []finding.Finding) []finding.Finding {
	plain := func(f finding.Finding) bool { return f.Rule == "flag-type" || f.Rule == "flag-value" }
	said := map[string]bool{}
	for _, f := range fs {
		if f.Severity == finding.Error && !plain(f) && fixed(f.Rule) {
			said[f.Field] = true
		}
	}
	return slices.DeleteFunc(fs, func(f finding.Finding) bool { return plain(f) && said[f.Field] })
}

func fixed(rule string) bool {
	return slices.ContainsFunc(Rules(), func(r Rule) bool { return r.ID == rule && r.Fixed })
}

// apply runs one rule. The same fault on several nodes is one finding.
func (v *view) apply(r Rule) []finding.Finding {
	var out []finding.Finding
	if r.cluster != nil {
		for _, f := range r.cluster(v) {
			out = append(out, v.finding(r, f, ""))
		}
	}
	if r.node == nil {
		return out
	}
	first := map[string]int{}
	for _, n := range v.nodes {
		for _, f := range r.node(v, n) {
			key := fmt.Sprint(f.field, "\x00", f.message)
			if i, ok := first[key]; ok {
				out[i].Node = ""
				continue
			}
			first[key] = len(out)
			out = append(out, v.finding(r, f, n.Name))
		}
	}
	return out
}

func (v *view) finding(r Rule, f fault, node string) finding.Finding {
	out := finding.Finding{
		Rule: r.ID, Severity: cmp.Or(f.severity, r.Severity), Cluster: v.Name, Node: node, Field: f.field,
		Pos: v.Source.At(f.field), Message: f.message, Expected: f.expected, Hint: f.hint,
	}
	for _, a := range f.also {
		if p, ok := v.Source.Exact(a); ok && p != out.Pos {
			out.Also = append(out.Also, p)
		}
	}
	return out
}

// flagField is the field that a flag's value comes from, that took it away, or
// where it would be written.
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
