package rollout

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// way is the way back of one host.
type hostRollback struct {
	kind Kind   // Revert ends its trial, Undo leaves what was confirmed
	to   string // the generation that it leads to; "" where that isn't known
	// until is when the apiserver isn't waited for any more; zero: as long as the whole
	// rollout waits for it.
	until          time.Time
	soak           time.Duration // that the host has to stay healthy
	changedByOther bool          // another program has changed the host, and the rollout hasn't
	notStarted     error         // what it has by now doesn't start
	undone         bool          // it was seen to be confirmed after all, and left that, too
	lostAnswers    int           // how often there was no answer
	begun          time.Time
	err            error
}

// wayBack is that of the whole rollout.
type rollback struct {
	hosts           []int // in this order
	todo            []int
	lull            lull
	longestDowntime time.Duration // that one of them didn't work meanwhile
	until           time.Time     // when none waits for a better moment any more
	apiserverUntil  time.Time     // how long the apiserver is waited for
}

// fail ends the way forward, with a host, or between two (-1). Until the new configuration
// has led, it may be at fault in a way that only a leader shows, so all hosts of the
// rollout go back.
func (s *State) fail(i int, cause error) {
	if i >= 0 {
		cause = s.withNode(i, cause)
		if h := &s.hosts[i]; h.result.Outcome == Unfinished {
			h.result.Seconds = s.now.Sub(h.begun).Seconds()
		}
	}
	s.stage, s.cause, s.rounds = Returning, cause, nil
	s.back = rollback{
		hosts: s.hostsToRollBack(i), lull: lull{releases: s.plan.Releases, poll: s.poll}, longestDowntime: restartTime,
		until: s.now.Add(s.plan.Lead.Duration()), apiserverUntil: s.now.Add(s.plan.Away.Duration()),
	}
	if away := (*AwayError)(nil); errors.As(cause, &away) {
		s.back.apiserverUntil = s.now // it has been waited for
	}
	s.back.todo = slices.Clone(s.back.hosts)
	s.current = -1
	s.nextRollback()
}

// restartTime is how long a host is taken not to work while it goes back.
const restartTime = 3 * time.Second

