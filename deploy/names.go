package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/gen/disk"
	"github.com/kcmgen/kcmgen/gen/tree"
	"github.com/kcmgen/kcmgen/internal/regular"
	"github.com/kcmgen/kcmgen/live"
)

// What the rooms below this one decide with, under the names that its callers use.
type (
	Plan           = plan.Plan
	Step           = plan.Step
	Seconds        = plan.Seconds
	FileChange     = plan.FileChange
	FlagChange     = plan.FlagChange
	Drift          = plan.Drift
	Desired        = plan.Desired
	EditedError    = plan.EditedError
	Change         = plan.Change
	StalePlanError = plan.StalePlanError
	NoWayBackError = plan.NoWayBackError
	SameNameError  = plan.SameNameError

	AwayError       = rollout.AwayError
	GoneErrors      = rollout.GoneErrors
	RolledBackError = rollout.RolledBackError
	SpareError      = rollout.SpareError
	StrandedError   = rollout.StrandedError
	UnseenError     = rollout.UnseenError
	UnsettledError  = rollout.UnsettledError

	Kind = tree.Kind // of a change of a file

	LockedError = host.LockedError
	NoisyError  = host.NoisyError

	ConnectionError       = remote.Error
	ForwardForbiddenError = remote.ForwardForbiddenError
	HostKeyError          = remote.HostKeyError
	IdentityError         = remote.IdentityError
	LoginError            = remote.LoginError
	SSHError              = remote.SSHError
)

// Steps of connecting to a host, and what is wrong with its key.
const (
	StepConnect = remote.StepConnect
	StepBanner  = remote.StepBanner

	KeyUnknown   = remote.Unknown
	KeyChanged   = remote.Changed
	KeyOtherType = remote.OtherType
	KeyRevoked   = remote.Revoked
)

// SaysNothing ends the words of a refusal of a program that said nothing.
const SaysNothing = host.SaysNothing

// ErrForbidden is a lease that may not be read.
var ErrForbidden = live.ErrForbidden

// Outcomes of hosts and of rollouts.
const (
	Unchanged  = rollout.Unchanged
	Done       = rollout.Done
	Untouched  = rollout.Untouched
	RolledBack = rollout.RolledBack
	Gone       = rollout.Gone
)

// Kinds of changes of files.
const (
	Added   = tree.Added
	Changed = tree.Changed
)

// Functions of these rooms, likewise.
var (
	// ReadDesired reads what the hosts of a cluster are to have from its exported tree.
	ReadDesired = plan.ReadDesired
	// Changes compares a plan that was written down with one that is made now.
	Changes = plan.Changes
)

// maxPlan bounds a plan's file, in bytes: one host takes some hundred.
const maxPlan = 16 << 20

// ReadPlan reads a plan that WritePlan wrote.
func ReadPlan(file string) (*Plan, error) {
	data, err := regular.Read(file, maxPlan)
	if err != nil {
		return nil, err
	}
	p, err := plan.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// WritePlan writes a plan to where a review can read it.
func WritePlan(file string, p *Plan) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return disk.ReplaceFile(file, append(data, '\n'), 0o644)
}
