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

// TestHandOver: the lease is given back once the host is healthy and the lease isn't renewed any
// more, if it is the one of the process that the rollout ended.
func TestHandOver(t *testing.T) {
	type read struct {
		after   float64 // seconds since the restart
		holder  string
		renewed int64
		healthy bool
	}
	for name, c := range map[string]struct {
		keeps bool
		reads []read
		want  float64 // when it is given back; 0: never
	}{
		"healthy at once":                {false, []read{{0.1, "a_1", 9, true}, {1, "a_1", 9, true}, {2.3, "a_1", 9, true}, {2.4, "a_1", 9, true}}, 2.4},
		"healthy late":                   {false, []read{{0.1, "a_1", 9, false}, {3, "a_1", 9, false}, {3.5, "a_1", 9, true}}, 3.5},
		"renewed just before":            {false, []read{{0.1, "a_1", 9, true}, {1, "a_1", 10, true}, {3, "a_1", 10, true}, {3.3, "a_1", 10, true}}, 3.3},
		"renewed by one that lives":      {false, []read{{0.1, "a_1", 9, true}, {2, "a_1", 11, true}, {4, "a_1", 13, true}, {6, "a_1", 15, true}}, 0},
		"another one's by now":           {false, []read{{0.1, "a_1", 9, true}, {2, "b_1", 11, true}, {5, "b_1", 11, true}}, 0},
		"another one's, then read again": {false, []read{{0.1, "b_1", 9, true}, {5, "a_1", 9, true}, {8, "a_1", 9, true}}, 0},
		"not wanted":                     {true, []read{{0.1, "a_1", 9, true}, {5, "a_1", 9, true}}, 0},
		"not readable":                   {false, []read{{0.1, "a_1", 9, true}, {5, "", 0, true}, {6, "a_1", 9, true}}, 6},
	} {
		start := time.Unix(100, 0)
		s := New(&plan.Plan{HandsOver: !c.keeps, Timing: plan.Timing{Retry: 2}, Hosts: []plan.Record{{Node: "a", Hostname: "a"}}}, time.Second)
		s.leaderID = "a_1"
		got := 0.0
		for _, is := range c.reads {
			s.now = start.Add(time.Duration(is.after * float64(time.Second)))
			e := Event{Lease: &Lease{Holder: is.holder, Hostname: "a", Renewed: time.Unix(is.renewed, 0)}}
			if is.holder == "" {
				e = Event{Err: ErrApiserverAway}
			} else {
				s.followLease(e.Lease)
			}
			if is.healthy {
				s.hosts[0].gate.healthySince = start
			}
			s.handOver(0, round{asked: []Action{{Kind: ReadLease}}, events: []Event{e}})
			if len(s.actions) > 0 && got == 0 {
				got = is.after
			}
		}
		if got != c.want || len(s.actions) > 1 {
			t.Errorf("%s: given back after %v s, expected %v; %v", name, got, c.want, s.actions)
		}
	}
}

// TestHandOverAgain: what fails is tried three times; then the operator is told.
func TestHandOverAgain(t *testing.T) {
	s := New(&plan.Plan{HandsOver: true, Hosts: []plan.Record{{Node: "a", Hostname: "a"}}}, time.Second)
	s.leaderID, s.now = "a_1", time.Unix(100, 0)
	s.hosts[0].gate.healthySince = s.now
	l := &Lease{Holder: "a_1", Hostname: "a"}
	s.followLease(l)
	s.now = s.now.Add(time.Minute)
	tried := 0
	var told []string
	for range 5 {
		s.actions = nil
		s.handOver(0, round{asked: []Action{{Kind: ReadLease}}, events: []Event{{Lease: l}}})
		if len(s.actions) == 0 {
			continue
		}
		tried++
		id := s.actions[0].ID
		s.actions = nil
		if !s.handedOver(Event{ID: id, NotHandedOver: ErrApiserverAway}) {
			t.Error("the answer isn't taken")
		}
		for _, a := range s.actions {
			told = append(told, a.Step+": "+a.Text)
		}
	}
	if want := "note: the lease of its old process couldn't be given back, and runs out: " + ErrApiserverAway.Error(); tried != handOverTries || len(told) != 1 || told[0] != want {
		t.Errorf("tried %d times, told %q, expected %q", tried, told, want)
	}
}
