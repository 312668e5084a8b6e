package rollout

import (
	"errors"
	"time"
)

// gate is the wait until a host has passed or failed its health checks.
type gate struct {
	expectNew bool // for the new generation; else for the old one, on the way back
	soak      time.Duration
	mustLead  bool // an instance with the new generation must lead, too
	// apiserverUntil is when to stop waiting for the apiserver; zero: the rollout's limit.
	apiserverUntil time.Time

	absence           outage // of the apiserver, on the way back; forward, the rollout's is used
	stopwatch         stopwatch
	outageForOperator outage // of the apiserver, seen from this machine
	awayErr           error  // the host's last error while the apiserver was away
	apiserverAnswered bool   // the apiserver has answered the host

	process         processID
	healthySince    time.Time // since when it has been healthy; zero: it isn't
	leadingSince    time.Time // since when an instance with the new generation has led; zero: none does
	holder          string
	renewed         time.Time
	otherLeads      bool   // a host without the new generation leads and renews the lease
	maxRestarts     int    // restarts that fail the gate
	lostAnswer      bool   // the last round lost an answer
	timedOutAnswers int    // late answers in a row
	fault           string // why it isn't healthy
	noLeader        string // why no instance with the new generation leads
	failure         string // the reason, until the log is read
}

// tooOften is how many restarts by systemd fail a gate.
const tooOften = 2

// outage returns the outage that counts for a gate.
func (s *State) outage(g *gate) *outage {
	if g.expectNew {
		return &s.absence
	}
	return &g.absence
}

// watchHost waits until a host is healthy, and then that it stays so.
func (s *State) watchHost(i int, g gate) {
	h := &s.hosts[i]
	g.maxRestarts = tooOften
	h.gate = g
	h.gate.stopwatch = s.outage(&h.gate).stopwatch(s.now)
	s.examineHost(i)
}

// examineHost begins a round with all questions of a gate.
func (s *State) examineHost(i int) {
	g := &s.hosts[i].gate
	own := s.hostAction(i, Examine)
	own.Ask, own.ExpectNew = Everything, g.expectNew
	all := []Action{own}
	if g.expectNew {
		for _, k := range s.passed(i) {
			all = append(all, s.examine(k, Process))
		}
		if s.elects() {
			all = append(all, Action{Kind: ReadLease})
		}
	}
	s.ask(i, all...)
}

// passed returns the other hosts that have passed their gate, in this run or in an earlier,
// interrupted run of the same rollout.
func (s *State) passed(but int) []int {
	return s.hostsWhere(func(k int) bool {
		p := &s.plan.Hosts[k]
		earlier := p.Interrupted && p.Runs == p.Desired && p.Unhealthy == "" && s.step(k) == nil
		return k != but && p.Selected && (s.hosts[k].passedProcess.pid != 0 || earlier)
	})
}

// assessGate goes on after a round of a gate. If it needs more answers, it asks for them
// and comes again with the extended round.
func (s *State) assessGate(i int, r round) {
	g := &s.hosts[i].gate
	if r.isPause() {
		s.examineHost(i)
		return
	}
	if g.lostAnswer = g.lostAnswer && r.lostAnswer(); !g.lostAnswer && r.lostAnswer() {
		g.lostAnswer = true // once more, over a new connection
		s.examineHost(i)
		return
	}
	if s.uneventful(i, r) { // no more answers are needed
		s.assessExamination(i, r)
		return
	}
	tried := s.Clone()
	if missing := tried.assessExamination(i, r); len(missing) > 0 {
		s.extend(r, missing...)
		return
	}
	*s = tried
}

// uneventful reports whether a round shows no outage of the apiserver and no process that
// ended.
func (s *State) uneventful(i int, r round) bool {
	g := &s.hosts[i].gate
	for k, a := range r.asked {
		e := &r.events[k]
		if a.Kind == ReadLease {
			continue
		}
		was := processOf(e.Health)
		if own := s.plan.Hosts[i].Node; a.Node != own {
			was = s.hosts[s.index(a.Node)].passedProcess
			if was.pid == 0 {
				was = processOf(e.Health) // this is the first look at it
			}
		} else if !g.healthySince.IsZero() {
			was = g.process
		}
		if e.Err != nil || e.Health.Apiserver != nil || e.Health.Restarts >= g.maxRestarts || processOf(e.Health) != was {
			return false
		}
	}
	return true
}

// assessExamination assesses a round of a gate. If it needs more answers, it returns the actions to
// ask for them; the state is then invalid.
func (s *State) assessExamination(i int, r round) (missing []Action) {
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
		g.healthySince, g.fault = time.Time{}, fault
	case g.healthySince.IsZero():
		g.healthySince, g.process = s.now, processOf(is)
		if g.soak > 0 {
			s.tell(i, "healthy", "after %v; it has to stay so for %v", s.now.Sub(g.stopwatch.begun).Round(100*time.Millisecond), g.soak)
		}
	}
	if g.expectNew {
		if ended, missing := s.checkPassed(i, r); ended || missing != nil {
			return missing
		}
		s.checkLeader(i, r)
		s.handOver(i, r)
	}
	s.decideGate(i, is)
	return nil
}

