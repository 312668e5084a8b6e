package rollout

import (
	"errors"
	"time"
)

// gate is one wait for a host.
type gate struct {
	next bool // it is to run what the plan brings; else what it had
	soak time.Duration
	lead bool // somebody who runs the new generation has to lead, too
	// until is when the apiserver isn't waited for any more; zero: as long as the whole
	// rollout waits for it.
	until time.Time

	absence         outage // of the apiserver, on the way back; else the rollout's counts
	watch           stopwatch
	operatorAbsence outage // of the apiserver, as this machine has it
	awayErr         error  // what the host got from an apiserver that is away
	answered        bool   // it has had an answer

	pulse       pulse
	since       time.Time // since when it has been healthy without a break; zero: it isn't
	leading     time.Time // the same for a leader
	holder      string
	renewed     time.Time
	otherLeads  bool   // a host that has, or may have, what it had leads, and goes on doing so
	maxRestarts int    // restarts that say it won't get better
	lost        bool   // the last look had no answer
	slow        int    // answers in a row that didn't come in time
	fault       string // why it isn't healthy
	noLeader    string // why nobody leads
	failed      string // why it ended, until the log is read
}

// tooOften: systemd has started it again so many times that it isn't by chance.
const tooOften = 2

// outage is what a gate knows of the apiserver's absence.
func (s *State) outage(g *gate) *outage {
	if g.next {
		return &s.absence
	}
	return &g.absence
}

// watchHost waits until a host is healthy, and then that it stays so.
func (s *State) watchHost(i int, g gate) {
	h := &s.hosts[i]
	g.maxRestarts = tooOften
	h.gate = g
	h.gate.watch = s.outage(&h.gate).stopwatch(s.now)
	s.lookAtHost(i)
}

// lookAtHost asks all that a gate is about, at once.
func (s *State) lookAtHost(i int) {
	g := &s.hosts[i].gate
	own := s.on(i, Examine)
	own.Ask, own.Next = Everything, g.next
	all := []Action{own}
	if g.next {
		for _, k := range s.passed(i) {
			all = append(all, s.examine(k, Process))
		}
		if s.elects() {
			all = append(all, Action{Kind: ReadLease})
		}
	}
	s.ask(i, all...)
}

// passed are the other hosts that have passed their gate, in this run or in an earlier one of
// the same rollout that was interrupted.
func (s *State) passed(but int) []int {
	return s.hostsWhere(func(k int) bool {
		p := &s.plan.Hosts[k]
		earlier := p.Interrupted && p.Runs == p.Desired && p.Unhealthy == "" && s.step(k) == nil
		return k != but && p.Named && (s.hosts[k].settled.pid != 0 || earlier)
	})
}

// judgeGate goes on with what one look at a host tells. What is missing to judge it is
// asked first.
func (s *State) assessGate(i int, r round) {
	g := &s.hosts[i].gate
	if r.paused() {
		s.lookAtHost(i)
		return
	}
	if g.lost = g.lost && r.lost(); !g.lost && r.lost() {
		g.lost = true // once more, over a new connection
		s.lookAtHost(i)
		return
	}
	if s.uneventful(i, r) { // nothing can be missing
		s.assessLook(i, r)
		return
	}
	tried := s.Clone()
	if missing := tried.assessLook(i, r); len(missing) > 0 {
		s.extend(r, missing...)
		return
	}
	*s = tried
}

// calm reports whether a look shows neither an apiserver that is away nor a process that has
// ended.
func (s *State) uneventful(i int, r round) bool {
	g := &s.hosts[i].gate
	for k, a := range r.asked {
		e := &r.events[k]
		if a.Kind == ReadLease {
			continue
		}
		was := pulseOf(e.Health)
		if own := s.plan.Hosts[i].Node; a.Node != own {
			was = s.hosts[s.index(a.Node)].settled
			if was.pid == 0 {
				was = pulseOf(e.Health) // it is looked at for the first time
			}
		} else if !g.since.IsZero() {
			was = g.pulse
		}
		if e.Err != nil || e.Health.Apiserver != nil || e.Health.Restarts >= g.maxRestarts || pulseOf(e.Health) != was {
			return false
		}
	}
	return true
}

// look judges one look at a host. It returns what else has to be asked for that, and then
// the state is of no use.
func (s *State) assessLook(i int, r round) (missing []Action) {
	own := r.answer(Examine, s.plan.Hosts[i].Node)
	if own.Err != nil {
		s.gateEnded(i, own.Err)
		return nil
	}
	is, g := own.Health, &s.hosts[i].gate
	fault := s.faultOf(i, is)
	if missing := s.trackApiserver(i, is, r); missing != nil {
		return missing
	}
	reason, missing := s.endedByItself(i, is, r)
	switch {
	case missing != nil:
		return missing
	case reason != "":
		s.explain(i, i, &GateError{Reason: reason})
		return nil
	case fault != "":
		g.since, g.fault = time.Time{}, fault
	case g.since.IsZero():
		g.since, g.pulse = s.now, pulseOf(is)
		if g.soak > 0 {
			s.tell(i, "healthy", "after %v; it has to stay so for %v", s.now.Sub(g.watch.begun).Round(100*time.Millisecond), g.soak)
		}
	}
	if g.next {
		if ended, missing := s.checkPassed(i, r); ended || missing != nil {
			return missing
		}
		s.seeLeader(i, r)
	}
	s.decideGate(i, is)
	return nil
}

