package rollout

import (
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// handOver gives back the lease of the process that led on the host until it was restarted, so
// that another instance can lead before the lease runs out. It waits until the host is healthy:
// if the new configuration has a fault that ends a leader, all hosts work at that moment. A
// lease that is renewed in between isn't that process's.
func (s *State) handOver(i int) {
	h := &s.hosts[i]
	switch {
	case !s.plan.HandsOver || h.handOverID != 0 || s.leaderID == "":
		return
	case s.lease == nil || s.lease.Holder != s.leaderID: // another instance leads already
		s.leaderID = ""
		return
	case s.leaderLease == nil:
		s.leaderLease = s.lease
	case !s.lease.Renewed.Equal(s.leaderLease.Renewed):
		s.leaderID = ""
		return
	}
	if h.gate.healthySince.IsZero() {
		return
	}
	s.lastID++
	a := s.hostAction(i, HandOver)
	a.ID, a.Lease = s.lastID, *s.leaderLease
	h.handOverID = a.ID
	s.actions = append(s.actions, a)
}

// handedOver reports whether an event answers a HandOver action, and handles it. Without a
// hand-over another instance leads when the lease has run out.
func (s *State) handedOver(e Event) bool {
	for i := range s.hosts {
		h := &s.hosts[i]
		if h.handOverID == 0 || h.handOverID != e.ID {
			continue
		}
		h.handOverID, s.leaderID = 0, ""
		switch {
		case e.HandedOver:
			s.tell(i, "hands over", "the lease of its old process, which is gone")
		case e.Err != nil:
			s.tell(i, "note", "the lease of its old process couldn't be given back, and runs out: %v", e.Err)
		}
		return true
	}
	return false
}

// followLease measures for how long the lease had no living holder. The times in it are those of
// its holders' clocks.
func (s *State) followLease(l *Lease) {
	if l == nil {
		return
	}
	if was := s.lease; was != nil && was.Holder != l.Holder {
		gap := l.Acquired.Add(-s.skew(l)).Sub(was.Renewed.Add(-s.skew(was)))
		s.leaderless += max(gap, 0)
	}
	s.lease = l
}

// skew returns how far the clock of a lease's holder is ahead.
func (s *State) skew(l *Lease) time.Duration {
	if i := s.holder(l, func(plan.Record) bool { return true }); i >= 0 {
		return s.plan.Hosts[i].Skew.Duration()
	}
	return 0
}
