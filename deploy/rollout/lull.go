package rollout

import "time"

// lull waits, on the way back, for a moment at which a host that works can be restarted
// while none of the others becomes the leader, and ends by that.
type lull struct {
	// releases: a leader gives its lease back as it ends, so that nobody can count on the
	// time that it has left.
	releases bool
	poll     time.Duration

	last      *Lease    // as it was seen last with a holder
	expires   time.Time // when that one runs out
	actsUntil time.Time // until then somebody who lost the lease early may still act, and then ends
}

// next returns which of some hosts can be restarted now. is is the lease, nil where
// nobody holds it; age how long ago it was renewed; leads which of them holds it, or -1;
// restart how long one doesn't work meanwhile.
func (l *lull) next(now time.Time, is *Lease, age time.Duration, leads int, restart time.Duration) (int, bool) {
	if is == nil { // it was given back, or deleted: anybody takes it within a moment
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
		return leads, true // it may end any moment
	case !l.releases && is.Duration-age > restart+l.poll:
		return 0, true // nobody else gets it before it has run out
	}
	renewed := was != nil && was.Holder == is.Holder && is.Renewed.After(was.Renewed)
	return 0, leads < 0 && renewed
}
