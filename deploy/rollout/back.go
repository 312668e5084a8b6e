package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// hostRollback is the rollback of one host.
type hostRollback struct {
	kind   Kind   // Revert ends its trial, Undo goes back from a confirmed generation
	target string // the generation to go back to; "" if unknown
	// apiserverUntil is when to stop waiting for the apiserver; zero: the rollout's limit.
	apiserverUntil time.Time
	soak           time.Duration // how long the host must stay healthy
	changedByOther bool          // another program changed the host, not the rollout
	notStarted     error         // the unit it went back to doesn't start
	undone         bool          // it turned out to be confirmed, and an Undo was sent
	lostAnswers    int           // how many answers were lost
	begun          time.Time
	err            error
}

// rollback is the rollback of all hosts of a rollout.
type rollback struct {
	hosts           []int // in the order of going back
	todo            []int
	window          restartWindow
	longestDowntime time.Duration // the longest time that one of them was down
	until           time.Time     // when to stop waiting for a quiet moment
	apiserverUntil  time.Time     // when to stop waiting for the apiserver
}

// fail starts the rollback, because of host i or between two hosts (-1). Until the new
// configuration has led, it may have a fault that only a leader shows, so all hosts of the
// rollout go back.
func (s *State) fail(i int, cause error) {
	if i >= 0 {
		cause = s.withNode(i, cause)
		if h := &s.hosts[i]; h.result.Outcome == Unfinished {
			h.result.Seconds = s.now.Sub(h.begun).Seconds()
		}
	}
	s.stage, s.cause, s.rounds = Returning, cause, nil
	handsOver := slices.ContainsFunc(s.hosts, func(h host) bool { return h.handOverID != 0 }) // and may do so later
	s.back = rollback{
		hosts: s.hostsToRollBack(i), window: restartWindow{releasesLease: s.plan.ReleasesLease || handsOver, poll: s.poll}, longestDowntime: downtime(s.plan),
		until: s.now.Add(s.plan.Lead.Duration()), apiserverUntil: s.now.Add(s.plan.Away.Duration()),
	}
	if away := (*ApiserverAwayError)(nil); errors.As(cause, &away) {
		s.back.apiserverUntil = s.now // the rollout has waited already
	}
	s.back.todo = slices.Clone(s.back.hosts)
	s.current = -1
	s.nextRollback()
}

// downtime returns the assumed downtime of a host that goes back. A static pod is down for 3 to
// 5 s (measured with kubelets v1.28 and v1.37).
func downtime(p *plan.Plan) time.Duration {
	if slices.ContainsFunc(p.Hosts, func(h plan.Record) bool { return plan.IsPod(h.Unit) }) {
		return 6 * time.Second
	}
	return 3 * time.Second
}

// hostsToRollBack returns the hosts that go back, the last changed first. Hosts that were
// unhealthy before the rollout come last, since they may be again.
func (s *State) hostsToRollBack(failed int) []int {
	var out []int
	add := func(i int, kind Kind, to string) {
		s.hosts[i].back = hostRollback{kind: kind, target: to}
		out = append(out, i)
	}
	if failed >= 0 && s.hosts[failed].result.Outcome != "" {
		to := s.hosts[failed].runs
		if p := s.plan.Hosts[failed]; !s.changed(failed) && p.Previous != "" && !s.led {
			to = p.Previous // an earlier run of this rollout installed what now fails
		}
		add(failed, Revert, to)
	}
	if s.led {
		return out
	}
	for _, i := range slices.Backward(s.done) {
		if s.changed(i) {
			add(i, Undo, s.hosts[i].runs)
		}
	}
	for i, h := range slices.Backward(s.plan.Hosts) { // changed by an earlier run of this rollout
		if h.Selected && h.Interrupted && h.Previous != "" && i != failed && !slices.Contains(out, i) {
			add(i, Undo, h.Previous)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(s.wasUnhealthy(a), s.wasUnhealthy(b)) })
	return out
}

// wasUnhealthy returns 1 for a host that didn't work with what it goes back to, else 0.
func (s *State) wasUnhealthy(i int) int {
	if h := &s.hosts[i]; h.unhealthy != "" && h.back.target == h.runs {
		return 1
	}
	return 0
}

// changed reports whether the host gets another generation; else it is only restarted.
func (s *State) changed(i int) bool { return s.hosts[i].runs != s.plan.Hosts[i].Desired }

