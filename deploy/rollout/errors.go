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

// What an [Event]'s error may be, by errors.Is: anything else is a connection that
// broke, or a question without an answer to it.
var (
	// ErrRefused: the host heard, and doesn't do it. To ask again is of no use.
	ErrRefused = errors.New("refused")
	// ErrNotStarted: the host did it, and the unit that runs now doesn't start.
	ErrNotStarted = errors.New("not started")
	// ErrAway: the apiserver said neither yes nor no.
	ErrAway = errors.New("away")
	// ErrLate: no answer came in time.
	ErrLate = errors.New("late")
	// ErrChanged: the host isn't as the plan has it; a new plan will do.
	ErrChanged = errors.New("changed")
)

// GateError is a host that didn't become healthy with what it runs, or didn't stay so.
type GateError struct {
	Reason string
	Log    []string // the end of its log
}

func (e *GateError) Error() string { return e.Reason }

// AwayError is an apiserver that stayed away for longer than a rollout waits for it.
type AwayError struct {
	For time.Duration
	Err error // what came of asking
}

func (e *AwayError) Error() string {
	return fmt.Sprintf("the apiserver has been away for %v, and nothing is known to be wrong with the host: %v", e.For.Round(time.Second), e.Err)
}

// Unwrap returns what came of asking.
func (e *AwayError) Unwrap() error { return e.Err }

// SpareError is another host that doesn't work, so that this one can't be restarted.
type SpareError struct {
	Node string
	Unit string
	Err  error
}

func (e *SpareError) Error() string {
	return fmt.Sprintf("not restarted, since %s doesn't work now: %v", e.Node, e.Err)
}

// Unwrap returns what is wrong with the other one.
func (e *SpareError) Unwrap() error { return e.Err }

// UnsettledError is a host that wasn't named, with a trial that was never ended.
type UnsettledError struct{ Generation string }

func (e *UnsettledError) Error() string {
	return fmt.Sprintf("it has %s on trial, and is restarted when it goes back by itself", plan.Short(e.Generation))
}

// ChangedError is a host that somebody, or its own timer, has changed since the plan
// was made.
type ChangedError struct{}

func (*ChangedError) Error() string { return "it has changed since the plan was made" }

// Is makes it [ErrChanged].
func (*ChangedError) Is(target error) bool { return target == ErrChanged }

// UnconfirmedError is a healthy host that can't be told to stay so: it goes back by
// itself.
type UnconfirmedError struct {
	After time.Duration
	Err   error
}

func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("it is healthy and can't be told to stay so (%v): it goes back by itself within %v, unless it heard", e.Err, e.After)
}

// Unwrap returns why.
func (e *UnconfirmedError) Unwrap() error { return e.Err }

// RolledBackError is a rollout that failed, and left every host as it was.
type RolledBackError struct {
	Action string   // what people asked for: deploy, rollback
	Nodes  []string // that are back where they were
	Err    error    // what failed
}

func (e *RolledBackError) Error() string { return "rolled back: " + e.Err.Error() }

// Unwrap returns what failed.
func (e *RolledBackError) Unwrap() error { return e.Err }

// UnseenError is a rollout that failed, and whose hosts have what they had: whether all of
// them work can't be seen while the apiserver is away.
type UnseenError struct {
	Nodes []string
	Away  error
	Err   error // what failed
}

func (e *UnseenError) Error() string {
	out := "went back: " + e.Err.Error()
	if away := (*AwayError)(nil); errors.As(e.Err, &away) { // that was said
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
	LeftOnTrial Left = iota // its trial is to be ended
	LeftChanged             // it has the new generation, confirmed, and is to leave that
	LeftUnwell              // it has what it had, and doesn't work with that
	LeftStopped             // its process has ended for good
)

// StrandedError is a host that couldn't be brought back, or isn't there any more.
type StrandedError struct {
	Err      error            // what failed
	Stranded map[string]error // by node
	Left     map[string]Left  // how each was left, by node
	// ByHand is that as a command to type on the host, by node, where somebody knows it.
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

// GoneError is a host that worked, and whose process has ended for good: a program that
// ends with 0 isn't started again where Restart= is on-failure.
type GoneError struct{ State, Unit string }

func (e *GoneError) Error() string {
	return "it worked when this began; now it is " + e.State + ", and systemd doesn't start it again"
}

// GoneErrors are such hosts after a rollout that went well otherwise, by node.
type GoneErrors map[string]*GoneError

// Unit is what the unit of these hosts is called; of one cluster, they have one.
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

// oneLine is a text without line ends, for reports.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