// faultOf is why a host isn't healthy: the first reason that people would look at.
func (s *State) faultOf(i int, is Health) string {
	g := &s.hosts[i].gate
	switch {
	case !is.Running:
		return s.plan.Hosts[i].Unit + " is " + is.Active
	case is.Mismatch != "":
		return is.Mismatch
	case g.late(is.Healthz, is.Apiserver):
		return "" // and what ends now may end by that
	case is.Healthz != nil:
		return is.Healthz.Error()
	case is.Apiserver != nil:
		return "with its own kubeconfig: " + is.Apiserver.Error()
	case is.Complaint != "":
		return "its log says: " + is.Complaint
	}
	return ""
}

// late reports whether answers that only didn't come in time are none yet: a slow
// apiserver is no fault of a host that has been healthy. The second in a row is.
func (g *gate) late(errs ...error) bool {
	timeout := false
	for _, err := range errs {
		if err != nil && (g.since.IsZero() || !errors.Is(err, ErrLate)) {
			g.slow = 0
			return false
		}
		timeout = timeout || err != nil
	}
	if !timeout {
		g.slow = 0
		return false
	}
	g.slow++
	return g.slow == 1
}

// follow takes note of whether the apiserver is away from the gate's host, and keeps the
// host from going back by itself meanwhile. At an address that has answered before, it is
// away. Else the new configuration may name a wrong one, unless this machine gets no
// answer either.
func (s *State) trackApiserver(i int, is Health, r round) (missing []Action) {
	g := &s.hosts[i].gate
	away := errors.Is(is.Apiserver, ErrAway)
	if away && !s.serverProven(i, is) && !operatorAway(r) {
		former := s.hosts[i].formerServer
		if former == nil && r.answer(Former, s.plan.Hosts[i].Node) == nil {
			return []Action{s.on(i, Former)}
		}
		if former == nil {
			server := r.answer(Former, s.plan.Hosts[i].Node).Server
			former = &server
			s.hosts[i].formerServer = former
		}
		away = is.Server != "" && *former == is.Server
	}
	g.answered = g.answered || is.Server != "" && !errors.Is(is.Apiserver, ErrAway)
	s.trackAbsence(i, s.now.Add(-is.Took), away, is.Apiserver)
	return nil
}

// operatorAway reports whether this machine gets no answer from the apiserver.
func operatorAway(r round) bool {
	e := r.answer(ReadLease, "")
	return e != nil && errors.Is(e.Err, ErrAway)
}

// note takes note of an apiserver that is away, or is there.
func (s *State) trackAbsence(i int, asked time.Time, away bool, err error) {
	h := &s.hosts[i]
	out := s.outage(&h.gate)
	if away && !out.goesOn() {
		s.tell(i, "waits", "for the apiserver, which is away: %v", err)
	}
	if away {
		h.gate.awayErr = err
	}
	ended := out.see(asked, s.now, away)
	if ended {
		s.tell(i, "waits", "no more: the apiserver is back, and was away for %v", out.lasted(s.now).Round(time.Second))
	}
	if ended || away && s.prolongDue(i) {
		s.prolong(i)
	}
}

// proven reports whether the address where the host asks is one that has answered it, or
// another host: then it is no fault of the new configuration that nobody is there.
func (s *State) serverProven(i int, is Health) bool {
	g := &s.hosts[i].gate
	if is.Server == "" || g.answered || !g.next {
		return is.Server != ""
	}
	for k := range s.hosts {
		if s.hosts[k].server == is.Server {
			return true
		}
	}
	return false
}

// due reports whether a quarter of the time is gone after which a host goes back.
func (s *State) prolongDue(i int) bool {
	whole := s.plan.Revert.Duration()
	return s.hosts[i].reverts.Sub(s.now) < whole-whole/4
}

// prolong gives a trial its whole time again before the host goes back by itself: the
// operator is there, and waits.
func (s *State) prolong(i int) {
	h := &s.hosts[i]
	if !h.gate.next || h.result.Outcome != Unfinished || h.prolongID != 0 {
		return
	}
	s.last++
	a := s.on(i, Prolong)
	a.ID, a.Generation, a.After = s.last, s.step(i).To, s.plan.Revert.Duration()
	h.prolongID = a.ID
	s.actions = append(s.actions, a)
}

// prolonged reports whether an event is the answer to that. A host that refuses has gone
// back already; a connection that broke is found out by what comes next.
func (s *State) prolonged(e Event) bool {
	for i := range s.hosts {
		h := &s.hosts[i]
		if h.prolongID != e.ID {
			continue
		}
		h.prolongID = 0
		switch {
		case e.Err == nil:
			h.reverts = s.now.Add(s.plan.Revert.Duration() - e.Took)
		case errors.Is(e.Err, ErrRefused) && h.phase == OnTrial:
			s.drop(i)
			s.gateEnded(i, e.Err)
		}
		return true
	}
	return false
}

// drop forgets what was asked for a host: its answers don't count any more.
func (s *State) drop(i int) {
	for k := range s.rounds {
		if s.rounds[k].host == i {
			s.rounds = append(s.rounds[:k:k], s.rounds[k+1:]...)
			return
		}
	}
}

// explain reads the end of a host's log, which nearly always says why, and then ends the
// gate of a host: the same one, or another.
func (s *State) explain(i, of int, err *GateError) {
	h := &s.hosts[i]
	h.phase, h.gate.failed = Explained, err.Reason
	s.ask(i, s.on(of, ReadLog))
}

func (s *State) explained(i int, r round) {
	var err error = &GateError{Reason: s.hosts[i].gate.failed, Log: r.events[0].Lines}
	if of := s.index(r.asked[0].Node); of != i {
		err = s.withNode(of, err)
	}
	s.gateEnded(i, err)
}

// gateEnded goes on with a host that has passed its gate, or why it hasn't.
func (s *State) gateEnded(i int, err error) {
	switch {
	case s.stage != Trying:
		s.rollbackEnded(i, err)
	case err != nil:
		s.fail(i, err)
	default:
		s.confirm(i)
	}
}