// waysBack are the hosts that go back, the newest first. Those that didn't work with what
// they go back to come last, since nothing says that they will.
func (s *State) hostsToRollBack(failed int) []int {
	var out []int
	add := func(i int, kind Kind, to string) {
		s.hosts[i].back = hostRollback{kind: kind, to: to}
		out = append(out, i)
	}
	if failed >= 0 && s.hosts[failed].result.Outcome != "" {
		to := s.hosts[failed].runs
		if p := s.plan.Hosts[failed]; !s.changed(failed) && p.Previous != "" && !s.led {
			to = p.Previous // an earlier run of this rollout brought it what now fails
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
	for i, h := range slices.Backward(s.plan.Hosts) { // an earlier run of this rollout did
		if h.Named && h.Interrupted && h.Previous != "" && i != failed && !slices.Contains(out, i) {
			add(i, Undo, h.Previous)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int { return cmp.Compare(s.wasUnhealthy(a), s.wasUnhealthy(b)) })
	return out
}

// hopeless is 1 for a host that didn't work with what it goes back to, else 0.
func (s *State) wasUnhealthy(i int) int {
	if h := &s.hosts[i]; h.unhealthy != "" && h.back.to == h.runs {
		return 1
	}
	return 0
}

// changed: else it was restarted with what it had.
func (s *State) changed(i int) bool { return s.hosts[i].runs != s.plan.Hosts[i].Desired }

// nextBack takes hosts back one after the other, and lets all soak together: the time in
// which a leader's fault can strike is short then.
func (s *State) nextRollback() {
	if len(s.back.todo) == 0 {
		s.settle()
		return
	}
	var all []Action
	for _, i := range s.back.todo {
		a := s.on(i, Examine)
		a.Ask, a.Next = Process|Healthz, true
		all = append(all, a)
	}
	for _, i := range s.hostsWhere(s.mustKeepWorking) {
		a := s.on(i, Examine)
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

// stays reports whether a host isn't to be restarted any more, and is to work meanwhile.
func (s *State) mustKeepWorking(i int) bool {
	h := &s.hosts[i]
	stops := h.back.to == plan.None && slices.Contains(s.back.hosts, i)
	return !slices.Contains(s.back.todo, i) && h.unhealthy == "" && h.back.err == nil && !h.back.changedByOther && !stops && len(s.back.todo) > 0
}

// chosenBack takes the next host back. One that doesn't work is first, since nothing is
// lost with it. Before one that works is restarted, it waits until no other one can become
// the leader meanwhile, and end by that; but not for ever.
func (s *State) rollbackExamined(r round) {
	if r.paused() {
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
	case !s.now.After(s.back.until) && slices.ContainsFunc(s.hostsWhere(s.mustKeepWorking), func(i int) bool { return s.works(i, *r.answer(Examine, s.plan.Hosts[i].Node)) != nil }):
		s.pause(-1, s.poll)
		return
	case lease == nil || lease.Err != nil || s.now.After(s.back.until):
		k = 0 // it can't be told, or no other one is left
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
	w.until = s.back.apiserverUntil
	s.rollBackHost(i, w)
}

// soonBack: a host whose own timer would restart it while another one is.
func (s *State) revertsSoon(i int) bool {
	left := s.hosts[i].reverts.Sub(s.now)
	return s.hosts[i].back.kind == Revert && left < s.plan.Gate.Duration()+15*time.Second
}

// quiet returns which of the hosts can be restarted while none of the others becomes the
// leader.
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
	return s.back.lull.next(s.now, l, age, leads, s.back.longestDowntime)
}

// sendBack takes one host back, and says why.
func (s *State) rollBackHost(i int, w hostRollback) {
	h := &s.hosts[i]
	h.result.Reason = oneLine(s.cause.Error())
	own := s.withoutNode(i, s.cause)
	if ge := (*GateError)(nil); errors.As(s.cause, &ge) && own != s.cause { // else another host's log
		h.result.Log = ge.Log
	}
	s.tell(i, "back", "%v", own)
	s.askRollback(i, w)
}

// goBack tells a host to run what it had.
func (s *State) askRollback(i int, w hostRollback) {
	h := &s.hosts[i]
	if w.begun.IsZero() {
		w.begun = s.now
	}
	h.phase, h.back = GoingBack, w
	a := s.on(i, w.kind)
	if w.kind == Undo {
		a.Generation = s.plan.Hosts[i].Desired
	}
	s.ask(i, a)
}

// wentBack: the host has heard, or couldn't be told.
func (s *State) rollbackAnswered(i int, e Event) {
	h := &s.hosts[i]
	switch {
	case errors.Is(e.Err, ErrNotStarted) && (s.stage == Recovering || h.unhealthy != ""):
		h.back.notStarted = e.Err // it gets another one next, or never worked
	case e.Err != nil && s.oneMoreTry(i, e.Err):
		s.askRollback(i, h.back)
		return
	case e.Err != nil:
		s.rollbackEnded(i, e.Err)
		return
	}
	h.phase = Looking
	s.ask(i, s.on(i, Look))
}

// oneMoreTry reports whether a host is asked once more, over a new connection: what the old
// one may have been through is no fault of the host.
func (s *State) oneMoreTry(i int, err error) bool {
	w := &s.hosts[i].back
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrNotStarted) || w.lostAnswers == backTries-1 {
		return false
	}
	w.lostAnswers++
	return true
}

// backTries is how often a host is told the same on the way back.
const backTries = 3

// looked: what the host has by now decides whether it is where it is to be, and whether it
// is waited for.
func (s *State) looked(i int, e Event) {
	h, f := &s.hosts[i], e.Found
	wants := s.plan.Hosts[i].Desired
	switch {
	case e.Err != nil && s.oneMoreTry(i, e.Err):
		s.ask(i, s.on(i, Look))
	case e.Err != nil:
		s.rollbackEnded(i, e.Err)
	case s.stage == Recovering:
		h.runs, h.base, h.unhealthy = f.Runs, f.Base, f.Unhealthy
		if f.Runs == plan.None || h.back.notStarted != nil {
			s.rollbackEnded(i, nil)
			return
		}
		s.watchRolledBack(i)
	case f.Trial:
		s.rollbackEnded(i, errors.New("its trial is still going on"))
	case f.Runs == wants && f.Runs != h.back.to && !h.back.undone:
		// It had been confirmed, and the answer was lost; or an earlier run had done that.
		w := h.back
		w.kind, w.undone = Undo, true
		s.askRollback(i, w)
	case f.Runs != h.back.to && h.refused: // another program has changed it since
		h.back.changedByOther = true
		s.rollbackEnded(i, nil)
	case f.Runs != h.back.to && (!plan.IsFound(f.Runs) || !plan.IsFound(h.back.to)):
		s.rollbackEnded(i, fmt.Errorf("it runs %s, and had %s", plan.Short(f.Runs), plan.Short(h.back.to)))
	case h.back.notStarted != nil || f.Runs == plan.None && !f.Known:
		s.rollbackEnded(i, nil)
	default:
		s.watchRolledBack(i)
	}
}

// watchBack waits until a host is as it was: healthy, and for a while.
func (s *State) watchRolledBack(i int) {
	h := &s.hosts[i]
	h.phase = Reverted
	s.watchHost(i, gate{soak: h.back.soak, until: h.back.until})
}

// isBack goes on with a host that is back, or why it isn't.
func (s *State) rollbackEnded(i int, err error) {
	h := &s.hosts[i]
	looked := h.phase == Reverted || h.phase == Explained
	switch {
	case looked && err == nil:
		h.unhealthy = ""
	case looked && (s.stage == Recovering || h.unhealthy != ""): // it didn't work before, and needn't now
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

// settle has all that went back stay healthy for a while.
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
		s.ask(i, s.on(i, Look))
	}
	s.settled()
}

// settled goes on once no host is waited for any more.
func (s *State) settled() {
	if len(s.rounds) > 0 {
		return
	}
	s.finish(s.outcome())
}
