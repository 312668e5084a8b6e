package config

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/child"
)

// policyDir is the directory of a module whose rules hold for all clusters of the module.
const policyDir = "policy"

// ruleLabels are the fields of a package that hold rules. The hidden one is for packages
// that stock "cue vet" checks: it demands a value of each field that isn't hidden, and a
// check has none.
var ruleLabels = []string{"rules", "_rules"}

// ruleInvalid is the rule of findings about rules that can't be evaluated. It isn't in the
// table of rules, so no waiver accepts it.
const ruleInvalid = "rule-invalid"

// RuleOptions are what an organisation's own rules need. Without them, own rules are not
// applied.
type RuleOptions struct {
	// Taken reports whether an id is that of a rule of kcmgen's.
	Taken func(id string) bool
	// Classes returns the classes of effects that a change can have.
	Classes func() []string
	// Effective returns what follows for the nodes of a cluster.
	Effective func(*spec.Cluster) []spec.EffectiveNode
}

// ownRule is a rule with its check.
type ownRule struct {
	spec.OwnRule
	ctx      *cue.Context // of its package
	check    cue.Value
	touches  []string  // the cluster's fields that it can look at; nil: all
	origin   token.Pos // of what makes it the same rule, wherever it is imported
	broken   bool      // there is a finding about it
	embedded *spec.Embedded
}

// ruleSet are the rules for one cluster.
type ruleSet struct {
	opts     *RuleOptions
	rules    []*ownRule
	byID     map[string]*ownRule
	base     *ruleSet // rules that these can't replace; nil if there are none
	findings []finding.Finding
	embedded bool // the rules have values from embedded files
}

// newRuleSet returns an empty set over the rules of a module's policy, which may be nil.
func newRuleSet(o *RuleOptions, pol *policyPackage) *ruleSet {
	s := &ruleSet{opts: o, byID: map[string]*ownRule{}}
	if pol != nil {
		s.base, s.embedded = pol.rules, pol.rules.embedded
	}
	return s
}

// rule returns the rule of an id, or nil.
func (s *ruleSet) rule(id string) *ownRule {
	if s.base != nil {
		if r := s.base.rule(id); r != nil {
			return r
		}
	}
	return s.byID[id]
}

