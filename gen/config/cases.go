package config

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/load"
	cuejson "cuelang.org/go/encoding/json"

	"github.com/kcmgen/kcmgen/gen/config/rules"
	"github.com/kcmgen/kcmgen/gen/config/syntax"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/schemas"
)

// Tested is the result of TestRules.
type Tested struct {
	Cases    []rules.Case      // by position
	Findings []finding.Finding // what can't be evaluated, and rules that no case breaks
}

// ErrNoCases is the error of packages without rules and cases.
var ErrNoCases = errors.New("no package here has a field rules or tests; rules for all clusters stand in " + policyDir + "/")

// TestRules runs the cases that stand beside the organisation's own rules, in the packages
// that args name as in Load. Options must have Rules.
//
// TestRules returns a LimitError for rules that take too much time or memory; the program
// must end then.
func TestRules(ctx context.Context, cwd string, args []string, o Options) (*Tested, error) {
	l := newLoader(cwd, o)
	var out *Tested
	err := l.watch.Run(ctx, func() (err error) {
		out, err = l.testRules(ctx, args)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (l *loader) testRules(ctx context.Context, args []string) (*Tested, error) {
	f, _, err := l.find(args)
	if err != nil {
		return nil, err
	}
	t := &tester{
		loader: l, out: &Tested{Findings: f.res.Findings}, seen: map[finding.Pos]bool{},
		untested: map[finding.Pos]spec.OwnRule{}, broken: map[finding.Pos]bool{}, schemas: map[string]clusterSchema{},
	}
	some := false
	known := modules{}
	for _, p := range f.places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if module := known.of(l, p.root); len(module.faults) > 0 {
			t.out.Findings = append(t.out.Findings, module.faults...)
			continue
		} else if module.has(p) {
			continue
		}
		if files := (&build.Instance{Files: p.files()}); mayHave(files, append(rules.Labels, "tests")...) {
			some = t.place(p) || some
		}
	}
	if !some && len(t.out.Findings) == 0 {
		return nil, ErrNoCases
	}
	t.finish()
	return t.out, nil
}

// tester runs the cases of several packages.
type tester struct {
	*loader
	out      *Tested
	seen     map[finding.Pos]bool         // cases that were run
	untested map[finding.Pos]spec.OwnRule // rules by position
	broken   map[finding.Pos]bool         // rules that a case breaks
	schemas  map[string]clusterSchema     // by import path
}

// place runs the cases of a package, and reports whether it has rules or cases.
func (t *tester) place(p place) bool {
	defer t.watch.Begin(t.rel(p.dir))()
	r := t.reach(p.root, t.reached(p), nil)
	if found := r.unreadable(t.loader); len(found) > 0 {
		t.out.Findings = append(t.out.Findings, found...)
		return true
	}
	pol := t.policyOf(p.root)
	t.readRules(pol)
	own := &policyPackage{place: p, inst: t.reload(p, nil)}
	own.ex = &explainer{rel: t.rel, dir: p.dir, user: userFiles(own.inst), inst: own.inst}
	switch {
	case len(pol.faultsOf()) > 0 && p.dir != pol.place.dir:
		t.out.Findings = append(t.out.Findings, pol.faults...)
		return true
	case own.inst.Err != nil:
		t.out.Findings = append(t.out.Findings, own.ex.loadErrors(own.inst.Err)...)
		return true
	case pol != nil && p.dir == pol.place.dir:
		pol = nil // it is the same
	}
	if found := t.embeds(own.inst, own.ex); len(found) > 0 {
		t.out.Findings = append(t.out.Findings, found...)
		return true
	}
	v, set := t.rulesIn(own, rules.NewSet(t.opts.Rules, pol.set()))
	t.out.Findings = append(t.out.Findings, set.Findings...)
	for _, one := range set.Own() {
		if len(one.Changes) > 0 {
			continue // no case has a change
		}
		t.untested[one.Pos] = one.OwnRule
	}
	cases := v.LookupPath(cue.ParsePath("tests"))
	if cases.Exists() {
		t.cases(cases, own, set)
	}
	return cases.Exists() || len(set.Own()) > 0 || len(set.Findings) > 0
}

// cases runs the cases of a package.
func (t *tester) cases(all cue.Value, own *policyPackage, set *rules.Set) {
	at := syntax.TopLabels(own.inst, "tests", t.rel)
	it, err := all.Fields()
	if err != nil {
		t.out.Findings = append(t.out.Findings, finding.Finding{
			Rule: rules.Invalid, Severity: finding.Error, Pos: at.At(""), Message: "the tests can't be evaluated: " + syntax.Trim(err.Error()),
			Expected: `tests: "what it shows": {rule: "an id", cluster: {…}, fails: true}`,
		})
		return
	}
	for it.Next() {
		name := it.Selector().Unquoted()
		c := rules.Case{Name: name, Position: at.At(finding.Path(name)), Got: []string{}}
		if pos, ok := at.Exact(finding.Path(name)); !ok || pos.Line == 0 {
			c.Position = own.ex.pos(it.Value().LookupPath(cue.ParsePath("rule")).Pos())
		}
		if t.seen[c.Position] {
			continue // a file that several packages share
		}
		t.seen[c.Position] = true
		t.run(&c, it.Value(), own, set)
		for i, text := range c.Got {
			c.Got[i] = own.ex.embedded.Redact(text)
		}
		t.out.Cases = append(t.out.Cases, c)
	}
}

// run runs one case.
func (t *tester) run(c *rules.Case, v cue.Value, own *policyPackage, set *rules.Set) {
	c.Expected = `{rule: "an id", cluster: {…}, fails: true or false}`
	refuse := func(format string, args ...any) { c.Got = append(c.Got, fmt.Sprintf(format, args...)) }
	var w rules.Expectation
	c.Rule, _ = v.LookupPath(cue.ParsePath("rule")).String()
	data, err := v.MarshalJSON()
	if err == nil {
		w, err = rules.ReadExpectation(data)
	}
	switch {
	case err != nil:
		refuse("the case can't be read: %s", strings.TrimPrefix(syntax.Trim(err.Error()), "cue: marshal error: "))
		return
	case w.Fails == nil || w.Cluster == nil:
		refuse("the case has no cluster, or doesn't say whether it fails")
		return
	}
	c.Rule, c.Fails = w.Rule, *w.Fails
	c.Expected = w.Expected()
	one := set.Rule(w.Rule)
	if one == nil || one.Broken() {
		refuse("there is no rule %.80q that can be evaluated", w.Rule)
		var ids []string
		for _, r := range set.All() {
			ids = append(ids, r.ID)
		}
		if near := spec.Nearest(w.Rule, ids); near != "" {
			refuse("did you mean %q?", near)
		}
		return
	}
	cluster, data, err := t.cluster(own.place, w.Cluster)
	if err != nil {
		refuse("the case is no cluster: %s", syntax.Trim(err.Error()))
		return
	}
	on, err := rules.NewTarget(cluster, data, t.opts.Rules.Effective(cluster))
	if err != nil {
		refuse("the case can't be checked: %s", syntax.Trim(err.Error()))
		return
	}
	c.Compare(w, on.Findings(one))
	if c.OK && c.Fails {
		t.broken[one.Pos] = true
	}
}

// cluster completes a part of a cluster, and evaluates it with the vocabulary of its
// version.
func (t *tester) cluster(p place, part []byte) (*spec.Cluster, []byte, error) {
	var fields map[string]any
	dec := json.NewDecoder(strings.NewReader(string(part)))
	dec.UseNumber()
	if err := dec.Decode(&fields); err != nil {
		return nil, nil, err
	}
	completed(fields)
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, nil, err
	}
	expr, err := cuejson.Extract("cluster", text)
	if err != nil {
		return nil, nil, err
	}
	version, err := spec.ParseVersion(fmt.Sprint(fields["version"]))
	if err != nil {
		return nil, nil, err
	}
	schema, err := t.schema(p, schemas.Package(version.Minor))
	if err != nil {
		return nil, nil, err
	}
	v := schema.ctx.BuildExpr(expr).Unify(schema.value)
	if err := v.Validate(cue.Concrete(true), cue.Final()); err != nil {
		return nil, nil, err
	}
	data, err := v.MarshalJSON()
	if err != nil {
		return nil, nil, err
	}
	c, faults := decode(data)
	if len(faults) > 0 {
		return nil, nil, errors.New(faults[0].Message)
	}
	return c, data, nil
}

// completed adds what a cluster must have to a part of one.
func completed(fields map[string]any) {
	minors := schemas.Minors()
	for name, value := range map[string]any{
		"name": "test", "version": fmt.Sprintf("v1.%d.0", minors[len(minors)-1]), "layout": "systemd",
		"nodes": map[string]any{"cp-1": map[string]any{}},
	} {
		if _, ok := fields[name]; !ok {
			fields[name] = value
		}
	}
	nodes, _ := fields["nodes"].(map[string]any)
	var names []string
	for name := range nodes {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if n, ok := nodes[name].(map[string]any); ok && n["address"] == nil {
			n["address"] = fmt.Sprintf("192.0.2.%d", 1+i%250) // of the documentation's range
		}
	}
}

// clusterSchema is #Cluster of a package of the vocabulary, in its context.
type clusterSchema struct {
	ctx   *cue.Context
	value cue.Value
}

// schema returns #Cluster of a package of the vocabulary, as a module has it.
func (t *tester) schema(p place, path string) (clusterSchema, error) {
	key := p.root + "\x00" + path
	if s, ok := t.schemas[key]; ok {
		return s, nil
	}
	r := t.reach(p.root, []string{p.root}, t.overlay(p.root))
	r.path(path)
	inst := load.Instances([]string{path}, r.config(p.root))[0]
	if inst.Err != nil {
		return clusterSchema{}, inst.Err
	}
	s := clusterSchema{ctx: cuecontext.New()}
	s.value = s.ctx.BuildInstance(inst).LookupPath(cue.MakePath(cue.Def("Cluster")))
	t.schemas[key] = s
	return s, s.value.Err()
}

// finish sorts the cases, and adds findings about rules that no case breaks.
func (t *tester) finish() {
	slices.SortStableFunc(t.out.Cases, func(a, b rules.Case) int { return comparePos(a.Position, b.Position) })
	var rules []spec.OwnRule
	for _, r := range t.untested {
		if !t.broken[r.Pos] {
			rules = append(rules, r)
		}
	}
	slices.SortFunc(rules, func(a, b spec.OwnRule) int { return comparePos(a.Pos, b.Pos) })
	for _, r := range rules {
		t.out.Findings = append(t.out.Findings, finding.Finding{
			Rule: "rule-untested", Severity: finding.Warning, Pos: r.Pos,
			Message:  fmt.Sprintf("no case makes rule %s fail", r.ID),
			Expected: "a case that breaks it: a rule that refuses nothing looks as if all were well",
			Hint:     fmt.Sprintf("add to %s: tests: \"what it refuses\": {rule: %q, cluster: {…}, fails: true}", filepath.Base(r.Pos.File), r.ID),
		})
	}
}

func comparePos(a, b finding.Pos) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}
