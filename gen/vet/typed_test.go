package vet

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// TestRefused: what a type refuses is told unless a rule tells of it.
func TestRefused(t *testing.T) {
	at := func(field string, s spec.Severity, waived string) spec.Finding {
		return spec.Finding{Field: field, Severity: s, Waived: waived}
	}
	for name, c := range map[string]struct {
		field string
		found spec.Finding
		told  bool
	}{
		"the same field":   {"flags.v", at("flags.v", spec.Error, ""), false},
		"an element":       {"flags.controllers[1]", at("flags.controllers", spec.Error, ""), false},
		"another element":  {"flags.controllers[1]", at("flags.controllers[0]", spec.Error, ""), true},
		"another flag":     {"flags.v", at("flags.port", spec.Error, ""), true},
		"all of the flags": {"flags.v", at("flags", spec.Error, ""), true},
		"a warning":        {"flags.v", at("flags.v", spec.Warning, ""), true},
		"a waived error":   {"flags.v", at("flags.v", spec.Error, "known"), true},
	} {
		cl := &spec.Cluster{Refused: []spec.Finding{{Field: c.field, Severity: spec.Error}}}
		if got := refused(cl, []spec.Finding{c.found}); (len(got) == 1) != c.told {
			t.Errorf("%s: %v", name, got)
		}
	}
}
