package spec

import "github.com/kcmgen/kcmgen/gen/finding"

// OwnRule is a rule of the organisation's own, which a policy in CUE states. Its JSON has
// the same names as CUE.
type OwnRule struct {
	ID       string           `json:"id"`
	Severity finding.Severity `json:"severity"`
	Message  string           `json:"message"`
	Help     string           `json:"help,omitempty"`
	Fixed    bool             `json:"fixed,omitempty"` // it can't be waived
	// Changes are classes of effects: the rule is about changes of these, and not about a
	// cluster as it is.
	Changes []string    `json:"changes,omitempty"`
	Pos     finding.Pos `json:"position"`
}

// Own are the organisation's own rules for a cluster, sorted by id, and what they find.
// Among the findings are those of rules that can't be evaluated.
type Own struct {
	Rules    []OwnRule
	Findings []finding.Finding
	Embedded bool // the rules have values from embedded files
	Applied  bool // the rules that there are were applied, be there any or not
}

// Rule returns the rule of an id.
func (o Own) Rule(id string) (OwnRule, bool) {
	for _, r := range o.Rules {
		if r.ID == id {
			return r, true
		}
	}
	return OwnRule{}, false
}

// EffectiveNode is what follows from a cluster for one node.
type EffectiveNode struct {
	Name   string
	Layout Layout
	Flags  []EffectiveFlag // sorted by name
}

// EffectiveFlag is a flag that a node's process gets. Value is a bool, a json.Number or a
// string, by the type of the flag.
type EffectiveFlag struct {
	Name  string
	Value any
	Field string // of the cluster that sets it
}
