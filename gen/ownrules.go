package gen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// ownRules is what an organisation's own rules need.
var ownRules = &config.RuleOptions{Taken: vet.Taken, Effective: policy.Effective, Classes: classes}

// classes returns the ids of the classes of effects.
func classes() []string {
	var out []string
	for _, c := range flags.Classes() {
		out = append(out, c.ID)
	}
	return out
}

// ownRule is a rule of the organisation's own, with the clusters that it was applied to.
type ownRule struct {
	spec.OwnRule
	Clusters []string `json:"clusters"`
}

// ownRules returns the organisation's own rules of all clusters, by id and position.
func (l *Loaded) ownRules() []ownRule {
	var out []ownRule
	type place struct{ id, message, pos string }
	at := map[place]int{}
	for _, v := range l.Clusters {
		hide := v.Cluster.Embedded.Redact
		for _, r := range v.Cluster.Own.Rules {
			r.ID, r.Message, r.Help = hide(r.ID), hide(r.Message), hide(r.Help)
			key := place{r.ID, r.Message, r.Pos.String()}
			i, ok := at[key]
			if !ok {
				i = len(out)
				at[key] = i
				out = append(out, ownRule{OwnRule: r})
			}
			out[i].Clusters = append(out[i].Clusters, hide(v.Cluster.Name))
		}
	}
	slices.SortStableFunc(out, func(a, b ownRule) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Pos.String(), b.Pos.String()))
	})
	return out
}

// TestedRules are the cases of an organisation's own rules, and what became of them.
type TestedRules struct{ *config.Tested }

// TestRules runs the cases that stand beside the organisation's own rules, in the packages
// that a request names. It returns an OptionError if there are none.
func TestRules(ctx context.Context, r Request) (*TestedRules, error) {
	cwd, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	limits, err := Limits()
	if err != nil {
		return nil, err
	}
	out, err := config.TestRules(ctx, cwd, r.Args, config.Options{Version: r.Version, Limits: limits, Rules: ownRules})
	if errors.Is(err, config.ErrNoCases) {
		return nil, &OptionError{err}
	}
	if err != nil {
		return nil, asOption(err)
	}
	return &TestedRules{out}, nil
}

// Failed reports whether a case failed.
func (t *TestedRules) Failed() bool {
	return slices.ContainsFunc(t.Cases, func(c config.Case) bool { return !c.OK })
}

// Lines are the cases as text.
func (t *TestedRules) Lines() []string {
	var out []string
	failed := 0
	for _, c := range t.Cases {
		what := "ok"
		if !c.OK {
			what = "FAILED"
			failed++
		}
		out = append(out, fmt.Sprintf("%s: %s: %s [%s]", c.Position, what, c.Name, c.Rule))
		if c.OK {
			continue
		}
		out = append(out, "    expected  "+c.Expected)
		for _, got := range c.Got {
			out = append(out, "    got       "+got)
		}
		if len(c.Got) == 0 {
			out = append(out, "    got       the rule accepts it")
		}
	}
	cases := "cases"
	if len(t.Cases) == 1 {
		cases = "case"
	}
	return append(out, fmt.Sprintf("%d %s, %d failed", len(t.Cases), cases, failed))
}

// Report is the outcome in the form of JSON.
func (t *TestedRules) Report() any {
	return struct {
		Cases    []config.Case     `json:"cases"`
		Findings []finding.Finding `json:"findings"`
	}{append([]config.Case{}, t.Cases...), append([]finding.Finding{}, t.Findings...)}
}
