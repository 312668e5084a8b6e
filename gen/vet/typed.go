package vet

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// typeFindings returns the findings of c.TypeErrors without those whose field, or the
// list around it, has an error of a rule already: the rule's message says more. Waived
// errors don't count, since a type error can't be waived.
func typeFindings(c *spec.Cluster, found []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, r := range c.TypeErrors {
		reported := func(f finding.Finding) bool {
			at := f.Field == r.Field || strings.HasPrefix(r.Field, f.Field+"[")
			return at && f.Severity == finding.Error && f.Waived == ""
		}
		if !slices.ContainsFunc(found, reported) {
			out = append(out, r)
		}
	}
	return out
}
