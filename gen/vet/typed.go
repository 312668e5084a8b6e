package vet

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// refused are the findings of the types of the cluster's flags, but those at whose
// field, or at the list that it is an element of, a rule has found an error too:
// rules say more. A waived finding doesn't count, since what a type refuses can't be
// waived.
func refused(c *spec.Cluster, found []finding.Finding) []finding.Finding {
	var out []finding.Finding
	for _, r := range c.Refused {
		told := func(f finding.Finding) bool {
			at := f.Field == r.Field || strings.HasPrefix(r.Field, f.Field+"[")
			return at && f.Severity == finding.Error && f.Waived == ""
		}
		if !slices.ContainsFunc(found, told) {
			out = append(out, r)
		}
	}
	return out
}
