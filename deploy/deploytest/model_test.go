package deploytest_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/deploytest"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// scene is a world, and what is deployed in it.
type scene struct {
	hosts  int
	first  bool // nothing runs yet
	leader int
	config deploytest.Config
	down   int  // index of a host that is down; -1: none
	other  int  // index of a host that the rollout doesn't name; -1: none
	keeps  bool // the lease of a restarted leader isn't given back
	away   [2]time.Duration
	crash  int           // index of a host whose process ends by itself; -1: none
	at     time.Duration // when
}

func (s scene) world() *deploytest.World {
	before := "old"
	w := deploytest.NewWorld(s.hosts, before)
	if s.first {
		w = deploytest.Empty(s.hosts)
	} else {
		w.Lead(w.Hosts[s.leader].Name)
	}
	w.Configs["new"], w.HandsOver = s.config, !s.keeps
	if s.down >= 0 && !s.first {
		w.Stop(w.Hosts[s.down].Name)
	}
	if s.other >= 0 {
		w.Hosts[s.other].Other = true
	}
	if s.crash >= 0 {
		w.Crash = map[string]time.Time{w.Hosts[s.crash].Name: deploytest.Start.Add(s.at)}
	}
	if s.away[1] > 0 {
		w.Outages = []time.Time{deploytest.Start.Add(s.away[0]), deploytest.Start.Add(s.away[1])}
	}
	return w
}

// scenes returns the scenes of the exhaustive test.
func scenes() []scene {
	var out []scene
	for _, config := range []deploytest.Config{{}, {Start: "ends"}, {Start: "unhealthy"}, {Start: "refused"}, {Lead: "ends"}, {Lead: "never"}} {
		for _, hosts := range []int{1, 2, 3} {
			out = append(out, scene{hosts: hosts, config: config, down: -1, other: -1, crash: -1, leader: hosts - 1})
		}
		out = append(out,
			scene{hosts: 3, config: config, down: -1, other: -1, crash: -1, leader: 2, keeps: true},
			scene{hosts: 3, first: true, config: config, down: -1, other: -1, crash: -1},
			scene{hosts: 2, config: config, down: 0, other: -1, crash: -1, leader: 1},
			scene{hosts: 2, config: config, down: -1, other: 1, crash: -1},
			scene{hosts: 3, config: config, down: 1, other: -1, crash: -1},
			scene{hosts: 3, config: config, down: -1, other: 0, crash: -1},
			scene{hosts: 3, config: config, down: -1, other: -1, crash: 0, at: 1500 * time.Millisecond},
			scene{hosts: 2, config: config, down: -1, other: -1, crash: 1, at: 3 * time.Second},
			scene{hosts: 3, config: config, down: -1, other: -1, crash: -1, away: [2]time.Duration{time.Second, 9 * time.Second}},
			scene{hosts: 2, config: config, down: -1, other: -1, crash: -1, away: [2]time.Duration{3 * time.Second, 6 * time.Second}},
		)
	}
	return out
}

// trial is a rollout with one disturbance.
type trial struct {
	scene
	cutAfter, loseAnswer, loseAction int
	interrupt                        time.Duration
	immediately                      bool // the next run begins before hosts go back by themselves
}

// run carries out a rollout, and another one afterwards. It returns an error if an
// invariant of either is violated.
func (tr trial) run() error {
	r := &deploytest.Run{World: tr.world(), CutAfter: tr.cutAfter, LoseAnswer: tr.loseAnswer, LoseAction: tr.loseAction}
	if tr.interrupt > 0 {
		r.Interrupt = deploytest.Start.Add(tr.interrupt)
	}
	had := r.World.Generations()
	r.Invariants()
	if err := r.Begin("deploy", "new"); err != nil {
		return err
	}
	return tr.finish(r, had)
}

// finish takes a run to its end.
func (tr trial) finish(r *deploytest.Run, had map[string]string) error {
	for {
		over, ended, err := r.Next()
		switch {
		case err != nil:
			return err
		case ended:
			return errors.Join(r.Ended(had), tr.failed(r), tr.after(r.World, had))
		case over:
			return tr.after(r.World, had)
		}
	}
}

// after lets the world settle, and deploys again. Worlds in the same state have the same
// result, so each is tried once.
func (tr trial) after(w *deploytest.World, had map[string]string) error {
	if tr.immediately {
		return tr.again(w, had)
	}
	if err := w.Settle(); err != nil {
		return err
	}
	key := fmt.Sprintf("%v%v%v%v", w, tr.config, tr.keeps, had)
	if done, ok := seen.Load(key); ok {
		err, _ := done.(error)
		return err
	}
	err := tr.again(w, had)
	seen.Store(key, err)
	return err
}

// seen caches the result of deploying again, by the state of the world. nextRuns counts
// the others.
var (
	seen     sync.Map
	nextRuns atomic.Int64
)

