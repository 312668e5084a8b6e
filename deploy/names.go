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

// Types of the packages below, for callers that may not import those.
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

	ApiserverAwayError = rollout.ApiserverAwayError
	GoneErrors         = rollout.GoneErrors
	RolledBackError    = rollout.RolledBackError
	SpareError         = rollout.SpareError
	StrandedError      = rollout.StrandedError
	UnseenError        = rollout.UnseenError
	UnsettledError     = rollout.UnsettledError

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

// Steps of connecting to a host, and faults of its host key.
const (
	StepConnect = remote.StepConnect
	StepBanner  = remote.StepBanner

	KeyUnknown   = remote.Unknown
	KeyChanged   = remote.Changed
	KeyOtherType = remote.OtherType
	KeyRevoked   = remote.Revoked
)

// SaysNothing ends the text of a refusal by a program that printed nothing.
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

// Changes compares a written plan with one made now.
var Changes = plan.Changes

// maxPlan is the maximum size of a plan's file, in bytes. A host takes some hundred.
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

// WritePlan writes a plan to a file, for a review.
func WritePlan(file string, p *Plan) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return disk.ReplaceFile(file, append(data, '\n'), 0o644)
}
