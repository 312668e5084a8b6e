package rollout

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
)

// TestOutageTime: how long the apiserver was away, and what its absence excuses.
func TestOutageTime(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 1, 1, 0, 0, s, 0, time.UTC) }
	const grace = 8 * time.Second
	var o outage
	for _, c := range []struct {
		second  int
		hangs   int // seconds until the answer
		away    bool
		ended   bool
		lasted  int
		excuses bool
	}{
		{0, 0, false, false, 0, false},
		{1, 0, true, false, 0, true},
		{5, 0, true, false, 4, true},
		{13, 0, false, true, 12, true},
		{20, 0, false, false, 12, true}, // a leader that couldn't renew ends a little later
		{22, 0, false, false, 12, false},
		{30, 0, true, false, 12, true},
		{40, 0, false, true, 22, true},
		{49, 0, false, false, 22, false},
		{60, 2, false, false, 22, false}, // slow
		{80, 9, false, true, 31, true},   // it hung, and answered at last
		{89, 0, false, false, 31, false},
		{100, 10, true, false, 41, true}, // the request timed out
		{101, 1, false, true, 42, true},
	} {
		if ended := o.record(at(c.second-c.hangs), at(c.second), c.away); ended != c.ended {
			t.Errorf("after %d s one has ended: %v", c.second, ended)
		}
		if got := o.duration(at(c.second)); got != time.Duration(c.lasted)*time.Second {
			t.Errorf("after %d s it was away for %v, expected %d s", c.second, got, c.lasted)
		}
		if got := o.excuses(at(c.second), grace); got != c.excuses {
			t.Errorf("after %d s it excuses: %v", c.second, got)
		}
	}
}

// TestAssessProcess: a host that passed earlier must keep its process. If its end is
// excused, it must keep the next one.
func TestAssessProcess(t *testing.T) {
	was, none, other := processID{10, 0}, processID{0, 0}, processID{20, 1}
	for _, c := range []struct {
		name         string
		is           processID
		had, outage  bool
		then         processID
		excused, fit bool
	}{
		{"as it was", was, false, true, was, false, true},
		{"ended", none, false, false, was, false, false},
		{"another process", other, false, false, was, false, false},
		{"ended, the apiserver is away", none, false, true, was, true, true},
		{"still not there, long after", none, true, false, was, true, true},
		{"there again", other, true, false, other, false, true},
		{"another process, the apiserver is away", other, false, true, other, false, true},
	} {
		then, excused, fit := assessProcess(was, c.is, c.had, func() bool { return c.outage })
		if then != c.then || excused != c.excused || fit != c.fit {
			t.Errorf("%s: %v, %v, %v", c.name, then, excused, fit)
		}
	}
}

// aRollout returns a rollout of one host in its gate: gate 30 s, soak 5 s, lease 15 s.
func aRollout(begun time.Time) *State {
	p := &plan.Plan{
		Steps:  []plan.Step{{Node: "cp-1", To: "new"}},
		Timing: plan.Timing{Gate: 30, Soak: 5, Lead: 62, Lease: 15, Away: 90, Revert: 92},
		Hosts:  []plan.Record{{Node: "cp-1", Selected: true, Runs: "old", Desired: "new", Elects: true}},
	}
	s := New(p, time.Second)
	s.now, s.stage = begun, Trying
	h := &s.hosts[0]
	h.phase = OnTrial
	h.gate = gate{expectNew: true, soak: 5 * time.Second, maxRestarts: tooOften, fault: "no", noLeader: "none"}
	h.gate.stopwatch = s.absence.stopwatch(begun)
	return &s
}

