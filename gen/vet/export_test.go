package vet

import "github.com/kcmgen/kcmgen/gen/finding"

// Broken returns the findings of all cases.
func Broken() []finding.Finding {
	var out []finding.Finding
	for _, tc := range allCases() {
		c := base()
		tc.change(c)
		out = append(out, Check(c, Facts{})...)
	}
	return out
}
