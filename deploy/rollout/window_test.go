package rollout

import (
	"testing"
	"time"
)

// sight is the lease as seen at one second.
type sight struct {
	at     int
	holder string // "": there is none
	age    int    // since it was renewed
	leads  int    // index of the holder among those that go back; -1: another host
	next   int    // expected; -1: none yet
}

// TestRestartWindow: which host may be restarted, by what was seen of the lease. A lease is valid
// for 15 s, a restart takes 3 s.
func TestRestartWindow(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name     string
		releases bool
		seen     []sight
	}{
		{"time is left", false, []sight{{0, "a", 2, -1, 0}}},
		{"time is left, and it may be released before", true, []sight{{0, "a", 2, -1, -1}, {1, "a", 3, -1, -1}, {2, "a", 0, -1, 0}}},
		{"one of them leads, and releases it when it exits", true, []sight{{0, "a", 2, 1, 1}}},
		{"one of them led, and is gone", true, []sight{{0, "a", 10, 1, -1}, {3, "b", 0, -1, -1}, {4, "b", 0, -1, -1}, {6, "b", 0, -1, 0}}},
		{"deleted, and no holder", false, []sight{{0, "", 0, -1, -1}, {5, "", 0, -1, -1}}},
		{"deleted, and another takes it: the old holder still acts", false, []sight{{0, "a", 13, -1, -1}, {1, "", 0, -1, -1}, {2, "b", 0, -1, 0}}},
		{"deleted early, and another takes it", false, []sight{{0, "a", 12, 0, -1}, {1, "", 0, -1, -1}, {2, "b", 0, 0, -1}, {3, "b", 0, 0, 0}}},
		{"taken early, unseen", false, []sight{{0, "a", 13, -1, -1}, {1, "b", 0, -1, -1}, {2, "b", 1, -1, 0}}},
		{"ran out, and another takes it", false, []sight{{0, "a", 13, -1, -1}, {3, "b", 0, -1, 0}}},
	} {
		l := &restartWindow{releasesLease: c.releases, poll: time.Second}
		for _, s := range c.seen {
			now := begun.Add(time.Duration(s.at) * time.Second)
			age := time.Duration(s.age) * time.Second
			var is *Lease
			if s.holder != "" {
				is = &Lease{Holder: s.holder + "_1", Hostname: s.holder, Renewed: now.Add(-age), Duration: 15 * time.Second}
			}
			i, ok := l.hostToRestart(now, is, age, s.leads, 3*time.Second)
			if !ok {
				i = -1
			}
			if i != s.next {
				t.Errorf("%s: after %d s it is %d, expected %d", c.name, s.at, i, s.next)
			}
		}
	}
}