// TestVerdict: a gate's time doesn't run while the apiserver is away, for a limited time.
func TestVerdict(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return begun.Add(time.Duration(s) * time.Second) }
	for _, c := range []struct {
		name       string
		away, back int // -1: never
		healthy    int // since when; -1: it isn't
		on         bool
		until      int // on the way back; -1: the rollout's limit
		now        int
		done       bool
		says       string
	}{
		{"healthy for long enough", -1, -1, 2, false, -1, 7, true, ""},
		{"healthy for not long enough", -1, -1, 3, false, -1, 7, false, ""},
		{"never healthy", -1, -1, -1, false, -1, 31, false, "it isn't healthy after 30s: no"},
		{"away for longer than that", 1, -1, -1, false, -1, 50, false, ""},
		{"away, and back for a moment", 1, 41, -1, false, -1, 60, false, ""},
		{"away, and back, with time left", 1, 41, -1, false, -1, 65, false, ""},
		{"away, and back for long", 1, 41, -1, false, -1, 72, false, "it isn't healthy after 30s: no"},
		{"away for good", 1, -1, -1, false, -1, 92, false, "the apiserver has been away for 1m31s"},
		{"away, and healthy again", 1, 41, 45, false, -1, 50, true, ""},
		{"on the way back, and waited for", 1, -1, -1, true, 80, 50, false, ""},
		{"on the way back, and waited for already", 1, -1, -1, true, 0, 2, false, "the apiserver has been away"},
	} {
		s := aRollout(begun)
		g := &s.hosts[0].gate
		if g.expectNew = !c.on; c.until >= 0 {
			g.apiserverUntil = at(c.until)
		}
		if c.away >= 0 {
			s.outage(g).record(at(c.away), at(c.away), true)
			g.awayErr = errors.New("refused")
		}
		if c.back >= 0 {
			s.outage(g).record(at(c.back), at(c.back), false)
		}
		if c.healthy >= 0 {
			g.healthySince = at(c.healthy)
		}
		s.now = at(c.now)
		done, err := s.verdict(0)
		if text := fmt.Sprint(err); done != c.done || (err != nil) != (c.says != "") || !strings.Contains(text, c.says) && err != nil {
			t.Errorf("%s: %v, %v, expected %v, %q", c.name, done, err, c.done, c.says)
		}
		if away := (*ApiserverAwayError)(nil); errors.As(err, &away) != strings.HasPrefix(c.says, "the apiserver") {
			t.Errorf("%s: %T", c.name, err)
		}
	}
}

// TestEndedByItself: a process that ends by itself fails, unless the apiserver was away.
func TestEndedByItself(t *testing.T) {
	for _, c := range []struct {
		name     string
		is       processID
		healthy  bool
		away     bool
		says     string
		restarts int // that fail the gate from now on
	}{
		{"as it was", processID{10, 0}, true, false, "", 2},
		{"started again once", processID{11, 1}, false, false, "", 2},
		{"started again twice", processID{12, 2}, false, false, "it ended 2 times by itself", 2},
		{"ended, and was healthy", processID{11, 1}, true, false, "it was healthy, and ended by itself", 2},
		{"started again twice, the apiserver is away", processID{12, 2}, false, true, "", 4},
		{"ended, the apiserver is away", processID{0, 0}, true, true, "", 2},
	} {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		s := aRollout(now)
		g := &s.hosts[0].gate
		if g.process = (processID{10, 0}); c.healthy {
			g.healthySince = now
		}
		s.absence.record(now, now, c.away)
		says, missing := s.endedByItself(0, Health{PID: c.is.pid, Restarts: c.is.restarts}, round{})
		if says != c.says || missing != nil {
			t.Errorf("%s: %q, expected %q; %v", c.name, says, c.says, missing)
		}
		if g.maxRestarts != c.restarts || c.away && !g.healthySince.IsZero() {
			t.Errorf("%s: %d restarts are too many, healthy since %v", c.name, g.maxRestarts, g.healthySince)
		}
	}
}

