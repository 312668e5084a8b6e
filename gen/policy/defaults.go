package policy

import (
	"slices"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// Default is something that kcmgen adds on its own since a generation of defaults after the
// first one. A generation stays as it is: what is added later belongs to a later one.
type Default struct {
	Since spec.Defaults
	Field string // of a pod's spec
	Value any    // in the form of JSON
}

// laterDefaults are all that came after the first generation.
var laterDefaults = []Default{
	// The kubelet gives a static pod no token, whatever it says. Scanners and the CIS
	// benchmark (5.1.6) ask that a pod which uses none says so.
	// https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#opt-out-of-api-credential-automounting
	{spec.Defaults2026x2, "automountServiceAccountToken", false},
}

// PodFields returns the fields that kcmgen adds to a pod's spec on its own, besides the
// security context; the user's go over them.
func PodFields(c *spec.Cluster) map[string]any {
	out := map[string]any{}
	for _, d := range laterDefaults {
		if c.Pod.Hardened && c.DefaultsSince(d.Since) {
			out[d.Field] = d.Value
		}
	}
	return out
}

// DefaultsBetween returns what a generation of defaults has and an earlier one hasn't; nothing
// if one of them isn't known.
func DefaultsBetween(earlier, later spec.Defaults) []Default {
	known := spec.KnownDefaults()
	from, to := slices.Index(known, earlier), slices.Index(known, later)
	if from < 0 {
		return nil
	}
	var out []Default
	for _, d := range laterDefaults {
		if at := slices.Index(known, d.Since); at > from && at <= to {
			out = append(out, d)
		}
	}
	return out
}
