package vet

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// defaultsUnknown refuses a pinned generation of defaults that isn't known: what it adds
// can't be told.
func defaultsUnknown(v *view) []fault {
	if v.Defaults == "" || v.Defaults.Known() {
		return nil
	}
	var known []string
	for _, d := range spec.KnownDefaults() {
		known = append(known, fmt.Sprintf("%q", string(d)))
	}
	f := fault{
		field: "defaults", message: fmt.Sprintf("this kcmgen knows no generation %s of its defaults", v.Defaults),
		expected: "one of " + strings.Join(known, ", ") + ", or no defaults for the newest",
	}
	if v.Defaults > spec.NewestDefaults() {
		f.hint = "a newer kcmgen may know it: kcmgen version"
	}
	return one(f)
}
