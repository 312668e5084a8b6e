package vet

import (
	"slices"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// refused are the findings of the types of the cluster's flags, but those at whose
// field a rule has found an error too: rules say more. A waived finding doesn't
// count, since what a type refuses can't be waived.
func refused(c *spec.Cluster, found []spec.Finding) []spec.Finding {
	var out []spec.Finding
	for _, r := range c.Refused {
		same := func(f spec.Finding) bool { return f.Field == r.Field && f.Severity == spec.Error && f.Waived == "" }
		if !slices.ContainsFunc(found, same) {
			out = append(out, r)
		}
	}
	return out
}
