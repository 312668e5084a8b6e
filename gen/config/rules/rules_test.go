package rules

import (
	"fmt"
	"strings"
	"testing"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/cuecontext"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// setOf reads the rules in the text of a package.
func setOf(t *testing.T, o *Options, policy *Set, name, text string) *Set {
	t.Helper()
	f, err := parser.ParseFile(name, text)
	if err != nil {
		t.Fatal(err)
	}
	ctx := cuecontext.New()
	v := ctx.BuildFile(f)
	s := NewSet(o, policy)
	s.Add(ctx, v, Package{
		Inst: &build.Instance{Files: []*ast.File{f}}, Rel: func(file string) string { return file }, Record: func(error) {},
		Pos: func(p token.Pos) finding.Pos {
			return finding.Pos{File: p.Filename(), Line: p.Line(), Col: p.Column()}
		},
	})
	return s
}

// TestSets: a set has the rules of its base, which it can't replace, and reports what is no
// rule, without any loading.
func TestSets(t *testing.T) {
	o := &Options{Taken: func(id string) bool { return id == "profiling-on" }}
	base := setOf(t, o, nil, "policy.cue", `rules: "acme-b": {message: "b", check: layout: "systemd"}`)
	s := setOf(t, o, base, "own.cue", `rules: {
	"acme-b": {message: "another", check: {}}
	"acme-a": {message: "a", severity: "warning", check: name: =~"^eu-"}
	"profiling-on": {message: "taken", check: {}}
	"acme-c": message: "without a check"
}`)
	var got []string
	for _, r := range s.All() {
		got = append(got, fmt.Sprintf("%s %s %s %v", r.ID, r.Message, r.Severity, r.Broken()))
	}
	if all, want := strings.Join(got, "\n"), "acme-a a warning false\nacme-b b error false\nacme-c without a check error true\nprofiling-on  error true"; all != want {
		t.Errorf("%s\nnot\n%s", all, want)
	}
	got = nil
	for _, f := range s.Findings {
		got = append(got, fmt.Sprintf("%s %s: %s", f.Pos, f.Rule, f.Message))
	}
	const want = `own.cue:2:2 rule-invalid: there is another rule "acme-b", which this can't replace
own.cue:4:2 rule-invalid: profiling-on is a rule of kcmgen's own
own.cue:5:2 rule-invalid: rule acme-c has no check`
	if all := strings.Join(got, "\n"); all != want {
		t.Errorf("%s\nnot\n%s", all, want)
	}
	if len(s.Own()) != 3 || s.Rule("acme-b").Message != "b" || s.Rule("none") != nil {
		t.Errorf("%d rules of its own, %+v", len(s.Own()), s.Rule("acme-b"))
	}
}

// TestCases: a case passes if the rule refuses what it must, and nothing else.
func TestCases(t *testing.T) {
	o := &Options{Effective: func(*spec.Cluster) []spec.EffectiveNode { return nil }}
	rule := setOf(t, o, nil, "p.cue", `rules: "acme-a": {message: "m", check: {name: =~"^eu-", layout: "systemd"}}`).Rule("acme-a")
	for text, want := range map[string]string{
		`{"cluster": {"name": "eu-1", "layout": "systemd"}, "fails": false}`:                                 "true the rule accepts it: ",
		`{"cluster": {"name": "us-1", "layout": "systemd"}, "fails": false}`:                                 `false the rule accepts it: cluster.name: m (expected =~"^eu-")`,
		`{"cluster": {"name": "us-1", "layout": "systemd"}, "fails": true}`:                                  `true the rule refuses it: cluster.name: m (expected =~"^eu-")`,
		`{"cluster": {"name": "us-1", "layout": "systemd"}, "fails": true, "fields": ["cluster.layout"]}`:    `false the rule refuses cluster.layout: cluster.name: m (expected =~"^eu-")`,
		`{"cluster": {"name": "us-1", "layout": "systemd"}, "fails": true, "fields": ["name"], "rule": "x"}`: `true the rule refuses name: cluster.name: m (expected =~"^eu-")`,
	} {
		w, err := ReadExpectation([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		on, err := NewTarget(&spec.Cluster{}, w.Cluster, nil)
		if err != nil {
			t.Fatal(err)
		}
		var c Case
		c.Compare(w, on.Findings(rule))
		if got := fmt.Sprintf("%v %s: %s", c.OK, w.Expected(), strings.Join(c.Got, "; ")); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
	if _, err := ReadExpectation([]byte(`{"clusters": {}}`)); err == nil {
		t.Error("an unknown field is taken")
	}
}
