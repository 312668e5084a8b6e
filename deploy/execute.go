package deploy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/live"
)

// limits bound each action. They include slow programs on the host: sudo may ask a
// directory service, and systemd may be busy.
var limits = map[rollout.Kind]time.Duration{
	rollout.ReadLease: time.Minute,
	rollout.Lock:      lookLimit,
	// For a program of 70 MB over a slow line.
	rollout.Upload: 5 * time.Minute,
	rollout.Check:  lookLimit,
	rollout.Try:    3 * time.Minute,
	// While the apiserver is away, each question takes ten seconds.
	rollout.Examine:             time.Minute,
	rollout.HandOver:            lookLimit,
	rollout.Prolong:             lookLimit,
	rollout.Confirm:             sessionLimit + 30*time.Second,
	rollout.Revert:              3 * time.Minute,
	rollout.Undo:                3 * time.Minute,
	rollout.Look:                lookLimit,
	rollout.ReadFormerApiserver: lookLimit,
	rollout.MarkEnded:           lookLimit,
	rollout.ReadLog:             15 * time.Second,
}

// Apply carries out a plan. tell, which may be nil, is called with progress. The report
// holds the outcome of each host, with any error: a [rollout.RolledBackError] if the hosts
// went back, a [rollout.StrandedError] if one couldn't.
func (h *Hosts) Apply(ctx context.Context, p *plan.Plan, tell func(Event)) (*Report, error) {
	e := &executor{
		state: rollout.New(p, h.options.Poll), now: h.options.Now, tell: tell, events: make(chan rollout.Event),
		do: func(ctx context.Context, a rollout.Action) rollout.Event { return h.do(ctx, p, a) },
	}
	err := e.run(ctx)
	if stranded := (*rollout.StrandedError)(nil); errors.As(err, &stranded) {
		h.addCommands(stranded)
	}
	return h.report(p, e.state, err), err
}

// executor carries out a rollout. One goroutine owns the state; each action runs in its
// own.
type executor struct {
	state  rollout.State
	now    func() time.Time
	do     func(context.Context, rollout.Action) rollout.Event // all kinds but Tell and Wait
	tell   func(Event)                                         // may be nil
	events chan rollout.Event
	all    sync.WaitGroup
}

func (e *executor) run(ctx context.Context) error {
	insist, stop := context.WithCancel(context.WithoutCancel(ctx))
	forward, cancel := context.WithCancelCause(ctx)
	defer e.drain()
	defer stop()
	defer cancel(nil)
	event := rollout.Event{At: e.now()}
	interrupted := ctx.Done()
	for {
		todo := e.state.Advance(event)
		if done, err := e.state.Done(); done {
			e.start(nil, todo) // only Tell actions are left
			return err
		}
		e.start(func(a rollout.Action) context.Context {
			if a.Uninterruptible {
				return insist
			}
			return forward
		}, todo)
		event = e.next(ctx, &interrupted)
	}
}

// next returns the next event. An interruption comes before the answers that it causes.
func (e *executor) next(ctx context.Context, interrupted *<-chan struct{}) rollout.Event {
	select {
	case event := <-e.events:
		if *interrupted == nil || ctx.Err() == nil {
			return event
		}
	case <-*interrupted:
	}
	*interrupted = nil
	return rollout.Event{At: e.now(), Err: context.Cause(ctx)}
}

// drain waits for open actions and drops their answers.
func (e *executor) drain() {
	go func() {
		for range e.events { //nolint:revive // the events are dropped
		}
	}()
	e.all.Wait()
	close(e.events)
}

// start begins actions, each in the context that in returns.
func (e *executor) start(in func(rollout.Action) context.Context, todo []rollout.Action) {
	for _, a := range todo {
		if a.Kind == rollout.Tell {
			if e.tell != nil {
				e.tell(Event{Node: a.Node, Step: a.Step, Text: a.Text})
			}
			continue
		}
		ctx := in(a)
		e.all.Go(func() {
			event := e.perform(ctx, a)
			event.ID, event.At = a.ID, e.now()
			e.events <- event
		})
	}
}

