package review

import "github.com/kcmgen/kcmgen/gen/finding"

// Sources is what there is of clusters on one side of a comparison.
type Sources struct {
	Side
	Clusters []*Cluster // that were evaluated
	// Faults are the errors of packages that can't be evaluated, by the directory of the
	// package below the root, as Cluster.Dir.
	Faults map[string][]finding.Finding
	// Same are the names of clusters that weren't evaluated, because all that they are made
	// of is the same on both sides.
	Same []string
}
