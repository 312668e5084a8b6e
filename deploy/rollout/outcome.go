package rollout

import (
	"errors"
	"fmt"
	"slices"
)

// outcome returns the error of a rollout that went back.
func (s *State) outcome() error {
	stranded := &StrandedError{Err: s.cause, Stranded: map[string]error{}, Left: map[string]Left{}}
	unseen := &UnseenError{Err: s.cause}
	var went []string
	for _, i := range s.back.hosts {
		h, node := &s.hosts[i], s.plan.Hosts[i].Node
		var away *ApiserverAwayError
		switch {
		case errors.As(h.back.err, &away):
			unseen.Nodes, unseen.Away = append(unseen.Nodes, node), away
			h.result.Outcome = RolledBack
			s.tell(i, "back", "it has what it had; whether it works can't be seen while the apiserver is away: %v", away.Err)
		case h.back.err != nil:
			s.strand(i, stranded)
		case h.back.changedByOther:
			h.result.Outcome = Untouched
			s.tell(i, "back", "another program has changed it since the plan was made: it stays as it is")
		default:
			h.result.Outcome = RolledBack
			s.tell(i, "back", "as it was")
			went = append(went, node)
		}
	}
	kept := slices.ContainsFunc(s.done, func(i int) bool { return s.hosts[i].result.Outcome == Done && s.changed(i) })
	switch {
	case len(stranded.Stranded) > 0:
		return stranded
	case len(unseen.Nodes) > 0:
		return unseen
	case len(went) > 0 && !kept: // else some hosts keep the new configuration
		return &RolledBackError{s.plan.Action, went, s.cause}
	}
	return s.cause
}

// strand records a host that couldn't be brought back, and how it was left.
func (s *State) strand(i int, stranded *StrandedError) {
	h, node := &s.hosts[i], s.plan.Hosts[i].Node
	h.result.Outcome = Stranded
	left, err := LeftOnTrial, h.back.err
	if h.back.kind == Undo {
		left = LeftChanged
	}
	var unhealthy *GateError
	var unconfirmed *UnconfirmedError
	switch {
	case errors.Is(err, ErrNotStarted) || errors.As(err, &unhealthy): // it is back, and isn't tried again
		err, left = fmt.Errorf("it has what it had, and %w", err), LeftUnhealthy
	case h.back.kind == Revert && !errors.As(s.cause, &unconfirmed): // else the cause says so already
		err = fmt.Errorf("%w; within %v it goes back by itself, if it can", err, s.plan.Revert.Duration())
	}
	s.tell(i, "stranded", "%v", err)
	stranded.Stranded[node], stranded.Left[node] = err, left
}
