package rollout

import "time"

// restartWindow finds, on the way back, a moment to restart a working host without
// another host becoming the leader meanwhile and exiting because of the fault.
type restartWindow struct {
	// releasesLease: leaders release their lease when they exit, so it may end early.
	releasesLease bool
	poll          time.Duration

	last      *Lease    // the lease, when it last had a holder
	expires   time.Time // when it expires
	actsUntil time.Time // until then a holder that lost the lease early may still act, and then ends
}

// hostToRestart returns the index of a host that can be restarted now. is is the lease,
// nil if it has no holder; age is the time since its renewal; leads is the index of its holder, or
// -1; restart is the downtime of a restart.
func (l *restartWindow) hostToRestart(now time.Time, is *Lease, age time.Duration, leads int, restart time.Duration) (int, bool) {
	if is == nil { // released or deleted: any instance may take it at once
		l.actsUntil = l.expires
		return 0, false
	}
	was := l.last
	if was != nil && was.Holder != is.Holder && now.Before(l.expires) {
		l.actsUntil = l.expires
	}
	l.last, l.expires = is, now.Add(is.Duration-age)
	switch {
	case now.Before(l.actsUntil):
		return 0, false
	case leads >= 0 && age < is.Duration/2:
		return leads, true // it may end at any moment
	case !l.releasesLease && is.Duration-age > restart+l.poll:
		return 0, true // no other instance gets it before it expires
	}
	renewed := was != nil && was.Holder == is.Holder && is.Renewed.After(was.Renewed)
	return 0, leads < 0 && renewed
}
