package gen

import (
	"github.com/kcmgen/kcmgen/gen/binary"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/tree"
)

// What the packages below this one tell, under the names that its callers use.
type (
	NoDirError    = config.NoDirError
	NoModuleError = config.NoModuleError
	Skipped       = config.Skipped
	Outline       = config.Outline

	FetchError   = binary.FetchError
	SumError     = binary.SumError
	ProgramError = binary.ProgramError
	DynamicError = binary.DynamicError

	State = outdir.State // of a cluster's tree

	NewerSchemaError = outdir.NewerSchemaError
	NotWritableError = outdir.NotWritableError
	NoModesError     = outdir.NoModesError

	OtherClusterError = plan.OtherClusterError
	TrustError        = plan.TrustError
	TrustChange       = plan.Change
	ConflictError     = plan.Conflict
)

// Errors of these packages, likewise.
var (
	ErrNoModule   = config.ErrNoModule
	ErrNoChecksum = binary.ErrNoChecksum
	ErrLocked     = outdir.ErrLocked
	ErrInTheWay   = outdir.ErrInTheWay
	ErrOthers     = outdir.ErrOthers
)

// How what others trust comes to be another.
const (
	TrustLost     = plan.Lost
	TrustReplaced = plan.Replaced
	TrustEnded    = plan.Ended
)

// AcceptName is the word that accepts another cluster's name.
const AcceptName = plan.Name

// What becomes of files and nodes.
const (
	Added   = tree.Added
	Changed = tree.Changed
	Removed = tree.Removed
)

// KeyDir is the directory of key material in a cluster's tree.
const KeyDir = keys.Dir

// Ids of the key material that others trust.
const (
	CA             = keys.CA
	FrontProxyCA   = keys.FrontProxyCA
	ServiceAccount = keys.ServiceAccount
)

// Functions of these packages, likewise.
var (
	// Acceptable are the changes of what others trust that can be asked for.
	Acceptable = plan.Acceptable
	// CertFile and KeyFile are where a certificate and a private key lie in a
	// cluster's tree.
	CertFile = keys.CertPath
	KeyFile  = keys.KeyPath
	// Counts sums up changes of files in words.
	Counts = tree.Counts
	// ModuleRoot is the root of the CUE module around a directory.
	ModuleRoot = config.ModuleRoot
	// Outlines are the clusters of a CUE module at first sight.
	Outlines = config.Outlines
	// Writable returns an error if trees can't be written below a directory.
	Writable = outdir.Writable
)
