package repository

import (
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/starter"
	"github.com/kcmgen/kcmgen/gen/vendoring"
)

// Types of the packages below, for callers of this one.
type (
	// Cluster describes a new cluster.
	Cluster = starter.Cluster
	// ExistsError is a file that would have to be overwritten.
	ExistsError = disk.ExistsError
)

// Newest is the default version of Kubernetes of a new cluster.
const Newest = starter.Newest

// Directories in a CUE module: the copy of the vocabulary, and the user's constraints.
const (
	VendorDir = vendoring.Dir
	OwnDir    = vendoring.UsrDir
)
