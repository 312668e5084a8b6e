package rollout

import (
	"cmp"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// handOver gives back the lease of the process that led on the host until it was restarted, so
// that another instance can lead before the lease runs out. It waits until the host is healthy:
// if the new configuration has a fault that ends a leader, all hosts work at that moment. It also
// waits until the lease has not been renewed for longer than a process takes that lives: one on
// another machine may have the same hostname.
func (s *State) handOver(i int, r round) {
	h, e := &s.hosts[i], r.answer(ReadLease, "")
	switch {
	case !s.plan.HandsOver || s.leaderID == "" || h.handOverID != 0 || e == nil || e.Err != nil:
		return
	case e.Lease == nil || e.Lease.Holder != s.leaderID: // it was given back, or another instance leads
		s.leaderID = ""
		return
	case h.gate.healthySince.IsZero() || s.now.Sub(s.leaseSince) < s.plan.Retry.Duration()+renewalTakes:
		return
	}
	s.lastID++
	a := s.hostAction(i, HandOver)
	a.ID, a.Lease = s.lastID, *e.Lease
	h.handOverID = a.ID
	s.handOvers++
	s.actions = append(s.actions, a)
}

// renewalTakes is how much longer than its retry period a process may take to renew its lease.
const renewalTakes = 250 * time.Millisecond

// handOverTries limits how often it is tried to give a lease back.
const handOverTries = 3

// handedOver reports whether an event answers a HandOver action, and handles it. Without a
// hand-over another instance leads when the lease has run out.
func (s *State) handedOver(e Event) bool {
	for i := range s.hosts {
		h := &s.hosts[i]
		if h.handOverID == 0 || h.handOverID != e.ID {
			continue
		}
		h.handOverID = 0
		switch err := cmp.Or(e.Err, e.NotHandedOver); {
		case err != nil && s.handOvers < handOverTries: // once more
			return true
		case err != nil:
			s.tell(i, "note", "the lease of its old process couldn't be given back, and runs out: %v", err)
		case e.HandedOver:
			s.tell(i, "hands over", "the lease of its old process, which is gone")
		}
		s.leaderID = ""
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
	if was := s.lease; was == nil || was.Holder != l.Holder || !was.Renewed.Equal(l.Renewed) {
		s.leaseSince = s.now
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
