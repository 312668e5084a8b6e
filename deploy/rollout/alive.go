package rollout

import (
	"fmt"
	"time"
)

// endedByItself returns a reason if the process of host i ended by itself and no outage of
// the apiserver excuses it. During an outage the gate starts over.
func (s *State) endedByItself(i int, is Health, r round) (reason string, missing []Action) {
	g := &s.hosts[i].gate
	fault := endedBy(g.process, processOf(is), !g.healthySince.IsZero(), g.maxRestarts)
	if fault == "" {
		return "", nil
	}
	out := s.outage(g)
	if is.Apiserver == nil && is.Server != "" { // the apiserver may have gone away since
		again := r.secondAnswer(s.plan.Hosts[i].Node)
		if again == nil {
			a := s.hostAction(i, Examine)
			a.Ask, a.ExpectNew = Apiserver, g.expectNew
			return "", []Action{a}
		}
		if again.Err == nil {
			if missing := s.trackApiserver(i, again.Health, r); missing != nil {
				return "", missing
			}
		}
	}
	if out.excuses(s.now, s.grace()) {
		g.healthySince, g.maxRestarts = time.Time{}, is.Restarts+tooOften
		return "", nil
	}
	return fault + is.ExitReason, nil
}

// endedBy describes how a process ended by itself; "" if it didn't, or did so less than
// maxRestarts times before it was healthy.
func endedBy(was, is processID, healthy bool, maxRestarts int) string {
	switch {
	case is.restarts >= maxRestarts:
		return fmt.Sprintf("it ended %d times by itself", is.restarts)
	case healthy && is != was:
		return "it was healthy, and ended by itself"
	}
	return ""
}

// checkPassed looks at the hosts that passed earlier. One that ends now probably became the
// leader and fails as such, so the gate of host i ends.
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
		if h := &s.hosts[k]; h.passedProcess.pid == 0 { // it passed in an earlier run
			h.passedProcess = processOf(e.Health)
		}
		again := r.secondAnswer(s.plan.Hosts[k].Node)
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
