package rollout

import "time"

// outage records when the apiserver was away. It excuses a process that ends meanwhile or
// soon after: a leader that can't renew, an instance that can't start without it.
type outage struct {
	begun time.Time     // of the current outage; zero: there is none
	over  time.Time     // when the last one ended; zero: there was none
	total time.Duration // of past outages
}

// hangTime is how late an answer must be to count as an outage: by then
// kube-controller-manager has given up its own requests and logged errors.
const hangTime = 3 * time.Second

// record records whether the apiserver is away, by a request sent at asked and answered at
// now. It reports whether an outage has ended.
func (o *outage) record(asked, now time.Time, away bool) (ended bool) {
	if !away && o.begun.IsZero() && now.Sub(asked) >= hangTime {
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

// ongoing reports whether the apiserver is away now.
func (o *outage) ongoing() bool { return !o.begun.IsZero() }

// duration returns how long it has been away in total.
func (o *outage) duration(now time.Time) time.Duration {
	if o.begun.IsZero() {
		return o.total
	}
	return o.total + now.Sub(o.begun)
}

// excuses reports whether an outage explains that a process ends now. after is how long
// after an outage that may happen.
func (o *outage) excuses(now time.Time, after time.Duration) bool {
	return !o.begun.IsZero() || !o.over.IsZero() && now.Sub(o.over) <= after
}

// stopwatch measures time without outages.
type stopwatch struct {
	begun time.Time
	spent time.Duration // total time away until begun
}

func (o *outage) stopwatch(now time.Time) stopwatch { return stopwatch{now, o.duration(now)} }

// elapsed returns the time that passed while the apiserver was there.
func (w stopwatch) elapsed(o *outage, now time.Time) time.Duration {
	return now.Sub(w.begun) - (o.duration(now) - w.spent)
}
