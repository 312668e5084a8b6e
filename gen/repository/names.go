package repository

import (
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/starter"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

// What callers need of the packages below this one.
type (
	// Cluster is what a new repository's first cluster says.
	Cluster = starter.Cluster
	// ExistsError is a file that would have to be overwritten.
	ExistsError = disk.ExistsError
)

// Newest is the version of Kubernetes that a new cluster has by default.
const Newest = starter.Newest

// Directories of the vocabulary in a CUE module: its copy, and constraints of one's own.
const (
	VendorDir = vendoring.Dir
	OwnDir    = vendoring.UsrDir
)
