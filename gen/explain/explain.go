// Package explain says what a rule is for: what happens on a cluster that breaks it, how to
// mend it, and where that is known from. The texts are data, one file for each topic.
package explain

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/vet"
)

// Text is what is known about a rule, beside its title.
type Text struct {
	ID  string `json:"-"`
	Why string `json:"why"`           // what happens on a cluster that breaks it
	Fix string `json:"fix"`           // how to mend it
	CUE string `json:"cue,omitempty"` // an example: fields inside a cluster that keeps the rule
	// Sources are links, paths in the source of another project with the module before them,
	// and measurements, which begin with "measured: ".
	Sources   []string `json:"sources,omitempty"`
	Incidents []string `json:"incidents,omitempty"` // links to where it happened
	Controls  []string `json:"controls,omitempty"`  // of benchmarks that it breaks; of the table in gen/vet
	// Flags are those of kube-controller-manager that the rule looks at; "*" is any.
	Flags []string `json:"flags,omitempty"`
}

// Measurements that many texts name.
const (
	runNew  = "measured: kube-controller-manager v1.37.1"
	runBoth = "measured: kube-controller-manager v1.24.17 and v1.37.1"
	probe   = "measured: Set, Validate and Config of the options of v1.20 to v1.37"
	data    = "measured: the flags, feature gates and controllers compiled into v1.20 to v1.37"
)

// anyFlag is for rules that look at every flag.
var anyFlag = []string{"*"}

// Rule is a rule, or another id that a finding has.
type Rule struct {
	ID       string           `json:"id"`
	Severity finding.Severity `json:"severity"`
	// Waivable: a waiver in the cluster can accept its findings.
	Waivable bool   `json:"waivable"`
	Title    string `json:"title"` // what it requires
	Text
}

// otherText is an id that comes from no rule of the table.
type otherText struct {
	severity finding.Severity
	title    string
	text     Text
}

// all are the rules in the order of their table, and then the other ids.
var all = sync.OnceValue(func() []Rule {
	texts := map[string]Text{}
	for _, topic := range [][]Text{networkTexts, flagTexts, timingTexts, fileTexts, unitTexts, imageTexts, keyTexts, hardeningTexts, benchmarkTexts, lineTexts, peerTexts, existingTexts} {
		for _, t := range topic {
			texts[t.ID] = t
		}
	}
	var out []Rule
	for _, r := range vet.Rules() {
		t := texts[r.ID]
		t.Controls = vet.ControlsOf(r.ID)
		out = append(out, Rule{r.ID, r.Severity, !r.Fixed, r.Doc, t})
	}
	for _, o := range other {
		out = append(out, Rule{o.text.ID, o.severity, false, o.title, o.text})
	}
	return out
})

// Rules returns all rules, by topic, and after them the other ids that findings have.
func Rules() []Rule { return slices.Clone(all()) }

// Of returns the rule of an id.
func Of(id string) (Rule, bool) {
	i := slices.IndexFunc(all(), func(r Rule) bool { return r.ID == id })
	if i < 0 {
		return Rule{}, false
	}
	return all()[i], true
}

// About returns the ids of the rules that look at a flag by its name, not of those that look
// at any.
func About(flag string) []string {
	var out []string
	for _, r := range all() {
		if slices.Contains(r.Flags, flag) {
			out = append(out, r.ID)
		}
	}
	return out
}

// Flag is a flag of kube-controller-manager, with the rules about it.
type Flag struct {
	flags.Explained
	Rules []string `json:"rules,omitempty"`
}

// Answer is what Look found: rules and flags, in the order of the names.
type Answer struct {
	Rules []Rule `json:"rules"`
	Flags []Flag `json:"flags"`
}

// UnknownError is the error for a name that is neither a rule's nor a flag's.
type UnknownError struct {
	Name string
	Near []string // names like it, the nearest first
}

func (e *UnknownError) Error() string {
	return "there is no rule and no flag " + quoted(e.Name)
}

// Hint says what a name may mean; "" if nothing is near.
func (e *UnknownError) Hint() string {
	if first, _ := flags.GateMinors(e.Name); first > 0 {
		return "it is a feature gate: kcmgen flags --feature-gates"
	}
	if first, _ := flags.ControllerMinors(e.Name); first > 0 {
		return "it is a controller: kcmgen flags --controllers"
	}
	if len(e.Near) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(e.Near, ", ") + "?"
}

// quoted cuts a long name, which may be anything, and quotes it.
func quoted(name string) string {
	const most = 80
	if r := []rune(name); len(r) > most {
		name = string(r[:most]) + "…"
	}
	return `"` + name + `"`
}

// Look explains the rule, the flag, or both of a name, seen from a minor version. It returns
// an UnknownError if there is neither. A flag may have dashes before it, as a rule may have
// the brackets of a finding.
func Look(minor int, name string) (Answer, error) {
	var out Answer
	id := strings.Trim(name, "[]`")
	if r, ok := Of(id); ok {
		out.Rules = append(out.Rules, r)
	}
	if f, err := flags.Explain(minor, id); err == nil {
		out.Flags = append(out.Flags, Flag{f, About(f.Name)})
	}
	if len(out.Rules)+len(out.Flags) == 0 {
		return out, &UnknownError{name, near(id)}
	}
	return out, nil
}

// Names are all ids and flags, for completion.
func Names() []string {
	var out []string
	for _, r := range all() {
		out = append(out, r.ID)
	}
	return append(out, flags.Names()...)
}

// maxNear is how many names a wrong one may mean.
const maxNear = 3

// near returns names that a wrong one may mean: the nearest rule and flag or, if none is
// near, rules that have most of its words in their ids.
func near(name string) []string {
	const longest = 100
	if name == "" || len(name) > longest {
		return nil
	}
	plain := strings.ToLower(strings.ReplaceAll(strings.TrimLeft(name, "-"), "_", "-"))
	var ids []string
	words := map[string]int{}
	for _, r := range all() {
		ids = append(ids, r.ID)
		for w := range strings.SplitSeq(plain, "-") {
			if len(w) > 2 && slices.Contains(strings.Split(r.ID, "-"), w) {
				words[r.ID]++
			}
		}
	}
	alike := slices.DeleteFunc([]string{spec.Nearest(plain, ids), spec.Nearest(plain, flags.Names())}, func(n string) bool { return n == "" })
	if len(alike) > 0 {
		return alike
	}
	has := slices.DeleteFunc(ids, func(id string) bool { return words[id] == 0 })
	slices.SortStableFunc(has, func(a, b string) int { return cmp.Compare(words[b], words[a]) })
	return has[:min(maxNear, len(has))]
}
