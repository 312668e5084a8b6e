package rollout

import (
	"errors"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// choose finds the host to take next.
func (s *State) choose() {
	s.current = -1
	if len(s.steps) == 0 {
		s.end()
		return
	}
	s.stage, s.stopwatch = Choosing, s.absence.stopwatch(s.now)
	if !s.elects() {
		s.next(nil)
		return
	}
	s.ask(-1, Action{Kind: ReadLease})
}

func (s *State) chosen(r round) {
	if r.isPause() {
		s.ask(-1, Action{Kind: ReadLease})
		return
	}
	e := r.events[0]
	s.absence.record(s.now, s.now, errors.Is(e.Err, ErrApiserverAway))
	if e.Err == nil {
		s.next(e.Lease)
		return
	}
	// One missing answer is no reason to go back.
	switch away := s.absence.duration(s.now); {
	case away > s.plan.Away.Duration():
		s.fail(-1, &ApiserverAwayError{away, e.Err})
	case s.stopwatch.elapsed(&s.absence, s.now) > s.plan.Gate.Duration():
		s.fail(-1, e.Err)
	default:
		s.pause(-1, s.poll)
	}
}

// next takes the next host: unhealthy ones first, since they can't get worse, the leader
// last.
func (s *State) next(l *Lease) {
	leader := s.holder(l, isSelected)
	s.leaderID, s.handOvers = "", 0
	rank := func(i int) int {
		switch {
		case i == leader:
			return 2
		case s.hosts[i].unhealthy == "":
			return 1
		}
		return 0
	}
	slices.SortStableFunc(s.steps, func(a, b int) int { return rank(a) - rank(b) })
	i := s.steps[0]
	s.steps = slices.Delete(s.steps, 0, 1)
	s.current, s.hosts[i].begun = i, s.now
	if i == leader && s.plan.Hosts[i].Hostname == l.Hostname {
		s.leaderID = l.Holder
	}
	s.awaitSpares()
}

func isSelected(h plan.Record) bool { return h.Selected }

// try starts the new generation on a host.
func (s *State) try(i int) {
	h, step := &s.hosts[i], s.step(i)
	s.stage, h.phase = Trying, Starting
	from, to := plan.Short(step.From), plan.Short(step.To)
	if step.Usual() {
		s.tell(i, "restart", "%s → %s", from, to)
	} else {
		s.tell(i, "restart", "%s: %s", to, step.Restart)
	}
	h.result.Outcome, h.reverts = Unfinished, s.now.Add(s.plan.Revert.Duration())
	a := s.hostAction(i, Try)
	a.Generation, a.UnitSum, a.After = step.To, h.unitSum, s.plan.Revert.Duration()
	s.ask(i, a)
}

func (s *State) tried(i int, e Event) {
	switch {
	case e.Err != nil:
		s.hosts[i].refused = errors.Is(e.Err, ErrRefused)
		s.fail(i, e.Err)
	case s.plan.Hosts[i].Desired == plan.None:
		s.confirm(i)
	default:
		s.hosts[i].phase = OnTrial
		s.watchHost(i, gate{expectNew: true, soak: s.plan.Soak.Duration(), mustLead: s.mustLead(i)})
	}
}

// mustLead reports whether an instance with the new configuration must lead: with the last
// host, or with the first if no other host runs.
func (s *State) mustLead(i int) bool {
	if !s.plan.ReadsLease || s.led || !s.plan.Hosts[i].Elects {
		return false
	}
	for k := range s.hosts {
		o := &s.hosts[k]
		if k != i && s.isSelected(k) && o.passedProcess.pid == 0 && o.unhealthy == "" && len(s.steps) > 0 {
			return false // that host may lead with the old configuration
		}
	}
	return true
}

// confirm ends a trial over a new connection: if the operator can't log in any more, the
// host must go back.
func (s *State) confirm(i int) {
	s.hosts[i].phase, s.hosts[i].confirmAttempts = Confirming, 0
	s.askConfirm(i)
}

func (s *State) askConfirm(i int) {
	a := s.hostAction(i, Confirm)
	a.Generation = s.step(i).To
	s.ask(i, a)
}

// confirmTries limits how often a host is asked over a new connection.
const confirmTries = 3

func (s *State) confirmedOrNot(i int, r round) {
	h, err := &s.hosts[i], r.events[0].Err
	switch {
	case r.isPause():
		s.askConfirm(i)
	case err == nil:
		s.confirmed(i)
	case errors.Is(err, ErrRefused):
		s.fail(i, err)
	case h.confirmAttempts+1 == confirmTries:
		s.fail(i, &UnconfirmedError{After: s.plan.Revert.Duration(), Err: err})
	default:
		h.confirmAttempts++
		s.tell(i, "confirm", "again, for %v", err)
		s.pause(i, time.Duration(2*h.confirmAttempts)*s.poll)
	}
}

func (s *State) confirmed(i int) {
	h, step := &s.hosts[i], s.step(i)
	h.phase, h.result.Outcome = Confirmed, Done
	h.result.Seconds = s.now.Sub(h.begun).Seconds()
	if step.To == plan.None {
		s.tell(i, "done", "it has no %s any more, confirmed", s.plan.Hosts[i].Unit)
	} else {
		s.tell(i, "done", "healthy with %s, confirmed", plan.Short(step.To))
	}
	s.done = append(s.done, i)
	s.choose()
}

// endNotRecorded reports whether this rollout changed a host and hasn't recorded its end
// there.
func (s *State) endNotRecorded(i int) bool {
	h := &s.hosts[i]
	return s.isSelected(i) && (h.passedProcess.pid != 0 || h.result.Outcome == Done || s.plan.Hosts[i].Interrupted)
}

// end records on all hosts that this run ended well, so that no later run takes them back.
func (s *State) end() {
	s.stage = Ending
	var all []Action
	for _, i := range s.hostsWhere(s.endNotRecorded) {
		all = append(all, s.hostAction(i, MarkEnded))
	}
	if len(all) == 0 {
		s.inspect()
		return
	}
	s.ask(-1, all...)
}

// marked asks once more, over a new connection, where there was no answer. A failure is
// only noted.
func (s *State) marked(r round) {
	var again []Action
	for k, e := range r.events {
		i := s.index(r.asked[k].Node)
		switch {
		case e.Err != nil && !s.hosts[i].markRetried && !errors.Is(e.Err, ErrRefused):
			s.hosts[i].markRetried = true
			again = append(again, s.hostAction(i, MarkEnded))
		case e.Err != nil:
			s.tell(i, "note", "the end of this run couldn't be recorded: %v", e.Err)
		}
	}
	if len(again) == 0 {
		s.inspect()
		return
	}
	s.ask(-1, again...)
}
