package deploy

import (
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// What the rooms below this one decide with, under the names that its callers use.
type (
	Plan           = plan.Plan
	Step           = plan.Step
	Seconds        = plan.Seconds
	FileChange     = plan.FileChange
	FlagChange     = plan.FlagChange
	Drift          = plan.Drift
	Want           = plan.Want
	EditedError    = plan.EditedError
	Move           = plan.Move
	MovedError     = plan.MovedError
	NoWayBackError = plan.NoWayBackError
	SameNameError  = plan.SameNameError

	AwayError       = rollout.AwayError
	GoneErrors      = rollout.GoneErrors
	RolledBackError = rollout.RolledBackError
	SpareError      = rollout.SpareError
	StrandedError   = rollout.StrandedError
	UnseenError     = rollout.UnseenError
	UnsettledError  = rollout.UnsettledError
)

// Outcomes of hosts and of rollouts.
const (
	Unchanged  = rollout.Unchanged
	Done       = rollout.Done
	Untouched  = rollout.Untouched
	RolledBack = rollout.RolledBack
	Gone       = rollout.Gone
)

// Functions of these rooms, likewise.
var (
	// Wants reads what the hosts of a cluster are to have from its exported tree.
	Wants = plan.Wants
	// ReadPlan reads a plan that was written down.
	ReadPlan = plan.Read
	// Moved compares a plan that was written down with one that is made now.
	Moved = plan.Moved
)