// cutEverywhere carries out a rollout and, at each action, copies of it: the operator is
// gone after the action, its answer is lost, the action is lost, or the operator
// interrupts. It passes each result to found, and returns the number of rollouts.
func (s scene) cutEverywhere(found func(trial, error)) (rollouts int) {
	r := &deploytest.Run{World: s.world()}
	had := r.World.Generations()
	r.Invariants()
	whole := trial{scene: s}
	if err := r.Begin("deploy", "new"); err != nil {
		found(whole, err)
		return 1
	}
	var interrupted time.Time
	unchanged := 0 // actions since one that changed a host
	for n := 1; ; {
		if kind, ok := r.Acts(); ok {
			trials := s.disturb(n, kind, &unchanged)
			if now := r.World.Now; now != interrupted { // one interruption at a time
				trials = append(trials, trial{scene: s, interrupt: now.Sub(deploytest.Start)})
				interrupted = now
			}
			for _, tr := range trials {
				f := r.Fork()
				f.Invariants()
				if f.CutAfter, f.LoseAnswer, f.LoseAction = tr.cutAfter, tr.loseAnswer, tr.loseAction; tr.interrupt > 0 {
					f.Interrupt = f.World.Now
				}
				found(tr, tr.finish(f, had))
				rollouts++
			}
			n++
		}
		over, _, err := r.Next()
		if over || err != nil {
			found(whole, cmp.Or(err, errors.Join(r.Ended(had), whole.failed(r), whole.after(r.World, had))))
			return rollouts + 1
		}
	}
}

// failed returns an error if a finished rollout leaves a failing generation on a host
// without reporting it.
func (tr trial) failed(r *deploytest.Run) error {
	_, err := r.State.Done()
	var stranded *rollout.StrandedError
	if tr.works() || tr.unseen() || errors.As(err, &stranded) {
		return nil
	}
	for _, h := range r.World.Hosts {
		if h.Unit == "new" {
			return fmt.Errorf("%s is left with a generation that failed (%v)", h.Name, err)
		}
	}
	return nil
}

// works reports whether the new generation works.
func (tr trial) works() bool { return tr.config == deploytest.Config{} }

// unseen reports whether a fault may stay unseen: it shows only in a leader, and a host
// outside the rollout may lead.
func (tr trial) unseen() bool { return tr.config.Lead != "" && tr.other >= 0 }

// again deploys once more. Then all hosts have the new generation, or what they had.
func (tr trial) again(w *deploytest.World, had map[string]string) error {
	w.Crash = nil // once was enough
	r := &deploytest.Run{World: w}
	r.Invariants()
	nextRuns.Add(1)
	if _, err := r.Go("deploy", "new"); err != nil {
		return fmt.Errorf("again: %w", err)
	}
	_, err := r.State.Done()
	for _, h := range w.Hosts {
		want := "new"
		if !tr.works() || h.Other {
			want = had[h.Name]
		}
		if h.Unit != want && !tr.unseen() {
			return fmt.Errorf("again: %s has %s, and %s was expected (%v)", h.Name, h.Unit, want, err)
		}
	}
	if (err == nil) != tr.works() && !tr.unseen() {
		return fmt.Errorf("again: %v", err)
	}
	return w.Settle()
}

// The least number of disturbed rollouts, and how many of them are random.
const (
	rollouts = 20000
	others   = 1000
)

// TestModel disturbs rollouts at every action, and random ones.
func TestModel(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // nearly all memory is garbage soon
	begun := time.Now()
	var every, failures atomic.Int64
	found := func(tr trial, err error) {
		if err != nil && failures.Add(1) <= 10 {
			t.Errorf("%+v: %v", tr, err)
		}
	}
	work := make(chan func())
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for do := range work {
				do()
			}
		})
	}
	for _, s := range scenes() {
		work <- func() { every.Add(int64(s.cutEverywhere(found))) }
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range others {
		tr := random(rng)
		work <- func() { found(tr, tr.run()) }
	}
	close(work)
	all.Wait()
	t.Logf("%d rollouts, %d of them exhaustive, and %d after them, in %v", every.Load()+others, every.Load(), nextRuns.Load(), time.Since(begun).Round(time.Millisecond))
	if every.Load()+others < rollouts {
		t.Errorf("that is less than %d", rollouts)
	}
}

// random returns a random trial.
func random(rng *rand.Rand) trial {
	configs := []deploytest.Config{{}, {}, {Start: "ends"}, {Start: "unhealthy"}, {Start: "refused"}, {Lead: "ends"}, {Lead: "never"}}
	n := 1 + rng.IntN(5)
	tr := trial{scene: scene{hosts: n, leader: rng.IntN(n), config: configs[rng.IntN(len(configs))], down: -1, other: -1, crash: -1}}
	if n > 1 && rng.IntN(4) == 0 {
		tr.other = rng.IntN(n)
	}
	if n > 1 && rng.IntN(4) == 0 {
		tr.down = rng.IntN(n)
	}
	if rng.IntN(3) == 0 {
		from := time.Duration(rng.IntN(8000)) * time.Millisecond
		tr.away = [2]time.Duration{from, from + time.Duration(rng.IntN(15000))*time.Millisecond}
	}
	if rng.IntN(3) == 0 {
		tr.crash, tr.at = rng.IntN(n), time.Duration(rng.IntN(10000))*time.Millisecond
	}
	tr.first, tr.keeps = rng.IntN(5) == 0 && tr.other < 0, rng.IntN(3) == 0
	switch at := 1 + rng.IntN(60*n); rng.IntN(4) {
	case 0:
		tr.cutAfter, tr.immediately = at, rng.IntN(2) == 0
	case 1:
		tr.loseAnswer = at
	case 2:
		tr.loseAction = at
	case 3:
		tr.interrupt = time.Duration(at) * 100 * time.Millisecond
	}
	return tr
}

