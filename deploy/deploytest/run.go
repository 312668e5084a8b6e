package deploytest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// Run carries out a rollout in a world, as an operator's kcmgen does.
type Run struct {
	World *World
	Plan  *plan.Plan
	State rollout.State
	// LoseAnswer is the action whose answer is lost, LoseAction the action that is lost
	// itself. Both count from 1; 0: none.
	LoseAnswer, LoseAction int
	// CutAfter is the action after which the operator is gone; 0: never.
	CutAfter int
	// Interrupt is when the operator interrupts; zero: never.
	Interrupt time.Time
	// Told is called after each action, with its result.
	Told func(a rollout.Action, e rollout.Event)
	// Break replaces the result of an action, or changes the action, to plant a fault.
	Break func(a *rollout.Action) (e rollout.Event, instead bool)
	// Stepped is called after each step, with the state before it.
	Stepped func(before rollout.State, e rollout.Event, todo []rollout.Action)
	// Check is called before each action, and returns an error if it mustn't happen.
	Check func(a rollout.Action) error

	queue   []*rollout.Event // future events, by time
	todo    []rollout.Action // of the last step
	steps   int
	actions int
	known   configs
}

// ErrLost is a connection that broke before the answer.
var ErrLost = errors.New("the connection broke")

// errLong is a rollout that doesn't end.
var errLong = errors.New("the rollout doesn't end")

// maxSteps bounds a run: an outage of a minute takes some hundred.
const maxSteps = 5000

// Go carries out a rollout that gives each host a generation. ended is false if the
// operator is gone before the end. faulty is a violated invariant.
func (r *Run) Go(action, generation string) (ended bool, faulty error) {
	if err := r.Begin(action, generation); err != nil {
		return false, err
	}
	for {
		if over, ended, err := r.Next(); over || err != nil {
			return ended, err
		}
	}
}

// Begin makes the plan of a rollout.
func (r *Run) Begin(action, generation string) error {
	if r.known == nil {
		r.known = configs{}
	}
	p, err := plan.New(r.World.Observe(action, generation, r.known))
	if err != nil {
		return fmt.Errorf("the plan: %w", err)
	}
	r.Plan, r.State = p, rollout.New(p, Poll)
	r.queue = []*rollout.Event{{At: r.World.Now}}
	return nil
}

// Next does one action, or takes the next event. over: nothing is left; ended: the rollout
// has ended, else its operator is gone.
func (r *Run) Next() (over, ended bool, faulty error) {
	if len(r.todo) > 0 {
		a := r.todo[0]
		r.todo = r.todo[1:]
		cut, err := r.do(a)
		if cut {
			r.unlock()
		}
		return cut, false, err
	}
	if done, _ := r.State.Done(); done {
		r.unlock()
		return true, true, nil
	}
	if len(r.queue) == 0 {
		return false, false, fmt.Errorf("stage %v: nothing is to be done, and nothing is waited for", r.State.Stage())
	}
	if r.steps++; r.steps > maxSteps {
		return false, false, errLong
	}
	e := r.queue[0]
	if !r.Interrupt.IsZero() && !e.At.Before(r.Interrupt) {
		e = &rollout.Event{At: r.Interrupt, Err: errors.New("interrupted")}
		r.Interrupt = time.Time{}
	} else {
		r.queue = slices.Delete(r.queue, 0, 1) // keeps its capacity
	}
	r.World.Advance(e.At)
	if r.Stepped == nil {
		r.todo = r.State.Advance(*e)
		return false, false, nil
	}
	before := r.State
	r.State, r.todo = r.State.Step(*e)
	r.Stepped(before, *e, r.todo)
	return false, false, nil
}

// Acts reports whether an action is next that can be disturbed, and its kind.
func (r *Run) Acts() (kind rollout.Kind, ok bool) {
	if len(r.todo) == 0 || r.todo[0].Kind == rollout.Tell {
		return 0, false
	}
	return r.todo[0].Kind, true
}

// Fork returns an independent copy of the run and its world.
func (r *Run) Fork() *Run {
	f := *r
	f.World = r.World.fork()
	f.State = r.State.Clone()
	f.queue, f.todo = slices.Clone(r.queue), slices.Clone(r.todo)
	return &f
}

// unlock removes all locks, as the end of the operator's connections does.
func (r *Run) unlock() {
	for _, h := range r.World.Hosts {
		h.locked = false
	}
}

// Actions returns how many actions were done so far.
func (r *Run) Actions() int { return r.actions }

// do carries out an action, and queues its answer.
func (r *Run) do(a rollout.Action) (cut bool, faulty error) {
	if a.Kind == rollout.Tell {
		if r.Told != nil {
			r.Told(a, rollout.Event{})
		}
		return false, nil
	}
	r.actions++
	if r.Check != nil {
		if err := r.Check(a); err != nil {
			return false, fmt.Errorf("action %d, %v: %w", r.actions, a, err)
		}
	}
	e, took, instead := rollout.Event{Err: ErrLost}, 10*time.Millisecond, false
	if r.Break != nil {
		broken := a
		e, instead = r.Break(&broken)
		a = broken
	}
	if !instead && r.actions != r.LoseAction {
		e, took = r.Perform(a)
	}
	if r.actions == r.LoseAnswer && a.Kind != rollout.Wait {
		e = rollout.Event{Err: ErrLost}
	}
	e.ID, e.At = a.ID, r.World.Now.Add(took)
	if r.Told != nil {
		r.Told(a, e)
	}
	k := len(r.queue)
	for k > 0 && r.queue[k-1].At.After(e.At) { // first asked, first answered
		k--
	}
	r.queue = slices.Insert(r.queue, k, &e)
	return r.actions == r.CutAfter, nil
}

