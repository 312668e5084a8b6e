package vet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// nearEnd is how long before its end a waiver is a warning.
const nearEnd = 30 * 24 * time.Hour

// waive marks the findings that the cluster's waivers accept, and returns findings about
// the waivers themselves. A waiver holds until the end of its last day.
func waive(c *spec.Cluster, findings []finding.Finding, facts Facts) []finding.Finding {
	rules, changes := map[string]Rule{}, map[string]bool{}
	for _, r := range allRules() {
		rules[r.ID] = r
	}
	for _, r := range c.Own.Rules {
		rules[r.ID] = Rule{ID: r.ID, Fixed: r.Fixed, Doc: r.Message}
		changes[r.ID] = len(r.Changes) > 0
	}
	var out []finding.Finding
	for _, w := range c.Waivers {
		field := finding.Path("waivers", w.Rule)
		f := finding.Finding{Rule: "waiver", Severity: finding.Error, Cluster: c.Name, Field: field, Pos: c.Source.At(field)}
		r, known := rules[w.Rule]
		covered := covers(findings, w)
		switch {
		case !known:
			f.Message = fmt.Sprintf("there is no rule %q to waive", w.Rule)
			f.Expected = "the id that a finding shows in brackets"
			if near := spec.Nearest(w.Rule, slices.Sorted(maps.Keys(rules))); near != "" {
				f.Hint = fmt.Sprintf("did you mean %q?", near)
			}
		case r.Fixed:
			f.Message = fmt.Sprintf("rule %s can't be waived: %s", w.Rule, r.Doc)
		case changes[w.Rule]:
			f.Message = fmt.Sprintf("rule %s is about changes, which are acknowledged and not waived", w.Rule)
			f.Hint = fmt.Sprintf("say why the change is meant: acknowledge: %q: \"…\"", w.Rule)
		case len(covered) == 0 && (!r.Existing || facts.Existing != nil):
			f.Severity = finding.Warning
			f.Message = fmt.Sprintf("nothing breaks rule %s any more", w.Rule)
			f.Hint = "remove the waiver"
		default:
			ending, holds := endOf(c, w, facts.Now, covered)
			if holds {
				accept(covered, w)
			}
			out = append(out, ending...)
			continue
		}
		out = append(out, f)
	}
	return out
}

// endOf returns the finding of a waiver that ended, or will soon, and whether the waiver
// still holds. What ended is as severe as what it accepted.
func endOf(c *spec.Cluster, w spec.Waiver, now time.Time, covered []*finding.Finding) (_ []finding.Finding, holds bool) {
	if w.Until.IsZero() {
		return nil, true
	}
	end, day := w.Until.AddDate(0, 0, 1), w.Until.Format(time.DateOnly)
	f := finding.Finding{Cluster: c.Name, Field: finding.Path("waivers", w.Rule, "until")}
	f.Pos = c.Source.At(f.Field)
	switch {
	case now.IsZero():
		f.Rule, f.Severity = waiverExpired, finding.NotChecked
		f.Message = fmt.Sprintf("whether the waiver of %s still holds on this day is not known", w.Rule)
		return []finding.Finding{f}, false
	case !now.Before(end):
		f.Rule, f.Severity = waiverExpired, finding.Warning
		if slices.ContainsFunc(covered, func(c *finding.Finding) bool { return c.Severity == finding.Error }) {
			f.Severity = finding.Error
		}
		f.Message = fmt.Sprintf("the waiver of %s ended with %s: what it accepted counts again", w.Rule, day)
		f.Expected = "a later day, or a cluster that keeps the rule"
		f.Hint = "mend what the rule found, or have it accepted until a later day"
		return []finding.Finding{f}, false
	case end.Sub(now) <= nearEnd:
		f.Rule, f.Severity = "waiver-expires", finding.Warning
		f.Message = fmt.Sprintf("the waiver of %s ends with %s, %s", w.Rule, day, daysLeft(end.Sub(now)))
		f.Expected = "a later day, or a cluster that keeps the rule"
		f.Hint = "mend what the rule finds (kcmgen vet --waived shows it) before that day"
		return []finding.Finding{f}, true
	}
	return nil, true
}

// waiverExpired is the rule of a waiver that ended.
const waiverExpired = "waiver-expired"

func daysLeft(left time.Duration) string {
	switch days := int(left / (24 * time.Hour)); days {
	case 0:
		return "today"
	case 1:
		return "in 1 day"
	default:
		return fmt.Sprintf("in %d days", days)
	}
}

// covers returns the findings that a waiver is for. One that was not checked counts:
// another machine may need the waiver.
func covers(findings []finding.Finding, w spec.Waiver) []*finding.Finding {
	var out []*finding.Finding
	for i := range findings {
		f := &findings[i]
		if f.Rule == w.Rule && (len(w.Fields) == 0 || slices.ContainsFunc(w.Fields, func(field string) bool {
			return strings.TrimPrefix(field, "cluster.") == f.Field // as findings print it
		})) {
			out = append(out, f)
		}
	}
	return out
}

// accept marks findings as accepted by a waiver.
func accept(covered []*finding.Finding, w spec.Waiver) {
	for _, f := range covered {
		if f.Severity != finding.NotChecked {
			f.Waived = w.Reason
			if !w.Until.IsZero() {
				f.Until = w.Until.Format(time.DateOnly)
			}
		}
	}
}
