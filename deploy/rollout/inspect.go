package rollout

import (
	"errors"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// lastLook bounds the final look at all hosts.
const lastLook = 10 * time.Second

// inspect looks at all hosts once a rollout that changed anything is over, so that the
// report is true.
func (s *State) inspect() {
	s.stage = Inspecting
	if len(s.hostsWhere(func(i int) bool { return s.hosts[i].result.Outcome != "" })) == 0 {
		s.stage, s.err = Finished, s.cause
		return
	}
	s.inspectUntil = s.now.Add(lastLook)
	s.examineAll()
}

func (s *State) examineAll() {
	var all []Action
	for i := range s.hosts {
		a := s.hostAction(i, Examine)
		a.Ask = Process
		all = append(all, a)
	}
	s.ask(-1, all...)
}

// inspected reports hosts whose process ended for good. It looks again while one is
// stopping.
func (s *State) inspected(r round) {
	if r.isPause() {
		s.examineAll()
		return
	}
	ending := slices.ContainsFunc(r.events, func(e Event) bool { return e.Err == nil && e.Health.Ending })
	if ending && s.now.Before(s.inspectUntil) {
		s.pause(-1, s.poll)
		return
	}
	gone := GoneErrors{}
	for k, e := range r.events {
		i := s.index(r.asked[k].Node)
		h, p := &s.hosts[i], s.plan.Hosts[i]
		if e.Err != nil || !endedForGood(e.Health.Dead, h.result.Outcome, h.unhealthy == "", s.stops(i)) {
			continue
		}
		err := &GoneError{e.Health.Active, p.Unit}
		s.tell(i, "gone", "%v", err)
		if p.Selected { // else an operator may have stopped it
			gone[p.Node] = err
			h.result.Outcome, h.result.Reason = Gone, err.Error()
		}
	}
	s.stage, s.err = Finished, withGone(s.cause, gone)
}

// endedForGood reports whether a host that should run ended for good. dead: its process
// did; stops: it should run nothing.
func endedForGood(dead bool, outcome string, worked, stops bool) bool {
	switch {
	case !dead:
		return false
	case outcome == Done, stops:
		return !stops
	case outcome == Stranded: // reported already
		return false
	}
	return worked
}

// stops reports whether a host should run nothing: it leaves the cluster, or went back to
// none.
func (s *State) stops(i int) bool {
	h := &s.hosts[i]
	if h.result.Outcome == RolledBack {
		return h.back.target == plan.None
	}
	return s.plan.Hosts[i].Desired == plan.None
}

// withGone adds hosts that ended for good to the error of a rollout.
func withGone(err error, gone GoneErrors) error {
	if len(gone) == 0 {
		return err
	}
	var stranded *StrandedError
	switch {
	case err == nil:
		return gone
	case !errors.As(err, &stranded):
		stranded = &StrandedError{Err: err, Stranded: map[string]error{}, Left: map[string]Left{}}
	}
	for node, g := range gone {
		stranded.Stranded[node], stranded.Left[node] = g, LeftStopped
	}
	return stranded
}