// refused returns the error of a host that refuses.
func refused(text string) error { return fmt.Errorf("%s%w", text, quiet{rollout.ErrRefused}) }

// quiet is an error without text.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }

// Perform carries out an action in the world. It returns the answer, and how long that
// takes.
func (r *Run) Perform(a rollout.Action) (e rollout.Event, took time.Duration) {
	w := r.World
	took = 10 * time.Millisecond
	switch a.Kind {
	case rollout.Wait:
		return e, a.For
	case rollout.ReadLease:
		if !w.Reachable() {
			return rollout.Event{Err: away()}, took
		}
		return rollout.Event{Lease: w.lease()}, took
	}
	return r.onHost(w.Host(a.Node), a), durations[a.Kind]
}

// durations are how long actions take on a host.
var durations = func() map[rollout.Kind]time.Duration {
	out := map[rollout.Kind]time.Duration{rollout.Upload: 150 * time.Millisecond, rollout.Check: 50 * time.Millisecond}
	for k := range rollout.ReadLog + 1 {
		if out[k] == 0 {
			out[k] = 10 * time.Millisecond
		}
	}
	for _, k := range []rollout.Kind{rollout.Try, rollout.Revert, rollout.Undo} {
		out[k] = 100 * time.Millisecond
	}
	return out
}()

// onHost carries out an action on a host.
func (r *Run) onHost(h *Host, a rollout.Action) (e rollout.Event) {
	w := r.World
	switch a.Kind {
	case rollout.Lock:
		h.locked = true
		e.Stamp = h.stamp()
	case rollout.Upload:
		e.Files = 1
	case rollout.Check: // what is deployed is accepted
	case rollout.Try:
		if h.Name == w.Edited {
			h.Unit = plan.Found
		}
		if r.base(h) != a.UnitSum {
			return rollout.Event{Err: refused("the unit isn't the one of the plan")}
		}
		w.Try(h, a.Generation, r.Plan.ID, r.Plan.Action, a.After)
		if h.dead && h.Unit != plan.None {
			e.Err = refused("it doesn't start")
		}
	case rollout.Examine:
		e.Health = r.health(h, a)
	case rollout.HandOver:
		e.HandedOver, e.NotHandedOver = w.handOver(h, a.Lease)
	case rollout.Prolong:
		if h.Trial == nil {
			return rollout.Event{Err: refused("there is no trial")}
		}
		h.Trial.Reverts = w.Now.Add(a.After)
	case rollout.Confirm:
		if !w.Confirm(h, a.Generation) {
			e.Err = refused("the host went back by itself")
		}
	case rollout.Revert:
		if !w.Revert(h) {
			e.Err = rollout.ErrNotStarted
		}
	case rollout.Undo:
		heard, started := w.Undo(h, a.Generation)
		switch {
		case !heard:
			e.Err = refused("there is nothing to go back to")
		case !started:
			e.Err = rollout.ErrNotStarted
		}
	case rollout.Look:
		seen := w.observe(h, r.known)
		e.Found = rollout.Found{Runs: h.Unit, UnitSum: r.base(h), Trial: h.Trial != nil, Known: h.Unit != plan.None, Unhealthy: seen.Unhealthy}
	case rollout.ReadFormerApiserver:
		e.Server = "https://apiserver"
	case rollout.MarkEnded:
		if h.State != nil {
			h.State.Ended = true
		}
	case rollout.ReadLog:
		e.Lines = []string{"a line of the log of " + h.Name}
	}
	return e
}

// base returns the checksum of a host's unit, or none.
func (r *Run) base(h *Host) string {
	if h.Unit == plan.None {
		return plan.None
	}
	return sum(r.known.of(h.Unit).Unit)
}

func away() error {
	return fmt.Errorf("the apiserver can't be reached%w", quiet{rollout.ErrApiserverAway})
}

func (w *World) lease() *rollout.Lease {
	if w.Holder == "" {
		return nil
	}
	return &rollout.Lease{Holder: fmt.Sprintf("%s_%d", w.Holder, w.term), Hostname: w.Holder, Acquired: w.led, Renewed: w.renewed, Duration: leaseTime}
}

func (r *Run) health(h *Host, a rollout.Action) rollout.Health {
	w := r.World
	out := rollout.Health{PID: h.pid, Restarts: h.restarts, Running: h.pid != 0, Dead: h.dead, Active: h.active(), Server: "https://apiserver"}
	want := h.Unit
	if a.ExpectNew && h.Trial != nil {
		want = h.Trial.Generation
	}
	if h.running != want {
		out.Mismatch = "it runs " + h.running
	}
	if !w.Works(h) {
		out.Healthz = errors.New("healthz doesn't answer")
	}
	if !w.Reachable() {
		out.Apiserver = away()
	}
	return out
}