// TestModelFindsFaults: each fault planted in a rollout violates an invariant.
func TestModelFindsFaults(t *testing.T) {
	none := scene{hosts: 3, down: -1, other: -1, crash: -1}
	fails := func(config deploytest.Config) scene { s := none; s.config = config; return s }
	crashes := none
	crashes.crash, crashes.at = 1, 2*time.Second
	for name, c := range map[string]struct {
		scene
		says   string
		broken func(a *rollout.Action) (rollout.Event, bool)
	}{
		"takes another host for the leader": {none, "leads, and", func(a *rollout.Action) (rollout.Event, bool) {
			return rollout.Event{Lease: &rollout.Lease{Holder: "cp-2_1", Hostname: "cp-2"}}, a.Kind == rollout.ReadLease
		}},
		"doesn't look at the others": {crashes, "hasn't worked for", func(a *rollout.Action) (rollout.Event, bool) {
			return rollout.Event{Health: rollout.Health{PID: 1002, Running: true}}, a.Kind == rollout.Examine && a.Ask&rollout.Apiserver == 0 && a.Node != "cp-1"
		}},
		"takes all for healthy": {fails(deploytest.Config{Start: "unhealthy"}), "it hasn't been healthy", func(a *rollout.Action) (rollout.Event, bool) {
			return rollout.Event{Health: rollout.Health{PID: 1, Running: true, Server: "https://apiserver"}}, a.Kind == rollout.Examine
		}},
		"leaves hosts as they are": {fails(deploytest.Config{Lead: "ends"}), "all went back, and", func(a *rollout.Action) (rollout.Event, bool) {
			undone := rollout.Event{Found: rollout.Found{Runs: "old", Known: true}}
			return undone, a.Kind == rollout.Undo || a.Kind == rollout.Look && a.Node != "cp-1"
		}},
		"leaves a trial": {none, "on trial", func(a *rollout.Action) (rollout.Event, bool) {
			return rollout.Event{}, a.Kind == rollout.Confirm
		}},
		"doesn't record its end": {none, "hasn't recorded that", func(a *rollout.Action) (rollout.Event, bool) {
			return rollout.Event{}, a.Kind == rollout.MarkEnded
		}},
		"gives a living process's lease back": {none, "and its lease is given back", func(a *rollout.Action) (rollout.Event, bool) {
			if a.Kind == rollout.ReadLease { // as if it were never renewed
				return rollout.Event{Lease: &rollout.Lease{Holder: "cp-1_1", Hostname: "cp-1", Renewed: deploytest.Start}}, true
			}
			healthy := rollout.Event{Health: rollout.Health{PID: 1, Running: true, Server: "https://apiserver"}}
			return healthy, a.Node == "cp-1" && (a.Kind == rollout.Try || a.Kind == rollout.Examine) // it isn't restarted
		}},
		"changes a host that it doesn't name": {none, "doesn't name it", func(a *rollout.Action) (rollout.Event, bool) {
			if a.Kind == rollout.Try && a.Node == "cp-2" {
				a.Node = "cp-1"
			}
			return rollout.Event{}, false
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := c.scene
			if name == "changes a host that it doesn't name" {
				s.other, s.leader, s.keeps = 0, 1, true
			}
			r := &deploytest.Run{World: s.world(), Break: c.broken}
			had := r.World.Generations()
			r.Invariants()
			if err := r.Begin("deploy", "new"); err != nil {
				t.Fatal(err)
			}
			err := trial{scene: s}.finish(r, had)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, expected %q", err, c.says)
			}
		})
	}
}

// TestStep: Step leaves its receiver unchanged and is deterministic.
func TestStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 40 {
		tr := random(rng)
		r := &deploytest.Run{World: tr.world(), CutAfter: tr.cutAfter, LoseAnswer: tr.loseAnswer, LoseAction: tr.loseAction}
		states := 0
		r.Stepped = func(before rollout.State, e rollout.Event, todo []rollout.Action) {
			states++
			if _, again := before.Step(e); !reflect.DeepEqual(again, todo) {
				t.Fatalf("the same event leads to %v, and then to %v", todo, again)
			}
		}
		if _, err := r.Go("deploy", "new"); err != nil || states < 2 {
			t.Fatalf("%+v: %v (%d steps)", tr, err, states)
		}
	}
}
