package rollout

import "time"

// outage is when the apiserver was away. A program that ends meanwhile, or soon after,
// ends by that: a leader that can't renew, one that starts and can't read what it needs.
type outage struct {
	begun time.Time     // of the one that goes on; zero: none does
	over  time.Time     // when the last one ended; zero: there was none
	total time.Duration // of those that are over
}

// hung is how long a question hangs, and is answered in the end, where the apiserver was
// away meanwhile: programs give theirs up earlier, and complain of it in their logs.
const hung = 3 * time.Second

// see takes note of whether the apiserver is away now, by a question that was asked at a
// time. It reports whether an outage has ended.
func (o *outage) see(asked, now time.Time, away bool) (ended bool) {
	if !away && o.begun.IsZero() && now.Sub(asked) >= hung {
		o.begun = asked
	}
	switch {
	case away && o.begun.IsZero():
		o.begun = asked
	case !away && !o.begun.IsZero():
		o.total += now.Sub(o.begun)
		o.begun, o.over = time.Time{}, now
		return true
	}
	return false
}

// goesOn reports whether the apiserver is away.
func (o *outage) goesOn() bool { return !o.begun.IsZero() }

// lasted is how long it has been away in all.
func (o *outage) lasted(now time.Time) time.Duration {
	if o.begun.IsZero() {
		return o.total
	}
	return o.total + now.Sub(o.begun)
}

// excuses reports whether what ends now ends by it. after is how long that may take.
func (o *outage) excuses(now time.Time, after time.Duration) bool {
	return !o.begun.IsZero() || !o.over.IsZero() && now.Sub(o.over) <= after
}

// stopwatch counts the time that something takes, but for outages.
type stopwatch struct {
	begun time.Time
	spent time.Duration // how long the apiserver had been away until then
}

func (o *outage) stopwatch(now time.Time) stopwatch { return stopwatch{now, o.lasted(now)} }

// took is how much time has passed while the apiserver was there.
func (w stopwatch) took(o *outage, now time.Time) time.Duration {
	return now.Sub(w.begun) - (o.lasted(now) - w.spent)
}
