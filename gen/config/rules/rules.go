// Package rules holds an organisation's own rules: it reads them from an evaluated package,
// unifies their checks with a cluster, which is data to them, and says what they refuse. It
// loads nothing: gen/config evaluates packages and clusters.
package rules

import (
	"cmp"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Labels are the fields of a package that hold rules. The hidden one is for packages
// that stock "cue vet" checks: it demands a value of each field that isn't hidden, and a
// check has none.
var Labels = []string{"rules", "_rules"}

// Invalid is the rule of findings about rules that can't be evaluated. It isn't in the
// table of rules, so no waiver accepts it.
const Invalid = "rule-invalid"

// Options are what an organisation's own rules need. Without them, own rules are not
// applied.
type Options struct {
	// Taken reports whether an id is that of a rule of kcmgen's.
	Taken func(id string) bool
	// Classes returns the classes of effects that a change can have.
	Classes func() []string
	// Effective returns what follows for the nodes of a cluster.
	Effective func(*spec.Cluster) []spec.EffectiveNode
}

// Rule is a rule with its check.
type Rule struct {
	spec.OwnRule
	ctx      *cue.Context // of its package
	check    cue.Value
	touches  []string  // the cluster's fields that it can look at; nil: all
	origin   token.Pos // of what makes it the same rule, wherever it is imported
	broken   bool      // there is a finding about it
	embedded *spec.Embedded
}

// Broken reports whether there is a finding about a rule, which can't be applied then.
func (r *Rule) Broken() bool { return r.broken }

// Set are the rules for one cluster.
type Set struct {
	opts     *Options
	rules    []*Rule
	byID     map[string]*Rule
	base     *Set // rules that these can't replace; nil if there are none
	Findings []finding.Finding
	Embeds   bool // the rules have values from embedded files
}

// NewSet returns an empty set over the rules of a module's policy, which may be nil.
func NewSet(o *Options, policy *Set) *Set {
	s := &Set{opts: o, byID: map[string]*Rule{}}
	if policy != nil {
		s.base, s.Embeds = policy, policy.Embeds
	}
	return s
}

// Rule returns the rule of an id, or nil.
func (s *Set) Rule(id string) *Rule {
	if s.base != nil {
		if r := s.base.Rule(id); r != nil {
			return r
		}
	}
	return s.byID[id]
}

// Own returns the rules of this set alone, in the order of their packages.
func (s *Set) Own() []*Rule { return s.rules }

// All returns all rules, sorted by id.
func (s *Set) All() []*Rule {
	out := slices.Clone(s.rules)
	if s.base != nil {
		out = append(out, s.base.All()...)
	}
	slices.SortStableFunc(out, func(a, b *Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Package is an evaluated package that may have rules.
type Package struct {
	Inst *build.Instance
	// Vocabulary is the package of the vocabulary that it imports; nil if it imports none.
	Vocabulary *build.Instance
	Embedded   *spec.Embedded // contents of embedded files; nil if there are none
	Rel        func(file string) string
	Pos        func(token.Pos) finding.Pos
	Record     func(error) // records values of embedded files that appear in errors
}

// Add adds the rules of a package, which was evaluated as v in a context.
func (s *Set) Add(ctx *cue.Context, v cue.Value, p Package) {
	before := len(s.Findings)
	all, err := v.Fields(cue.Hidden(true))
	for err == nil && all.Next() {
		if label := all.Selector().String(); slices.Contains(Labels, label) {
			s.in(ctx, all.Value(), label, p)
		}
	}
	// An error such as in a condition may have left out rules.
	if outside := notBelow(cmp.Or(err, v.Err()), 0); outside != nil && len(s.Findings) == before && writesRules(p.Inst) {
		r := reader{Set: s, Package: p, at: syntax.TopLabels(p.Inst, Labels[0], p.Rel)}
		r.invalid(nil, "the rules can't be evaluated", outside)
	}
}

// notBelow returns the errors at paths of at most some labels: those of a struct itself, and
// not of its fields.
func notBelow(err error, labels int) errors.Error {
	var out errors.Error
	for _, e := range errors.Errors(err) {
		if len(e.Path()) <= labels {
			out = errors.Append(out, e)
		}
	}
	return out
}

// writesRules reports whether a package has a field of rules at any depth.
func writesRules(inst *build.Instance) bool {
	found := false
	for _, f := range inst.Files {
		ast.Walk(f, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			found = found || ok && slices.Contains(Labels, syntax.LabelOf(field.Label))
			return !found
		}, nil)
	}
	return found
}

// in adds the rules in a field.
func (s *Set) in(ctx *cue.Context, rules cue.Value, label string, p Package) {
	r := reader{Set: s, Package: p, ctx: ctx, at: syntax.TopLabels(p.Inst, label, p.Rel), vocabulary: map[string]bool{}}
	if p.Vocabulary != nil {
		syntax.EachFile(p.Vocabulary, map[*build.Instance]bool{}, func(f *ast.File) { r.vocabulary[f.Filename] = true })
	}
	r.aliases = hasAliases(p.Inst, r.vocabulary)
	it, err := rules.Fields()
	if err != nil {
		r.invalid(nil, "the rules can't be evaluated", err)
		return
	}
	for it.Next() {
		r.add(it.Selector().Unquoted(), it.Value())
	}
	if outside := notBelow(rules.Err(), 1); outside != nil {
		r.invalid(nil, "the rules can't be evaluated", outside)
	}
}