// all returns all rules, sorted by id.
func (s *ruleSet) all() []*ownRule {
	out := slices.Clone(s.rules)
	if s.base != nil {
		out = append(out, s.base.all()...)
	}
	slices.SortStableFunc(out, func(a, b *ownRule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// policyPackage is the package of rules for all clusters of a module.
type policyPackage struct {
	place  place
	inst   *build.Instance
	ex     *explainer
	faults []finding.Finding // why it can't be loaded
	rules  *ruleSet
}

// policyOf loads the package with the rules for a module; nil if there is none. Each
// worker loads its own, since CUE's syntax trees can't be shared.
func (l *loader) policyOf(root string) *policyPackage {
	p := place{dir: filepath.Join(root, policyDir), root: root}
	if l.opts.Rules == nil || !hasCUE(p.dir) {
		return nil
	}
	pol := &policyPackage{place: p, inst: l.reload(p, nil)}
	pol.ex = &explainer{rel: l.rel, dir: p.dir, user: userFiles(pol.inst), inst: pol.inst}
	switch {
	case pol.inst.Err != nil:
		pol.faults = pol.ex.loadErrors(pol.inst.Err)
	case !mayHave(pol.inst, ruleLabels...):
		return nil
	default:
		pol.faults = l.embeds(pol.inst, pol.ex)
	}
	return pol
}

// rulesApart leaves places to children if the rules of their module may take more than a
// little; otherwise it reads the rules.
func (l *loader) rulesApart(t *task, pol *policyPackage, share []int) bool {
	if pol == nil || len(pol.faults) > 0 {
		return false
	}
	if why := l.large(pol.inst); why != nil && child.Available() {
		for _, i := range share {
			t.apart.add(i, why)
		}
		return true
	}
	l.readRules(pol)
	return false
}

// readRules evaluates the rules of a module, unless that was done. A panic is a finding.
func (l *loader) readRules(pol *policyPackage) {
	if pol == nil || len(pol.faults) > 0 || pol.rules != nil {
		return
	}
	defer l.watch.Begin(l.rel(pol.place.dir))()
	defer func() {
		if recover() != nil {
			pol.faults = []finding.Finding{l.overLimit(pol.place, nil, &child.EndedError{Cause: child.Failed})}
		}
	}()
	_, pol.rules = l.rulesIn(pol, newRuleSet(l.opts.Rules, nil))
}

// faultsOf returns why the package can't be loaded; none if there is no package.
func (p *policyPackage) faultsOf() []finding.Finding {
	if p == nil {
		return nil
	}
	return p.faults
}

// notApplied is the finding of a cluster to which rules were not applied, which only a bug of
// kcmgen can cause: that must not be a pass.
func notApplied(c *spec.Cluster) finding.Finding {
	return finding.Finding{
		Rule: ruleInvalid, Severity: finding.Error, Cluster: c.Name, Pos: c.Source.At(""),
		Message: "the organisation's own rules were not applied to this cluster", Expected: "a cluster that each of them was applied to",
		Hint: "report this as a fault of kcmgen",
	}
}

// skipped says why a package is skipped. That with the rules for its module isn't.
func (l *loader) skipped(p place, reason string) []Skipped {
	if l.opts.Rules != nil && reason == noClusterField && l.rough.rules(p) {
		if p.dir == filepath.Join(p.root, policyDir) {
			return nil
		}
		reason += "; its rules hold where they are imported, and for all clusters if they stand in " + l.rel(filepath.Join(p.root, policyDir))
	}
	return []Skipped{{Dir: l.rel(p.dir), Reason: reason}}
}

// reached returns the directories whose files decide about a place.
func (l *loader) reached(p place) []string {
	if l.opts.Rules == nil {
		return []string{p.dir}
	}
	return []string{p.dir, filepath.Join(p.root, policyDir)}
}

// mayHave reports whether a package may have one of some fields: one with its label, or one
// that another field or an embedded value makes.
func mayHave(inst *build.Instance, labels ...string) bool {
	for _, f := range inst.Files {
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.Field:
				if l := labelOf(d.Label); slices.Contains(labels, l) || l == "*" {
					return true
				}
			case *ast.EmbedDecl, *ast.Comprehension:
				return true
			}
		}
	}
	return false
}

// rulesIn evaluates a package, and adds its rules to a set.
func (l *loader) rulesIn(pol *policyPackage, to *ruleSet) (cue.Value, *ruleSet) {
	files, err := newEmbedder(pol.place.root, l.cache.budget)
	if err != nil {
		to.findings = append(to.findings, pol.ex.unreadable(pol.place.root, err))
		return cue.Value{}, to
	}
	defer files.close()
	files.attach(pol.inst)
	ctx := cuecontext.New()
	v := ctx.BuildInstance(pol.inst)
	pol.ex.embedded = pol.ex.embeddedIn(files, pol.inst)
	to.embedded = to.embedded || pol.ex.embedded != nil
	found := pol.ex.notEmbedded(files, pol.inst)
	if len(found) == 0 && pol.inst.Err != nil {
		found = pol.ex.loadErrors(pol.inst.Err)
	}
	for _, f := range found {
		to.findings = append(to.findings, pol.ex.embedded.Finding(f))
	}
	if len(found) == 0 {
		to.from(ctx, v, pol.ex)
	}
	return v, to
}

// from adds the rules of a package, which was evaluated in a context.
func (s *ruleSet) from(ctx *cue.Context, v cue.Value, x *explainer) {
	before := len(s.findings)
	all, err := v.Fields(cue.Hidden(true))
	for err == nil && all.Next() {
		if label := all.Selector().String(); slices.Contains(ruleLabels, label) {
			s.in(ctx, all.Value(), label, x)
		}
	}
	// An error such as in a condition may have left out rules.
	if outside := notBelow(cmp.Or(err, v.Err()), 0); outside != nil && len(s.findings) == before && writesRules(x.inst) {
		r := ruleReader{ruleSet: s, explainer: x, at: topLabels(x.inst, ruleLabels[0], x.rel)}
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
			found = found || ok && slices.Contains(ruleLabels, labelOf(field.Label))
			return !found
		}, nil)
	}
	return found
}

// in adds the rules in a field.
func (s *ruleSet) in(ctx *cue.Context, rules cue.Value, label string, x *explainer) {
	r := ruleReader{ruleSet: s, explainer: x, ctx: ctx, at: topLabels(x.inst, label, x.rel), vocabulary: map[string]bool{}}
	if schema := schemaOf(x.inst); schema != nil {
		eachFile(schema, map[*build.Instance]bool{}, func(f *ast.File) { r.vocabulary[f.Filename] = true })
	}
	r.aliases = hasAliases(x.inst, r.vocabulary)
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
