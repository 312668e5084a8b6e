package rollout

import (
	"errors"
	"fmt"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// awaitSpares waits until all spares work. A spare is another healthy instance that can
// lead while this host restarts. A spare that is down for a moment is no reason to go back.
// A host that doesn't work itself is restarted at once.
func (s *State) awaitSpares() {
	s.stage, s.stopwatch, s.announcedWait = Sparing, s.absence.stopwatch(s.now), ""
	if s.hosts[s.current].unhealthy != "" {
		s.try(s.current)
		return
	}
	s.examineSpares()
}

func (s *State) examineSpares() {
	var all []Action
	for _, i := range s.hostsWhere(s.isSpare) {
		a := s.examine(i, Process|Healthz)
		if s.plan.Hosts[i].HealthUnknown {
			a.Ask = Process
		}
		all = append(all, a)
	}
	if len(all) == 0 {
		s.try(s.current)
		return
	}
	s.ask(-1, all...)
}

// isSpare reports whether a host must work while the current one restarts.
func (s *State) isSpare(i int) bool {
	h := &s.hosts[i]
	stopped := h.result.Outcome == Done && s.plan.Hosts[i].Desired == plan.None
	return i != s.current && !stopped && (h.unhealthy == "" || h.passedProcess.pid != 0)
}

// examine asks a host about the generation that it now runs.
func (s *State) examine(i int, q Questions) Action {
	a := s.hostAction(i, Examine)
	a.Ask, a.ExpectNew = q, s.hosts[i].passedProcess.pid != 0
	return a
}

// sparesExamined restarts the current host if all spares work.
func (s *State) sparesExamined(r round) {
	if r.isPause() {
		s.examineSpares()
		return
	}
	other, fault := -1, error(nil)
	for k, a := range r.asked {
		if a.Ask == Apiserver {
			continue
		}
		i := s.index(a.Node)
		fault = s.workFault(i, r.events[k])
		if (fault != nil || s.endedUnexcused(i, r.events[k])) && r.secondAnswer(a.Node) == nil {
			s.extend(r, s.examine(i, Apiserver))
			return
		}
		if r.events[k].Err == nil { // a fault shows in the next gate
			s.checkSettled(i, r.events[k].Health, r.secondAnswer(a.Node))
		}
		if fault != nil {
			other = i
			break
		}
	}
	switch h := &s.hosts[s.current]; {
	case other < 0 && s.announcedWait != "" && !h.postponed: // the leader may have changed meanwhile
		h.postponed = true
		s.steps = append(s.steps, s.current)
		s.choose()
		return
	case other < 0:
		s.try(s.current)
		return
	}
	s.awaitSpare(other, fault, apiserverError(r.secondAnswer(s.plan.Hosts[other].Node)))
}

// awaitSpare waits for a spare that doesn't work, if it may recover. asked is the error
// that it gets from the apiserver.
func (s *State) awaitSpare(i int, fault, asked error) {
	h, name := &s.hosts[i], s.plan.Hosts[i].Node
	s.absence.record(s.now, s.now, errors.Is(asked, ErrApiserverAway))
	excused := s.absence.excuses(s.now, s.grace())
	switch away := s.absence.duration(s.now); {
	case away > s.plan.Away.Duration():
		s.fail(s.current, &ApiserverAwayError{away, asked})
	// The new configuration is at fault, or the time is up.
	case !excused && (h.passedProcess.pid != 0 && !h.excused || s.stopwatch.elapsed(&s.absence, s.now) > s.plan.Gate.Duration()):
		s.fail(s.current, &SpareError{Node: name, Unit: s.plan.Hosts[i].Unit, Err: fault})
	default:
		if s.announcedWait != name {
			s.announcedWait = name
			s.tell(s.current, "waits", "for %s, which doesn't work now: %v", name, fault)
		}
		s.pause(-1, s.poll)
	}
}

// workFault returns why a host doesn't work, or nil.
func (s *State) workFault(i int, e Event) error {
	switch {
	case e.Err != nil:
		return e.Err
	case !e.Health.Running:
		return fmt.Errorf("%s is %s", s.plan.Hosts[i].Unit, e.Health.Active)
	case s.plan.Hosts[i].HealthUnknown:
		return nil
	}
	return e.Health.Healthz
}

// endedUnexcused reports whether the process of a host that passed earlier has ended, and
// no outage known so far excuses it.
func (s *State) endedUnexcused(i int, e Event) bool {
	h := &s.hosts[i]
	return e.Err == nil && h.passedProcess.pid != 0 && processOf(e.Health) != h.passedProcess && !h.excused && !s.absence.excuses(s.now, s.grace())
}

// checkSettled reports whether a host that passed earlier still has the same process, or is
// excused. asked is its answer about the apiserver; nil: it wasn't asked.
func (s *State) checkSettled(i int, is Health, asked *Event) (ok bool) {
	h := &s.hosts[i]
	if h.passedProcess.pid == 0 {
		return true
	}
	h.passedProcess, h.excused, ok = assessProcess(h.passedProcess, processOf(is), h.excused, func() bool {
		return s.absence.excuses(s.now, s.grace()) || errors.Is(apiserverError(asked), ErrApiserverAway)
	})
	return ok
}

// apiserverError returns the error of an answer about the apiserver.
func apiserverError(e *Event) error {
	switch {
	case e == nil:
		return nil
	case e.Err != nil:
		return e.Err
	}
	return e.Health.Apiserver
}

// assessProcess compares the process of a host that passed earlier with the one it had
// then. It returns the process to compare with from now on, whether its end is excused
// until the next start, and whether all is well. inOutage reports whether an outage
// explains the end.
func assessProcess(settled, is processID, excused bool, inOutage func() bool) (processID, bool, bool) {
	switch {
	case is == settled:
		return settled, excused, true
	case !excused && !inOutage():
		return settled, false, false
	case is.pid == 0: // it isn't started again yet
		return settled, true, true
	}
	return is, false, true
}

func processOf(h Health) processID { return processID{h.PID, h.Restarts} }

// grace is how long after an outage processes may still end by it: a lease is lost, a
// request times out.
func (s *State) grace() time.Duration { return s.plan.Lease.Duration() + 5*time.Second }
