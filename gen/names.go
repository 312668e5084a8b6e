package gen

import (
	"github.com/kcmgen/kcmgen/gen/binary"
	"github.com/kcmgen/kcmgen/gen/config"
	"github.com/kcmgen/kcmgen/gen/facts"
	"github.com/kcmgen/kcmgen/gen/keys"
	"github.com/kcmgen/kcmgen/gen/outdir"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/readback"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/download"
)

// Types of the packages below, for callers of this one.
type (
	Cluster = spec.Cluster
	Node    = spec.Node

	LimitError    = config.LimitError
	NoDirError    = config.NoDirError
	NoModuleError = config.NoModuleError
	Skipped       = config.Skipped
	Outline       = config.Outline

	FetchError   = binary.FetchError
	SumError     = binary.SumError
	ProgramError = binary.ProgramError
	DynamicError = binary.DynamicError

	ProxyError = download.ProxyError

	State = outdir.State // of a cluster's tree

	NewerSchemaError = outdir.NewerSchemaError
	NotWritableError = outdir.NotWritableError
	NoModesError     = outdir.NoModesError

	OtherClusterError = plan.OtherClusterError
	TrustError        = plan.TrustError
	TrustChange       = plan.Change
	ConflictError     = plan.Conflict

	Layouts = readback.Layouts

	RevisionError = facts.RevisionError
)

// Errors of these packages.
var (
	ErrNoModule   = config.ErrNoModule
	ErrNoChecksum = binary.ErrNoChecksum
	ErrLocked     = outdir.ErrLocked
	ErrInTheWay   = outdir.ErrInTheWay
	ErrOthers     = outdir.ErrOthers
)

// Ways in which what others trust changes.
const (
	TrustLost     = plan.Lost
	TrustReplaced = plan.Replaced
	TrustEnded    = plan.Ended
	NodeLeft      = plan.Left
)

// AcceptName is the word of --accept for a renamed cluster.
const AcceptName = plan.Name

// Kinds of changes of files and nodes.
const (
	Added   = tree.Added
	Changed = tree.Changed
	Removed = tree.Removed
)

// KeyDir is the directory of key material in a cluster's tree.
const KeyDir = keys.Dir

// IDs of the key material that others trust.
const (
	CA             = keys.CA
	FrontProxyCA   = keys.FrontProxyCA
	ServiceAccount = keys.ServiceAccount
)

// Functions of these packages.
var (
	// ShellWord quotes a text as one word for sh, and Nearest finds the word that was meant.
	ShellWord = spec.ShellWord
	Nearest   = spec.Nearest
	// Acceptable returns the words of --accept.
	Acceptable = plan.Acceptable
	// CertFile and KeyFile return the paths of a certificate and a private key in a
	// cluster's tree.
	CertFile = keys.CertPath
	KeyFile  = keys.KeyPath
	// Counts returns the number of changes of files, in words.
	Counts = tree.Counts
	// LayoutLines returns comparisons of layouts for a person.
	LayoutLines = readback.LayoutLines
	// ModuleRoot returns the root of the CUE module around a directory.
	ModuleRoot = config.ModuleRoot
	// Outlines returns the clusters of a CUE module without evaluating them.
	Outlines = config.Outlines
	// Writable returns an error if trees can't be written below a directory.
	Writable = outdir.Writable
)