// nextRollback takes hosts back one by one and lets all soak together afterwards, to
// shorten the time in which one of them can lead with the fault.
func (s *State) nextRollback() {
	if len(s.back.todo) == 0 {
		s.settle()
		return
	}
	var all []Action
	for _, i := range s.back.todo {
		a := s.hostAction(i, Examine)
		a.Ask, a.ExpectNew = Process|Healthz, true
		all = append(all, a)
	}
	for _, i := range s.hostsWhere(s.mustKeepWorking) {
		a := s.hostAction(i, Examine)
		if a.Ask = Process | Healthz; s.plan.Hosts[i].HealthUnknown {
			a.Ask = Process
		}
		all = append(all, a)
	}
	if s.elects() && len(s.back.todo) > 1 {
		all = append(all, Action{Kind: ReadLease})
	}
	s.ask(-1, all...)
}

// mustKeepWorking reports whether a host must work while others go back: it was healthy
// and isn't restarted any more.
func (s *State) mustKeepWorking(i int) bool {
	h := &s.hosts[i]
	stops := h.back.target == plan.None && slices.Contains(s.back.hosts, i)
	return !slices.Contains(s.back.todo, i) && h.unhealthy == "" && h.back.err == nil && !h.back.changedByOther && !stops && len(s.back.todo) > 0
}

// rollbackExamined takes the next host back: an unhealthy one first, since it can't get
// worse. Before it restarts one that works, it waits, for a limited time, until no other
// host can become the leader meanwhile and end by the fault.
func (s *State) rollbackExamined(r round) {
	if r.isPause() {
		s.nextRollback()
		return
	}
	todo := s.back.todo
	k := slices.IndexFunc(todo, func(i int) bool {
		e := r.answer(Examine, s.plan.Hosts[i].Node)
		return s.wasUnhealthy(i) == 0 && e.Err == nil && (!e.Health.Running || e.Health.Healthz != nil)
	})
	if k < 0 {
		k = slices.IndexFunc(todo, s.revertsSoon)
	}
	lease := r.answer(ReadLease, "")
	switch {
	case k >= 0:
	case !s.now.After(s.back.until) && slices.ContainsFunc(s.hostsWhere(s.mustKeepWorking), func(i int) bool { return s.workFault(i, *r.answer(Examine, s.plan.Hosts[i].Node)) != nil }):
		s.pause(-1, s.poll)
		return
	case lease == nil || lease.Err != nil || s.now.After(s.back.until):
		k = 0 // the leader isn't known, or this is the last host
	default:
		var ok bool
		if k, ok = s.quiet(lease.Lease); !ok {
			s.pause(-1, s.poll)
			return
		}
	}
	i := todo[k]
	s.back.todo = slices.Delete(todo, k, k+1)
	w := s.hosts[i].back
	w.apiserverUntil = s.back.apiserverUntil
	s.rollBackHost(i, w)
}

// revertsSoon reports whether the host's own timer may restart it during the restart of
// another host.
func (s *State) revertsSoon(i int) bool {
	left := s.hosts[i].reverts.Sub(s.now)
	return s.hosts[i].back.kind == Revert && left < s.plan.Gate.Duration()+15*time.Second
}

// quiet returns which of the hosts can be restarted without another one becoming the
// leader meanwhile.
func (s *State) quiet(l *Lease) (int, bool) {
	age, leads := time.Duration(0), -1
	if l != nil {
		age = s.now.Sub(l.Renewed)
		i := s.holder(l, func(plan.Record) bool { return true })
		if i >= 0 {
			age += s.plan.Hosts[i].Skew.Duration()
		}
		leads = slices.Index(s.back.todo, i)
	}
	return s.back.window.hostToRestart(s.now, l, age, leads, s.back.longestDowntime)
}

// rollBackHost takes one host back and reports why.
func (s *State) rollBackHost(i int, w hostRollback) {
	h := &s.hosts[i]
	h.result.Reason = oneLine(s.cause.Error())
	own := s.withoutNode(i, s.cause)
	if ge := (*GateError)(nil); errors.As(s.cause, &ge) && own != s.cause { // else the log is another host's
		h.result.Log = ge.Log
	}
	s.tell(i, "back", "%v", own)
	s.askRollback(i, w)
}

// askRollback tells a host to go back.
func (s *State) askRollback(i int, w hostRollback) {
	h := &s.hosts[i]
	if w.begun.IsZero() {
		w.begun = s.now
	}
	h.phase, h.back = GoingBack, w
	a := s.hostAction(i, w.kind)
	if w.kind == Undo {
		a.Generation = s.plan.Hosts[i].Desired
	}
	s.ask(i, a)
}