// faultOf returns why a host isn't healthy, the most telling reason first; "" if it is.
func (s *State) faultOf(i int, is Health) string {
	g := &s.hosts[i].gate
	switch {
	case !is.Running:
		return s.plan.Hosts[i].Unit + " is " + is.Active
	case is.Mismatch != "":
		return is.Mismatch
	case g.late(is.Healthz, is.Apiserver):
		return ""
	case is.Healthz != nil:
		return is.Healthz.Error()
	case is.Apiserver != nil:
		return "with its own kubeconfig: " + is.Apiserver.Error()
	case is.Complaint != "":
		return "its log says: " + is.Complaint
	}
	return ""
}

// late reports whether to ignore answers that came too late. For a host that has been
// healthy, the first late answer is ignored, the second in a row is a fault.
func (g *gate) late(errs ...error) bool {
	timeout := false
	for _, err := range errs {
		if err != nil && (g.healthySince.IsZero() || !errors.Is(err, ErrTimedOut)) {
			g.timedOutAnswers = 0
			return false
		}
		timeout = timeout || err != nil
	}
	if !timeout {
		g.timedOutAnswers = 0
		return false
	}
	g.timedOutAnswers++
	return g.timedOutAnswers == 1
}

// trackApiserver records whether the apiserver is away for the gate's host, and prolongs
// the trial meanwhile. The apiserver counts as away only if its address has answered
// before or this machine gets no answer either; else the new configuration may name a wrong
// address.
func (s *State) trackApiserver(i int, is Health, r round) (missing []Action) {
	g := &s.hosts[i].gate
	away := errors.Is(is.Apiserver, ErrApiserverAway)
	if away && !s.apiserverProven(i, is) && !operatorGetsNoAnswer(r) {
		former := s.hosts[i].formerApiserver
		if former == nil && r.answer(ReadFormerApiserver, s.plan.Hosts[i].Node) == nil {
			return []Action{s.hostAction(i, ReadFormerApiserver)}
		}
		if former == nil {
			server := r.answer(ReadFormerApiserver, s.plan.Hosts[i].Node).Server
			former = &server
			s.hosts[i].formerApiserver = former
		}
		away = is.Server != "" && *former == is.Server
	}
	g.apiserverAnswered = g.apiserverAnswered || is.Server != "" && !errors.Is(is.Apiserver, ErrApiserverAway)
	s.trackAbsence(i, s.now.Add(-is.Took), away, is.Apiserver)
	return nil
}

// operatorGetsNoAnswer reports whether this machine gets no answer from the apiserver.
func operatorGetsNoAnswer(r round) bool {
	e := r.answer(ReadLease, "")
	return e != nil && errors.Is(e.Err, ErrApiserverAway)
}

// trackAbsence records that the apiserver is away, or is there.
func (s *State) trackAbsence(i int, asked time.Time, away bool, err error) {
	h := &s.hosts[i]
	out := s.outage(&h.gate)
	if away && !out.ongoing() {
		s.tell(i, "waits", "for the apiserver, which is away: %v", err)
	}
	if away {
		h.gate.awayErr = err
	}
	ended := out.record(asked, s.now, away)
	if ended {
		s.tell(i, "waits", "no more: the apiserver is back, and was away for %v", out.duration(s.now).Round(time.Second))
	}
	if ended || away && s.prolongDue(i) {
		s.prolong(i)
	}
}

// apiserverProven reports whether the host's apiserver address has answered this host or
// another one. If so, a missing answer is no fault of the new configuration.
func (s *State) apiserverProven(i int, is Health) bool {
	g := &s.hosts[i].gate
	if is.Server == "" || g.apiserverAnswered || !g.expectNew {
		return is.Server != ""
	}
	for k := range s.hosts {
		if s.hosts[k].server == is.Server {
			return true
		}
	}
	return false
}

// prolongDue reports whether a quarter of a trial's time is gone.
func (s *State) prolongDue(i int) bool {
	whole := s.plan.Revert.Duration()
	return s.hosts[i].reverts.Sub(s.now) < whole-whole/4
}

// prolong restarts a trial's timer while kcmgen waits for the apiserver.
func (s *State) prolong(i int) {
	h := &s.hosts[i]
	if !h.gate.expectNew || h.result.Outcome != Unfinished || h.prolongID != 0 {
		return
	}
	s.lastID++
	a := s.hostAction(i, Prolong)
	a.ID, a.Generation, a.After = s.lastID, s.step(i).To, s.plan.Revert.Duration()
	h.prolongID = a.ID
	s.actions = append(s.actions, a)
}

// prolonged reports whether an event answers a Prolong action, and handles it. A host that
// refuses has gone back already; a broken connection shows in the next action.
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

// drop forgets the open round of a host.
func (s *State) drop(i int) {
	for k := range s.rounds {
		if s.rounds[k].host == i {
			s.rounds = append(s.rounds[:k:k], s.rounds[k+1:]...)
			return
		}
	}
}

// explain reads the log of host of, which usually shows the cause, and then fails the gate
// of host i.
func (s *State) explain(i, of int, err *GateError) {
	h := &s.hosts[i]
	h.phase, h.gate.failure = ReadingLog, err.Reason
	s.ask(i, s.hostAction(of, ReadLog))
}

func (s *State) explained(i int, r round) {
	var err error = &GateError{Reason: s.hosts[i].gate.failure, Log: r.events[0].Lines}
	if of := s.index(r.asked[0].Node); of != i {
		err = s.withNode(of, err)
	}
	s.gateEnded(i, err)
}

// gateEnded goes on after a gate; err is why the host didn't pass it.
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
