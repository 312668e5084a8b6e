package rollout

import (
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// TestLeaderless: the time between two holders is measured by their own clocks, less what these
// are ahead.
func TestLeaderless(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
	}
	lease := func(host, id string, acquired, renewed float64) *Lease {
		return &Lease{Holder: host + "_" + id, Hostname: host, Acquired: at(acquired), Renewed: at(renewed)}
	}
	s := New(&plan.Plan{Hosts: []plan.Record{{Node: "a", Hostname: "a"}, {Node: "b", Hostname: "b", Skew: 3}}}, time.Second)
	for _, c := range []struct {
		read *Lease
		want time.Duration
	}{
		{nil, 0},
		{lease("a", "1", 1, 10), 0},
		{lease("a", "1", 1, 12), 0},
		{nil, 0}, // given back
		{lease("b", "1", 17.5, 18), 2500 * time.Millisecond},
		{lease("b", "2", 24, 24), 8500 * time.Millisecond},
		{lease("other", "1", 20, 21), 8500 * time.Millisecond}, // its clock is wrong
	} {
		s.followLease(c.read)
		if got := s.Leaderless(); got != c.want {
			t.Errorf("after %+v: %v, expected %v", c.read, got, c.want)
		}
	}
}

// TestHandOver: the lease is given back once the host is healthy, if it is the one of the
// process that the rollout ended, and unchanged since.
func TestHandOver(t *testing.T) {
	old := Lease{Holder: "a_1", Hostname: "a", Renewed: time.Unix(10, 0)}
	renewed, another := old, old
	renewed.Renewed = time.Unix(12, 0)
	another.Holder = "b_1"
	for name, c := range map[string]struct {
		hands bool
		reads []Lease // after the restart, until the host is healthy
		want  bool
	}{
		"the old process's":      {true, []Lease{old, old}, true},
		"another one's by now":   {true, []Lease{old, another}, false},
		"renewed since":          {true, []Lease{old, renewed}, false},
		"not wanted":             {false, []Lease{old, old}, false},
		"another one's at first": {true, []Lease{another, old}, false},
	} {
		s := New(&plan.Plan{HandsOver: c.hands, Hosts: []plan.Record{{Node: "a", Hostname: "a"}}}, time.Second)
		s.leaderID = old.Holder
		for i, l := range c.reads {
			s.followLease(&l)
			if i == len(c.reads)-1 {
				s.hosts[0].gate.healthySince = time.Unix(20, 0)
			}
			s.handOver(0)
		}
		if got := len(s.actions) == 1 && s.actions[0].Kind == HandOver && s.actions[0].Lease == old; got != c.want || !got && len(s.actions) > 0 {
			t.Errorf("%s: %v, actions %v", name, got, s.actions)
		}
	}
}
