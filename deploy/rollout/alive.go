package rollout

import (
	"fmt"
	"time"
)

// alive returns why the process has ended by itself, and by nothing else. Where the
// apiserver is away, it begins anew.
func (s *State) endedByItself(i int, is Health, r round) (reason string, missing []Action) {
	g := &s.hosts[i].gate
	fault := endedBy(g.pulse, pulseOf(is), !g.since.IsZero(), g.maxRestarts)
	if fault == "" {
		return "", nil
	}
	out := s.outage(g)
	if is.Apiserver == nil && is.Server != "" { // it may have gone away since
		again := r.again(s.plan.Hosts[i].Node)
		if again == nil {
			a := s.on(i, Examine)
			a.Ask, a.Next = Apiserver, g.next
			return "", []Action{a}
		}
		if again.Err == nil {
			if missing := s.trackApiserver(i, again.Health, r); missing != nil {
				return "", missing
			}
		}
	}
	if out.excuses(s.now, s.grace()) {
		g.since, g.maxRestarts = time.Time{}, is.Restarts+tooOften
		return "", nil
	}
	return fault + is.ExitReason, nil
}

// endedBy says of a process what it has done by itself; "" if it hasn't ended, or once
// only, while it was starting.
func endedBy(was, is pulse, healthy bool, atLeast int) string {
	switch {
	case is.restarts >= atLeast:
		return fmt.Sprintf("it ended %d times by itself", is.restarts)
	case healthy && is != was:
		return "it was healthy, and ended by itself"
	}
	return ""
}

// othersAlive: a host that passed earlier and ends now has become the leader, and can't be.
func (s *State) checkPassed(i int, r round) (ended bool, missing []Action) {
	for _, k := range s.passed(i) {
		e := r.answer(Examine, s.plan.Hosts[k].Node)
		if e == nil {
			continue
		}
		if e.Err != nil {
			s.gateEnded(i, s.withNode(k, e.Err))
			return true, nil
		}
		if h := &s.hosts[k]; h.settled.pid == 0 { // an earlier run saw it healthy
			h.settled = pulseOf(e.Health)
		}
		again := r.again(s.plan.Hosts[k].Node)
		if s.endedUnexcused(k, *e) && again == nil {
			return false, []Action{s.examine(k, Apiserver)}
		}
		if !s.checkSettled(k, e.Health, again) {
			s.explain(i, k, &GateError{Reason: "it ended by itself after it had been healthy: what only a leader does fails"})
			return true, nil
		}
	}
	return false, nil
}