// rollbackAnswered handles the answer to Revert or Undo.
func (s *State) rollbackAnswered(i int, e Event) {
	h := &s.hosts[i]
	switch {
	case errors.Is(e.Err, ErrNotStarted) && (s.stage == Recovering || h.unhealthy != ""):
		h.back.notStarted = e.Err // it gets another generation next, or never worked
	case e.Err != nil && s.oneMoreTry(i, e.Err):
		s.askRollback(i, h.back)
		return
	case e.Err != nil:
		s.rollbackEnded(i, e.Err)
		return
	}
	h.phase = Looking
	s.ask(i, s.hostAction(i, Look))
}

// oneMoreTry reports whether to ask a host again over a new connection. A broken
// connection is no fault of the host.
func (s *State) oneMoreTry(i int, err error) bool {
	w := &s.hosts[i].back
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNotStarted) || w.lostAnswers == backTries-1 {
		return false
	}
	w.lostAnswers++
	return true
}

// backTries limits how often a host is asked to go back.
const backTries = 3

// looked decides by what the host has now: whether it is back, and whether to watch it.
func (s *State) looked(i int, e Event) {
	h, f := &s.hosts[i], e.Found
	desired := s.plan.Hosts[i].Desired
	switch {
	case e.Err != nil && s.oneMoreTry(i, e.Err):
		s.ask(i, s.hostAction(i, Look))
	case e.Err != nil:
		s.rollbackEnded(i, e.Err)
	case s.stage == Recovering:
		h.runs, h.unitSum, h.unhealthy = f.Runs, f.UnitSum, f.Unhealthy
		if f.Runs == plan.None || h.back.notStarted != nil {
			s.rollbackEnded(i, nil)
			return
		}
		s.watchRolledBack(i)
	case f.Trial:
		s.rollbackEnded(i, errors.New("its trial is still going on"))
	case f.Runs == desired && f.Runs != h.back.target && !h.back.undone:
		// It was confirmed, by an earlier run or because an answer was lost.
		w := h.back
		w.kind, w.undone = Undo, true
		s.askRollback(i, w)
	case f.Runs != h.back.target && h.refused: // another program has changed it since
		h.back.changedByOther = true
		s.rollbackEnded(i, nil)
	case f.Runs != h.back.target && (!plan.IsFound(f.Runs) || !plan.IsFound(h.back.target)):
		s.rollbackEnded(i, fmt.Errorf("it runs %s, and had %s", plan.Short(f.Runs), plan.Short(h.back.target)))
	case h.back.notStarted != nil || f.Runs == plan.None && !f.Known:
		s.rollbackEnded(i, nil)
	default:
		s.watchRolledBack(i)
	}
}

// watchRolledBack waits until a host is healthy again, and stays so for a soak.
func (s *State) watchRolledBack(i int) {
	h := &s.hosts[i]
	h.phase = Reverted
	s.watchHost(i, gate{soak: h.back.soak, apiserverUntil: h.back.apiserverUntil})
}

// rollbackEnded goes on after one host is back; err is why it isn't.
func (s *State) rollbackEnded(i int, err error) {
	h := &s.hosts[i]
	looked := h.phase == Reverted || h.phase == ReadingLog
	switch {
	case looked && err == nil:
		h.unhealthy = ""
	case looked && (s.stage == Recovering || h.unhealthy != ""): // it didn't work before either
		h.unhealthy, err = cmp.Or(h.unhealthy, err.Error()), nil
	}
	h.phase, h.back.err = Waiting, err
	switch s.stage {
	case Recovering:
		s.recovered(i, err)
	case Returning:
		s.back.longestDowntime = max(s.back.longestDowntime, s.now.Sub(h.back.begun))
		s.nextRollback()
	default:
		s.settled()
	}
}

// settle watches all hosts that went back for a soak.
func (s *State) settle() {
	s.stage = Settling
	var all []int
	for _, i := range s.back.hosts {
		if w := s.hosts[i].back; w.err == nil && !w.changedByOther {
			all = append(all, i)
		}
	}
	for _, i := range all {
		h := &s.hosts[i]
		h.phase, h.back.soak = Looking, s.plan.Soak.Duration()
		s.ask(i, s.hostAction(i, Look))
	}
	s.settled()
}

// settled ends the rollout once no host is watched any more.
func (s *State) settled() {
	if len(s.rounds) > 0 {
		return
	}
	s.finish(s.outcome())
}
