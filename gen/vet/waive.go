package vet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// waive marks the findings that the cluster's waivers accept, and returns
// findings about the waivers themselves.
func waive(c *spec.Cluster, findings []finding.Finding, facts Facts) []finding.Finding {
	rules := map[string]Rule{}
	for _, r := range allRules() {
		rules[r.ID] = r
	}
	var out []finding.Finding
	for _, w := range c.Waivers {
		field := finding.Path("waivers", w.Rule)
		f := finding.Finding{Rule: "waiver", Severity: finding.Error, Cluster: c.Name, Field: field, Pos: c.Source.At(field)}
		r, known := rules[w.Rule]
		switch {
		case !known:
			f.Message = fmt.Sprintf("there is no rule %q to waive", w.Rule)
			f.Expected = "the id that a finding shows in brackets"
		case r.Fixed:
			f.Message = fmt.Sprintf("rule %s can't be waived: %s", w.Rule, r.Doc)
		case !accept(findings, w) && (!r.Existing || facts.Existing != nil):
			f.Severity = finding.Warning
			f.Message = fmt.Sprintf("nothing breaks rule %s any more", w.Rule)
			f.Hint = "remove the waiver"
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

// accept marks the findings that a waiver covers, and reports whether there are any.
// A finding that was not checked counts: another machine may need the waiver.
func accept(findings []finding.Finding, w spec.Waiver) bool {
	used := false
	for i := range findings {
		f := &findings[i]
		if f.Rule != w.Rule || len(w.Fields) > 0 && !slices.ContainsFunc(w.Fields, func(field string) bool {
			return strings.TrimPrefix(field, "cluster.") == f.Field // as findings print it
		}) {
			continue
		}
		used = true
		if f.Severity != finding.NotChecked {
			f.Waived = w.Reason
		}
	}
	return used
}
