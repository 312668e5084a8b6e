package rollout

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// checkLeader checks whether an instance with the new generation leads and renews the lease.
// A lease that isn't renewed is left over from an instance that is gone.
func (s *State) checkLeader(i int, r round) {
	g, e := &s.hosts[i].gate, r.answer(ReadLease, "")
	if e == nil || !s.plan.Hosts[i].Elects {
		return
	}
	// While this machine's request hung, the host may have had no answers either.
	if out := s.outage(g); !out.ongoing() && out.record(s.now.Add(-e.Took), s.now, false) {
		s.tell(i, "waits", "no more: the apiserver is back, and hung for %v", e.Took.Round(time.Second))
	}
	away := errors.Is(e.Err, ErrApiserverAway)
	if g.outageForOperator.record(s.now, s.now, away); e.Err != nil {
		g.leadingSince, g.noLeader = time.Time{}, e.Err.Error()
		if away && s.prolongDue(i) {
			s.prolong(i)
		}
		return
	}
	s.checkLease(i, e.Lease)
}

func (s *State) checkLease(i int, l *Lease) {
	g, k := &s.hosts[i].gate, s.holder(l, isSelected)
	// A host that isn't part of this rollout, as with --limit, or comes later.
	foreign := l != nil && (k < 0 || slices.Contains(s.steps, k))
	if !foreign || l.Holder != g.holder {
		g.otherLeads = false
	}
	switch {
	case l == nil:
		g.leadingSince, g.noLeader = time.Time{}, "the lease has no holder"
	case foreign:
		g.otherLeads = g.otherLeads || l.Holder == g.holder && l.Renewed.After(g.renewed)
		g.holder, g.renewed = l.Holder, l.Renewed
		g.leadingSince, g.noLeader = time.Time{}, "the lease is held by "+l.Holder
	case k != i && s.hosts[k].passedProcess.pid == 0 && s.step(k) != nil: // with the old generation
		g.leadingSince, g.noLeader = time.Time{}, "the lease is held by "+l.Holder
	case l.Holder != g.holder || g.renewed.IsZero():
		g.leadingSince, g.noLeader = time.Time{}, "the lease is held by "+l.Holder+", which hasn't renewed it yet"
		g.holder, g.renewed = l.Holder, l.Renewed
	case l.Renewed.After(g.renewed):
		if g.leadingSince.IsZero() {
			g.leadingSince = s.now
			if s.announcedLeader != l.Holder {
				s.announcedLeader = l.Holder
				s.tell(k, "leads", "and renews its lease")
			}
		}
		g.renewed = l.Renewed
	}
}

// decideGate ends a gate if its host has passed or failed; else it looks again.
func (s *State) decideGate(i int, is Health) {
	passed, err := s.verdict(i)
	var ge *GateError
	switch {
	case passed:
		h := &s.hosts[i]
		h.server = is.Server
		if h.gate.expectNew {
			h.passedProcess, s.led = h.gate.process, s.led || h.gate.leads(s.now)
		}
		s.gateEnded(i, nil)
	case errors.As(err, &ge):
		s.explain(i, i, ge)
	case err != nil:
		s.gateEnded(i, err)
	default:
		s.pause(i, s.poll)
	}
}

// healthy reports whether a host has been healthy for the whole soak.
func (g *gate) healthy(now time.Time) bool {
	return !g.healthySince.IsZero() && now.Sub(g.healthySince) >= g.soak
}

// leads reports whether an instance has led for the whole soak.
func (g *gate) leads(now time.Time) bool {
	return !g.leadingSince.IsZero() && now.Sub(g.leadingSince) >= g.soak
}

// verdict reports whether a host has passed, or why it failed; false and nil: not yet.
func (s *State) verdict(i int) (passed bool, err error) {
	g := &s.hosts[i].gate
	out := s.outage(g)
	if g.healthy(s.now) && (!g.mustLead || g.otherLeads || g.leads(s.now)) {
		return true, nil
	}
	if s.awayTooLong(g) {
		return false, &ApiserverAwayError{out.duration(s.now), g.awayErr}
	}
	// No host recovers while the apiserver is away, nor at once afterwards.
	took, limit := g.stopwatch.elapsed(out, s.now), s.plan.Gate.Duration()
	if out.excuses(s.now, s.grace()) {
		took = min(took, limit)
	}
	switch unseen := g.outageForOperator.duration(s.now); {
	case g.healthySince.IsZero() && took > limit:
		return false, &GateError{Reason: fmt.Sprintf("it isn't healthy after %v: %s", limit, g.fault)}
	case !g.healthy(s.now) && took > limit+2*g.soak:
		return false, &GateError{Reason: fmt.Sprintf("it isn't healthy for %v together: %s", g.soak, g.fault)}
	case unseen > s.plan.Away.Duration():
		return false, &ApiserverAwayError{unseen, errors.New(g.noLeader)}
	case took-unseen > s.plan.Lead.Duration()+2*g.soak:
		return false, &GateError{Reason: "no instance with the new configuration leads: " + g.noLeader}
	}
	return false, nil
}

// awayTooLong reports whether to stop waiting for an apiserver that is away.
func (s *State) awayTooLong(g *gate) bool {
	out := s.outage(g)
	switch {
	case !out.ongoing():
		return false
	case !g.apiserverUntil.IsZero():
		return !s.now.Before(g.apiserverUntil)
	}
	return out.duration(s.now) > s.plan.Away.Duration()
}
