package config

import (
	"path/filepath"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"

	"github.com/kcmgen/kcmgen/gen/config/rules"
	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/child"
)

// policyDir is the directory of a module whose rules hold for all clusters of the module.
const policyDir = "policy"

// policyPackage is the package of rules for all clusters of a module.
type policyPackage struct {
	place  place
	inst   *build.Instance
	ex     *explainer
	faults []finding.Finding // why it can't be loaded
	rules  *rules.Set
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
	case !mayHave(pol.inst, rules.Labels...):
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
	_, pol.rules = l.rulesIn(pol, rules.NewSet(l.opts.Rules, nil))
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
		Rule: rules.Invalid, Severity: finding.Error, Cluster: c.Name, Pos: c.Source.At(""),
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
				if l := syntax.LabelOf(d.Label); slices.Contains(labels, l) || l == "*" {
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
func (l *loader) rulesIn(pol *policyPackage, to *rules.Set) (cue.Value, *rules.Set) {
	files, err := newEmbedder(pol.place.root, l.cache.budget)
	if err != nil {
		to.Findings = append(to.Findings, pol.ex.unreadable(pol.place.root, err))
		return cue.Value{}, to
	}
	defer files.close()
	files.attach(pol.inst)
	ctx := cuecontext.New()
	v := ctx.BuildInstance(pol.inst)
	pol.ex.embedded = pol.ex.embeddedIn(files, pol.inst)
	to.Embeds = to.Embeds || pol.ex.embedded != nil
	found := pol.ex.notEmbedded(files, pol.inst)
	if len(found) == 0 && pol.inst.Err != nil {
		found = pol.ex.loadErrors(pol.inst.Err)
	}
	for _, f := range found {
		to.Findings = append(to.Findings, pol.ex.embedded.Finding(f))
	}
	if len(found) == 0 {
		to.Add(ctx, v, pol.ex.ruled())
	}
	return v, to
}

// applyRules applies the organisation's own rules to a cluster: those of the module, then
// those of its package.
func (l *loader) applyRules(c *spec.Cluster, pol *policyPackage, v cue.Value, ex *explainer, data []byte) {
	if l.opts.Rules == nil {
		return
	}
	c.Own.Applied = true
	set := rules.NewSet(l.opts.Rules, pol.set())
	if pol != nil {
		set.Findings = slices.Clone(pol.rules.Findings)
	}
	set.Add(ex.ctx, v, ex.ruled())
	all := set.All()
	if len(all) > 0 {
		set.Findings = append(set.Findings, l.opts.Rules.Apply(all, c, data)...)
	}
	for _, r := range all {
		c.Own.Rules = append(c.Own.Rules, r.OwnRule)
	}
	for _, f := range set.Findings {
		f.Cluster = c.Name
		c.Own.Findings = append(c.Own.Findings, f)
	}
	c.Own.Embedded = set.Embeds
}

// ruled returns a package as its rules are read.
func (x *explainer) ruled() rules.Package {
	return rules.Package{Inst: x.inst, Vocabulary: schemaOf(x.inst), Embedded: x.embedded, Rel: x.rel, Pos: x.pos, Record: x.recordErrors}
}

// set returns the rules of a package that may be nil.
func (p *policyPackage) set() *rules.Set {
	if p == nil {
		return nil
	}
	return p.rules
}

// Types of rules, for callers of this package.
type (
	RuleOptions = rules.Options
	Case        = rules.Case
)
