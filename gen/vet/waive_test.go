package vet

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// TestWaiverEnds: a waiver holds until the end of its last day in UTC, is a warning for 30
// days before, and then what it accepted counts again.
func TestWaiverEnds(t *testing.T) {
	until := day("2027-03-01")
	end := until.AddDate(0, 0, 1)
	east := time.FixedZone("east", 9*3600)
	for name, c := range map[string]struct {
		now  time.Time
		rule string // the warning is secure-port-legacy, the error profiling-on
		want []string
	}{
		"long before":                {end.Add(-30*24*time.Hour - time.Second), "profiling-on", []string{"profiling-on waived"}},
		"30 days before":             {end.Add(-30 * 24 * time.Hour), "profiling-on", []string{"profiling-on waived", "waiver-expires warning"}},
		"its last second":            {end.Add(-time.Second), "profiling-on", []string{"profiling-on waived", "waiver-expires warning"}},
		"the second after":           {end, "profiling-on", []string{"profiling-on error", "waiver-expired error"}},
		"the next day east of it":    {time.Date(2027, 3, 2, 8, 59, 59, 0, east), "profiling-on", []string{"profiling-on waived", "waiver-expires warning"}},
		"that day, when UTC is past": {time.Date(2027, 3, 2, 9, 0, 0, 0, east), "profiling-on", []string{"profiling-on error", "waiver-expired error"}},
		"a warning":                  {end, "secure-port-legacy", []string{"secure-port-legacy warning", "waiver-expired warning"}},
		"no clock":                   {time.Time{}, "profiling-on", []string{"profiling-on error", "waiver-expired not checked"}},
		"nothing to accept":          {end, "flag-noop", []string{"waiver warning"}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := base()
			switch c.rule {
			case "profiling-on":
				set(cl, "profiling", "true")
			case "secure-port-legacy":
				set(cl, "secure-port", "10252")
			}
			waiver(cl, c.rule)
			cl.Waivers[0].Until = until
			var got []string
			for _, f := range Check(cl, Facts{Now: c.now}) {
				state := string(f.Severity)
				if f.Waived != "" {
					state = "waived"
					if f.Until != "2027-03-01" {
						t.Errorf("it is waived until %q", f.Until)
					}
				}
				if f.Rule != "waiver" && strings.HasPrefix(f.Rule, "waiver") && (f.Field != `waivers."`+c.rule+`".until` || !strings.Contains(f.Message, c.rule)) {
					t.Errorf("%+v", f)
				}
				got = append(got, f.Rule+" "+state)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// TestDaysLeft: what a warning says about the time that is left.
func TestDaysLeft(t *testing.T) {
	for left, want := range map[time.Duration]string{time.Second: "today", 24 * time.Hour: "in 1 day", 30 * 24 * time.Hour: "in 30 days"} {
		if got := daysLeft(left); got != want {
			t.Errorf("%v: %s", left, got)
		}
	}
}

// TestOwnRules: findings of an organisation's own rules are waived like others, unless
// their rule is fixed or can't be evaluated.
func TestOwnRules(t *testing.T) {
	c := base()
	of := func(rule string, s finding.Severity) finding.Finding {
		return finding.Finding{Rule: rule, Severity: s, Cluster: c.Name, Field: "name", Message: "of " + rule}
	}
	c.Own = spec.Own{
		Rules:    []spec.OwnRule{{ID: "acme-a"}, {ID: "acme-b", Fixed: true, Message: "b is fixed"}, {ID: "acme-c"}, {ID: "acme-d"}},
		Findings: []finding.Finding{of("acme-a", finding.Error), of("acme-b", finding.Error), of("rule-invalid", finding.Error)},
	}
	for _, rule := range []string{"acme-a", "acme-b", "acme-c", "acme-f-far-from-all", "acme-aa", "cue-other-package"} {
		waiver(c, rule)
	}
	var got []string
	for _, f := range Check(c, Facts{}) {
		text := f.Rule + ": " + f.Message
		if f.Hint != "" {
			text += ": " + f.Hint
		}
		if f.Waived != "" {
			text = "waived " + text
		}
		got = append(got, text)
	}
	want := []string{
		"waived acme-a: of acme-a", "acme-b: of acme-b", "rule-invalid: of rule-invalid",
		"waiver: rule acme-b can't be waived: b is fixed",
		"waiver: nothing breaks rule acme-c any more: remove the waiver",
		`waiver: there is no rule "acme-f-far-from-all" to waive`,
		`waiver: there is no rule "acme-aa" to waive: did you mean "acme-a"?`,
		`waiver: there is no rule "cue-other-package" to waive`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestTaken: the ids of kcmgen's own findings can't be those of other rules.
func TestTaken(t *testing.T) {
	for _, id := range []string{"profiling-on", "waiver", "rule-invalid", "cue-type", waiverExpired} {
		if !Taken(id) {
			t.Errorf("%s is free", id)
		}
	}
	if Taken("acme-registry") {
		t.Error("acme-registry is taken")
	}
}
