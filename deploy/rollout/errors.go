package rollout

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// Kinds of an [Event]'s error, by errors.Is. Any other error is a broken connection or a
// missing answer.
var (
	// ErrRefused: the host refuses. Asking again is of no use.
	ErrRefused = errors.New("refused")
	// ErrNotStarted: the host went back, and the old unit doesn't start.
	ErrNotStarted = errors.New("not started")
	// ErrApiserverAway: the apiserver can't be reached, or can't answer now.
	ErrApiserverAway = errors.New("away")
	// ErrTimedOut: no answer came in time.
	ErrTimedOut = errors.New("late")
	// ErrChanged: the host differs from the plan; a new plan helps.
	ErrChanged = errors.New("changed")
)

// GateError is a host that didn't become healthy, or didn't stay so.
type GateError struct {
	Reason string
	Log    []string // the end of its log
}

func (e *GateError) Error() string { return e.Reason }

// ApiserverAwayError is an apiserver that was away for longer than a rollout waits.
type ApiserverAwayError struct {
	For time.Duration
	Err error // of the last request
}

func (e *ApiserverAwayError) Error() string {
	return fmt.Sprintf("the apiserver has been away for %v, and nothing is known to be wrong with the host: %v", e.For.Round(time.Second), e.Err)
}

// Unwrap returns the error of the last request.
func (e *ApiserverAwayError) Unwrap() error { return e.Err }

// SpareError is a spare that doesn't work, so that a host can't be restarted. A spare is
// another healthy instance that can lead while this host restarts.
type SpareError struct {
	Node string
	Unit string
	Err  error
}

func (e *SpareError) Error() string {
	return fmt.Sprintf("not restarted, since %s doesn't work now: %v", e.Node, e.Err)
}

// Unwrap returns the spare's fault.
func (e *SpareError) Unwrap() error { return e.Err }

// UnsettledError is a host that the command doesn't name and that is still on trial.
type UnsettledError struct{ Generation string }

func (e *UnsettledError) Error() string {
	return fmt.Sprintf("it has %s on trial, and is restarted when it goes back by itself", plan.Short(e.Generation))
}

// ChangedError is a host that an operator, a program or its own timer changed after the
// plan was made.
type ChangedError struct{}

func (*ChangedError) Error() string { return "it has changed since the plan was made" }

// Is makes it [ErrChanged].
func (*ChangedError) Is(target error) bool { return target == ErrChanged }

// UnconfirmedError is a healthy host whose confirmation got no answer: unless it arrived,
// the host goes back by itself.
type UnconfirmedError struct {
	After time.Duration
	Err   error
}

func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("it is healthy, and the confirmation got no answer (%v): it goes back by itself within %v, unless it was confirmed", e.Err, e.After)
}

// Unwrap returns why.
func (e *UnconfirmedError) Unwrap() error { return e.Err }

// RolledBackError is a rollout that failed and restored every host.
type RolledBackError struct {
	Action string   // the operator's command: deploy, rollback
	Nodes  []string // the hosts that went back
	Err    error    // what failed
}

func (e *RolledBackError) Error() string { return "rolled back: " + e.Err.Error() }

// Unwrap returns what failed.
func (e *RolledBackError) Unwrap() error { return e.Err }

// UnseenError is a rollout that failed and went back on all hosts, where the apiserver is
// away, so whether they are healthy isn't known.
type UnseenError struct {
	Nodes []string
	Away  error
	Err   error // what failed
}

func (e *UnseenError) Error() string {
	out := "went back: " + e.Err.Error()
	if away := (*ApiserverAwayError)(nil); errors.As(e.Err, &away) { // e.Err says so already
		return out
	}
	return out + "\n" + strings.Join(e.Nodes, ", ") + ": " + e.Away.Error()
}

// Unwrap returns what failed, and the apiserver's absence.
func (e *UnseenError) Unwrap() []error { return []error{e.Err, e.Away} }

// Left is how a stranded host was left.
type Left int

// Ways in which a host can be left.
const (
	LeftOnTrial   Left = iota // still on trial
	LeftChanged               // with the new generation, confirmed
	LeftUnhealthy             // with the old generation, unhealthy
	LeftStopped               // its process ended for good
)

// StrandedError is a failed rollout with hosts that couldn't be brought back.
type StrandedError struct {
	Err      error            // what failed
	Stranded map[string]error // by node
	Left     map[string]Left  // how each was left, by node
	// ByHand is the command to type on each host, by node.
	ByHand map[string]string
}

func (e *StrandedError) Error() string {
	var out []string
	for node, err := range e.Stranded {
		if gone := (*GoneError)(nil); errors.As(err, &gone) {
			out = append(out, fmt.Sprintf("%s: %v", node, err))
			continue
		}
		out = append(out, fmt.Sprintf("%s couldn't be brought back: %v", node, err))
	}
	slices.Sort(out)
	return e.Err.Error() + "\n" + strings.Join(out, "\n")
}

// Unwrap returns what failed.
func (e *StrandedError) Unwrap() error { return e.Err }

// GoneError is a host that worked and whose process ended for good, such as with exit
// status 0 under Restart=on-failure.
type GoneError struct{ State, Unit string }

func (e *GoneError) Error() string {
	return "it worked when this began; now it is " + e.State + ", and systemd doesn't start it again"
}

// GoneErrors are such hosts after a rollout that otherwise went well, by node.
type GoneErrors map[string]*GoneError

// Unit returns the unit's name, which all hosts of a cluster share.
func (e GoneErrors) Unit() string {
	for _, err := range e {
		return err.Unit
	}
	return ""
}

func (e GoneErrors) Error() string {
	var out []string
	for _, node := range slices.Sorted(maps.Keys(e)) {
		out = append(out, node+": "+e[node].Error())
	}
	return strings.Join(out, "\n")
}

// oneLine joins the lines of a text, for reports.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
