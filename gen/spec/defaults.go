package spec

import "slices"

// Defaults is a generation of the defaults that kcmgen adds to a cluster: derived flags,
// the sandbox of a unit, the fields of a pod. A cluster that pins one keeps it in newer
// versions of kcmgen, which then restart nothing unasked.
type Defaults string

// The generations of defaults.
const (
	Defaults2026x1 Defaults = "2026.1" // what v0.1 adds
	Defaults2026x2 Defaults = "2026.2" // pods say that they use no token of a service account
)

// KnownDefaults returns the generations of defaults, the oldest first.
func KnownDefaults() []Defaults { return []Defaults{Defaults2026x1, Defaults2026x2} }

// NewestDefaults is the generation that holds for a cluster that pins none.
func NewestDefaults() Defaults { return Defaults2026x2 }

// Known reports whether this kcmgen knows a generation.
func (d Defaults) Known() bool { return slices.Contains(KnownDefaults(), d) }

// DefaultsOf returns the generation of defaults that holds for a cluster.
func (c *Cluster) DefaultsOf() Defaults {
	if c.Defaults == "" {
		return NewestDefaults()
	}
	return c.Defaults
}

// DefaultsSince reports whether a cluster has the defaults that came in a generation.
func (c *Cluster) DefaultsSince(d Defaults) bool {
	known := KnownDefaults()
	return slices.Index(known, c.DefaultsOf()) >= slices.Index(known, d)
}
