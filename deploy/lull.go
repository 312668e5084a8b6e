package deploy

import (
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/live"
)

// lull waits, on the way back, for a moment at which a host that works can be restarted
// while none of the others becomes the leader, and ends by that.
type lull struct {
	// releases: a leader gives its lease back as it ends, so that nobody can count on the
	// time that it has left.
	releases bool
	poll     time.Duration

	was    *live.Lease // as it was seen last with a holder
	runs   time.Time   // when that one runs out
	ousted time.Time   // until then somebody who lost the lease early may still act, and then ends
}

// next returns which of some hosts can be restarted now. is is the lease, nil where
// nobody holds it; age how long ago it was renewed; leads which of them holds it, or -1;
// restart how long one doesn't work meanwhile.
func (l *lull) next(now time.Time, is *live.Lease, age time.Duration, leads int, restart time.Duration) (int, bool) {
	if is == nil { // it was given back, or deleted: anybody takes it within a moment
		l.ousted = l.runs
		return 0, false
	}
	was := l.was
	if was != nil && was.Holder != is.Holder && now.Before(l.runs) {
		l.ousted = l.runs
	}
	l.was, l.runs = is, now.Add(is.Duration-age)
	switch {
	case now.Before(l.ousted):
		return 0, false
	case leads >= 0 && age < is.Duration/2:
		return leads, true // it may end any moment
	case !l.releases && is.Duration-age > restart+l.poll:
		return 0, true // nobody else gets it before it has run out
	}
	renewed := was != nil && was.Holder == is.Holder && is.Renewed.After(was.Renewed)
	return 0, leads < 0 && renewed
}

// releaseGate is the feature gate with which a leader gives its lease back as it ends.
const releaseGate = "ControllerManagerReleaseLeaderElectionLockOnExit"

// releases reports whether a process gives its lease back as it ends.
func (s *Set) releases() bool {
	on := map[string]string{}
	for gate := range strings.SplitSeq(s.value("feature-gates", ""), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(gate), "=")
		on[strings.TrimSpace(name)] = strings.ToLower(strings.TrimSpace(value))
	}
	value, said := on[releaseGate]
	if !said {
		value = on["AllAlpha"]
	}
	return value == "true" || value == "t" || value == "1"
}

// releases reports whether any host's process does, the old or the new one.
func (r *Rollout) releases() bool {
	for _, m := range r.machines {
		if m.want != nil && m.want.releases() || m.was != nil && m.was.releases() {
			return true
		}
	}
	for _, m := range r.beside {
		if m.was != nil && m.was.releases() {
			return true
		}
	}
	return false
}
