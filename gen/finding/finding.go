// Package finding has findings about a user's input, their positions, and paths of
// fields.
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

// Severities. A command with an Error exits with code 3, and with --strict also one with
// a Warning or NotChecked. NotChecked means that a rule lacked a fact.
const (
	Error      Severity = "error"
	Warning    Severity = "warning"
	NotChecked Severity = "not checked"
)

// Finding is a fault in the user's input.
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
	// Controls are those of the cluster's benchmarks that it breaks, such as "cis-1.12 1.3.2".
	Controls []string `json:"controls,omitempty"`
	Waived   string   `json:"-"` // the waiver's reason
	Until    string   `json:"-"` // the waiver's last day, if it has one
}

// MarshalJSON encodes a finding. A waived one has the severity "waived", so that
// programs don't count it as an error.
func (f Finding) MarshalJSON() ([]byte, error) {
	type plain Finding
	out := struct {
		plain
		Waived   bool     `json:"waived,omitempty"`
		Reason   string   `json:"reason,omitempty"`
		Until    string   `json:"until,omitempty"`
		Accepted Severity `json:"waivedSeverity,omitempty"`
	}{plain: plain(f)}
	if f.Waived != "" {
		out.Waived, out.Reason, out.Until, out.Accepted = true, f.Waived, f.Until, f.Severity
		out.Severity = "waived"
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the caller escapes what it prints
	err := enc.Encode(out)
	return b.Bytes(), err
}

// EnsureMessages adds a message to findings without one, which only a bug of kcmgen or
// of a library can cause, and cuts long texts, which quote a user's values. It changes and
// returns all.
func EnsureMessages(all []Finding) []Finding {
	for i := range all {
		all[i].cut()
		f := all[i]
		if strings.TrimSpace(f.Message) == "" {
			all[i].Message = "this is refused without a reason"
			if f.Hint == "" {
				all[i].Hint = "type: cue vet, which may print more"
			}
		}
	}
	return all
}

// Failed reports whether a finding is an error that no waiver accepts.
func Failed(findings []Finding) bool { return Has(findings, Error) }

// Has reports whether a finding has a severity and no waiver accepts it.
func Has(findings []Finding, s Severity) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == s && f.Waived == "" })
}

// SplitUnchecked removes findings of severity NotChecked that no waiver accepts. It
// returns the rest, how many it removed, and their rules, sorted.
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

// Group is a finding with all clusters that have it at the same position.
type Group struct {
	Finding
	Clusters []string // sorted names; clusters without a name are left out
}

// Groups joins findings that differ in their cluster only, in the order of the first of
// each.
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