// TestLate: the first late answer is ignored, the second in a row counts, whichever of
// the two answers is late.
func TestLate(t *testing.T) {
	slow, no := fmt.Errorf("it doesn't answer: %w", ErrTimedOut), errors.New("no")
	now := time.Now()
	g := &gate{}
	g.healthySince = now
	for i, c := range []struct {
		errs []error
		want bool
	}{
		{[]error{nil, nil}, false},
		{[]error{nil, slow}, true},
		{[]error{nil, slow}, false},
		{[]error{nil, nil}, false},
		{[]error{slow, nil}, true},
		{[]error{slow, slow}, false},
		{[]error{no, slow}, false},
		{[]error{nil, slow}, true},
	} {
		if got := g.late(c.errs...); got != c.want {
			t.Errorf("%d: %v is late: %v", i, c.errs, got)
		}
	}
	if g.healthySince = (time.Time{}); g.late(slow) {
		t.Error("a host that was never healthy is late")
	}
}

// TestProlongDue: a trial is prolonged long before its host goes back by itself.
func TestProlongDue(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]bool{80: false, 70: false, 68: true, 1: true} {
		s := aRollout(now)
		s.hosts[0].reverts = now.Add(left * time.Second)
		if got := s.prolongDue(0); got != want {
			t.Errorf("%d s before it goes back: %v", left, got)
		}
	}
}

// TestUnseen: the error mentions once that the apiserver is away.
func TestUnseen(t *testing.T) {
	away := &ApiserverAwayError{time.Minute, errors.New("refused")}
	for want, err := range map[string]error{
		"went back: cp-1: the apiserver has been away for 1m0s, and nothing is known to be wrong with the host: refused":            &UnseenError{[]string{"cp-1"}, away, &plan.HostError{Node: "cp-1", Err: away}},
		"went back: cp-1: bad\ncp-1: the apiserver has been away for 1m0s, and nothing is known to be wrong with the host: refused": &UnseenError{[]string{"cp-1"}, away, &plan.HostError{Node: "cp-1", Err: &GateError{Reason: "bad"}}},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%s\nexpected\n%s", got, want)
		}
	}
}

// TestHang: if this machine's request hung, that counts as an outage for the host, too,
// which wasn't examined meanwhile and logs errors afterwards.
func TestHang(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return begun.Add(time.Duration(s) * time.Second) }
	for _, c := range []struct {
		from, to, now int
		on            bool // the host is in an outage already
		fails         bool
	}{
		{10, 40, 45, false, false},
		{10, 40, 59, false, false},
		{10, 40, 62, false, true},
		{10, 12, 31, false, true},
		{10, 40, 45, true, false},
	} {
		s := aRollout(begun)
		if c.on {
			s.absence.record(at(5), at(5), true)
		}
		s.now = at(c.to)
		asked := Action{Kind: ReadLease}
		s.checkLeader(0, round{asked: []Action{asked}, events: []Event{{Took: at(c.to).Sub(at(c.from))}}})
		s.now = at(c.now)
		if _, err := s.verdict(0); (err != nil) != c.fails {
			t.Errorf("%+v: %v", c, err)
		}
		if on := s.absence.ongoing(); on != c.on {
			t.Errorf("%+v: an outage goes on: %v", c, on)
		}
	}
}

