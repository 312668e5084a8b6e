package vet

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestTypeFindings: a type error is reported unless a rule reports that field.
func TestTypeFindings(t *testing.T) {
	at := func(field string, s finding.Severity, waived string) finding.Finding {
		return finding.Finding{Field: field, Severity: s, Waived: waived}
	}
	for name, c := range map[string]struct {
		field string
		found finding.Finding
		want  bool
	}{
		"the same field":   {"flags.v", at("flags.v", finding.Error, ""), false},
		"an element":       {"flags.controllers[1]", at("flags.controllers", finding.Error, ""), false},
		"another element":  {"flags.controllers[1]", at("flags.controllers[0]", finding.Error, ""), true},
		"another flag":     {"flags.v", at("flags.port", finding.Error, ""), true},
		"all of the flags": {"flags.v", at("flags", finding.Error, ""), true},
		"a warning":        {"flags.v", at("flags.v", finding.Warning, ""), true},
		"a waived error":   {"flags.v", at("flags.v", finding.Error, "known"), true},
	} {
		cl := &spec.Cluster{TypeErrors: []finding.Finding{{Field: c.field, Severity: finding.Error}}}
		if got := typeFindings(cl, []finding.Finding{c.found}); (len(got) == 1) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