// perform carries out one action within its limit.
func (e *executor) perform(ctx context.Context, a rollout.Action) rollout.Event {
	if a.Kind == rollout.Wait {
		wait(ctx, a.For)
		return rollout.Event{}
	}
	ctx, cancel := context.WithTimeout(ctx, limits[a.Kind])
	defer cancel()
	asked := e.now()
	event := e.do(ctx, a)
	event.Took = e.now().Sub(asked)
	event.Err = classify(event.Err)
	return event
}

// do carries out an action at the apiserver or on a host.
func (h *Hosts) do(ctx context.Context, p *plan.Plan, a rollout.Action) rollout.Event {
	if a.Kind == rollout.ReadLease {
		return h.readLease(ctx)
	}
	all := h.all()
	m := all[slices.IndexFunc(all, func(m *machine) bool { return m.node.Name == a.Node })]
	return m.perform(ctx, a, p, h.lease)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func (h *Hosts) readLease(ctx context.Context) rollout.Event {
	l, err := h.lease(ctx)
	if l == nil || err != nil {
		return rollout.Event{Err: err}
	}
	return rollout.Event{Lease: &rollout.Lease{Holder: l.Holder, Hostname: l.Hostname, Acquired: l.Acquired, Renewed: l.Renewed, Duration: l.Duration}}
}

// classifiedError is an error with its kinds for deploy/rollout.
type classifiedError struct {
	error
	is []error
}

func (o classifiedError) Unwrap() []error { return append([]error{o.error}, o.is...) }

// classify adds to an error the kinds that deploy/rollout knows.
func classify(err error) error {
	var refused *host.CommandError
	var notStarted *host.NotStartedError
	var locked *host.LockedError
	var unfit *RefusedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &notStarted):
		return classifiedError{err, []error{rollout.ErrNotStarted}}
	case errors.As(err, &refused), errors.As(err, &locked), errors.As(err, &unfit):
		return classifiedError{err, []error{rollout.ErrRefused}}
	case errors.Is(err, live.ErrTimeout):
		return classifiedError{err, []error{rollout.ErrApiserverAway, rollout.ErrTimedOut}}
	case errors.Is(err, live.ErrUnreachable), errors.Is(err, live.ErrUnavailable):
		return classifiedError{err, []error{rollout.ErrApiserverAway}}
	}
	return err
}

// addCommands adds the commands to type on hosts that couldn't be brought back.
func (h *Hosts) addCommands(stranded *rollout.StrandedError) {
	stranded.ByHand = map[string]string{}
	for node, left := range stranded.Left {
		u := h.unitOf(node)
		commands := CommandsFor(u.Name)
		command := map[rollout.Left]string{
			rollout.LeftOnTrial:   "sh " + u.GenerationsDir + "/recover revert " + u.GenerationsDir,
			rollout.LeftChanged:   "sh " + u.GenerationsDir + "/recover undo " + u.GenerationsDir + " " + h.desiredGeneration(node),
			rollout.LeftUnhealthy: commands.Status,
			rollout.LeftStopped:   commands.Start,
		}[left]
		stranded.ByHand[node] = command
	}
}

// unitOf returns what a node starts.
func (h *Hosts) unitOf(node string) plan.Unit {
	for _, m := range h.all() {
		if m.node.Name == node {
			return m.host.Unit
		}
	}
	return plan.UnitOf(h.cluster)
}

func (h *Hosts) desiredGeneration(node string) string {
	for _, m := range h.named {
		if m.node.Name == node && m.host.Desired != nil {
			return m.host.Desired.Generation
		}
	}
	return ""
}

// NeedsNewPlan reports whether a new plan may succeed after a rollout failed without changing
// anything.
func NeedsNewPlan(err error) bool { return errors.Is(err, rollout.ErrChanged) }
