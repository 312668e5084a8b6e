// Package finding is what kcmgen has to say about a user's input: findings, the places
// they are about, and the paths of fields.
package finding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Severity of a finding.
type Severity string

// Severities. An error ends a command with exit code 3; a warning does with
// --strict; not checked says that a rule lacked a fact.
const (
	Error      Severity = "error"
	Warning    Severity = "warning"
	NotChecked Severity = "not checked"
)

// Finding is a fault in the user's input, for the person who must mend it.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Cluster  string   `json:"cluster,omitempty"`
	Node     string   `json:"node,omitempty"`
	Field    string   `json:"field,omitempty"` // path, as in CUE
	Pos      Pos      `json:"position"`        // the user's side
	Also     []Pos    `json:"also,omitempty"`  // the other sides, the schema's last
	Message  string   `json:"message"`
	Expected string   `json:"expected,omitempty"`
	Hint     string   `json:"hint,omitempty"`
	Waived   string   `json:"-"` // the waiver's reason
}

// MarshalJSON writes a finding for programs. One that is waived has that as its
// severity: what counts errors must not count it.
func (f Finding) MarshalJSON() ([]byte, error) {
	type plain Finding
	out := struct {
		plain
		Waived   bool     `json:"waived,omitempty"`
		Reason   string   `json:"reason,omitempty"`
		Accepted Severity `json:"waivedSeverity,omitempty"`
	}{plain: plain(f)}
	if f.Waived != "" {
		out.Waived, out.Reason, out.Accepted = true, f.Waived, f.Severity
		out.Severity = "waived"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // whoever prints it escapes what has to be
	err := enc.Encode(out)
	return b.Bytes(), err
}

// Worded gives words to findings that have none: a fault without words is one of ours
// or of a library's, and is no reason to leave people with an empty line.
func Worded(all []Finding) []Finding {
	for i, f := range all {
		if strings.TrimSpace(f.Message) == "" {
			all[i].Message = "this is refused, and nothing says why"
			if f.Hint == "" {
				all[i].Hint = "type: cue vet, which may say more"
			}
		}
	}
	return all
}

// Failed reports whether one of the findings is an error that no waiver accepts.
func Failed(findings []Finding) bool { return Has(findings, Error) }

// Has reports whether one of the findings has a severity, and no waiver accepts it.
func Has(findings []Finding, s Severity) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == s && f.Waived == "" })
}

// SplitUnchecked takes out the findings of what could not be checked, but for waived
// ones. It returns the rest, how many those are, and their rules, sorted.
func SplitUnchecked(findings []Finding) (rest []Finding, unchecked int, rules []string) {
	for _, f := range findings {
		if f.Severity != NotChecked || f.Waived != "" {
			rest = append(rest, f)
			continue
		}
		unchecked++
		rules = append(rules, f.Rule)
	}
	slices.Sort(rules)
	return rest, unchecked, slices.Compact(rules)
}

// Group is a finding with the names of all clusters that have it from one place.
type Group struct {
	Finding
	Clusters []string // sorted; those without a name aren't in it
}

// Groups joins the findings that differ in their cluster only, in the order of the
// first of each.
func Groups(findings []Finding) []Group {
	var out []Group
	at := map[string]int{}
	for _, f := range findings {
		one := f
		one.Cluster = ""
		key := fmt.Sprintf("%+v", one)
		if _, known := at[key]; !known {
			at[key] = len(out)
			out = append(out, Group{Finding: f})
		}
		if g := &out[at[key]]; f.Cluster != "" {
			g.Clusters = append(g.Clusters, f.Cluster)
		}
	}
	for i := range out {
		slices.Sort(out[i].Clusters)
		out[i].Clusters = slices.Compact(out[i].Clusters)
	}
	return out
}