// TestEndedForGood: a host is reported as unchanged, back or done only if it runs.
func TestEndedForGood(t *testing.T) {
	for _, c := range []struct {
		name, active, outcome string
		worked, stops, want   bool
	}{
		{"untouched, and runs", "active", "", true, false, false},
		{"untouched, and is started again", "activating", "", true, false, false},
		{"untouched, and has ended", "inactive", "", true, false, true},
		{"untouched, and has failed", "failed", "", true, false, true},
		{"untouched, and didn't run before", "inactive", "", false, false, false},
		{"back, and has ended", "inactive", RolledBack, true, false, true},
		{"back to nothing, and has ended", "inactive", RolledBack, true, true, false},
		{"done, and has ended", "inactive", Done, false, false, true},
		{"done, and was to stop", "inactive", Done, true, true, false},
		{"couldn't be brought back", "failed", Stranded, true, false, false},
		{"couldn't be asked", "", "", true, false, false},
	} {
		if got := endedForGood(c.active == "inactive" || c.active == "failed", c.outcome, c.worked, c.stops); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestStops: a host that went back should run what it had, any other what it gets.
func TestStops(t *testing.T) {
	for _, c := range []struct {
		name               string
		desired, back, end string
		want               bool
	}{
		{"isn't named", "", "", "", false},
		{"gets another", "new", "", Done, false},
		{"leaves", plan.None, "", Done, true},
		{"went back from its first", "new", plan.None, RolledBack, true},
		{"went back to what it ran", "new", "old", RolledBack, false},
		{"was to leave, and went back", plan.None, "old", RolledBack, false},
	} {
		s := aRollout(time.Now())
		s.plan.Hosts[0].Desired, s.hosts[0].back.target, s.hosts[0].result.Outcome = c.desired, c.back, c.end
		if got := s.stops(0); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestWithGone: a rollout that leaves a host dead isn't reported as rolled back.
func TestWithGone(t *testing.T) {
	gone := GoneErrors{"cp-1": {State: "inactive (dead)"}}
	if err := withGone(nil, nil); err != nil {
		t.Error(err)
	}
	all := GoneErrors{}
	if err := withGone(nil, gone); !errors.As(err, &all) {
		t.Errorf("%v", err)
	}
	var stranded *StrandedError
	err := withGone(&RolledBackError{"deploy", []string{"cp-2"}, errors.New("it failed")}, gone)
	if !errors.As(err, &stranded) || stranded.Left["cp-1"] != LeftStopped || !strings.Contains(err.Error(), "\ncp-1: it worked when this began; now it is inactive (dead)") {
		t.Errorf("%v, %+v", err, stranded)
	}
}

// TestQuiet: on the way back a working host is restarted only while none of the hosts
// still to go back can become the leader, since that may end it.
func TestQuiet(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	lease := func(holder string, age, duration time.Duration) *Lease {
		return &Lease{Holder: holder + "_1", Hostname: holder, Renewed: now.Add(-age), Duration: duration}
	}
	const second = time.Second
	for _, c := range []struct {
		name    string
		was, is *Lease
		skew    plan.Seconds // of cp-2's clock
		next    int
		ok      bool
	}{
		{"one of them leads", nil, lease("cp-2", second, 15*second), 0, 1, true},
		{"one of them has led, and the lease is long", nil, lease("cp-2", 10*second, 15*second), 0, 0, true},
		{"one of them has led, and its clock is late", nil, lease("cp-2", 10*second, 15*second), -5, 1, true},
		{"one of them has led, and its clock is early", nil, lease("cp-2", 10*second, 15*second), 4, 0, false},
		{"one of them has led, and the lease runs out", nil, lease("cp-2", 12*second, 15*second), 0, 0, false},
		{"another one leads, with a short lease", nil, lease("cp-3", 0, 3*second), 0, 0, false},
		{"another one goes on leading", lease("cp-3", second, 3*second), lease("cp-3", 0, 3*second), 0, 0, true},
		{"another one doesn't", lease("cp-3", second, 3*second), lease("cp-3", second, 3*second), 0, 0, false},
		{"another one has begun to", lease("cp-2", 3*second, 3*second), lease("cp-3", 0, 3*second), 0, 0, false},
	} {
		p := &plan.Plan{}
		for _, name := range []string{"cp-1", "cp-2", "cp-3"} {
			p.Hosts = append(p.Hosts, plan.Record{Node: name, Hostname: name})
		}
		p.Hosts[1].Skew = c.skew
		s := New(p, time.Second)
		s.now = now
		s.back = rollback{todo: []int{0, 1}, longestDowntime: 3 * second, window: restartWindow{poll: second}}
		if c.was != nil {
			s.quiet(c.was)
		}
		next, ok := s.quiet(c.is)
		if ok != c.ok || ok && next != c.next {
			t.Errorf("%s: %d, %v, expected %d, %v", c.name, next, ok, c.next, c.ok)
		}
	}
}
