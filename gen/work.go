package gen

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Event is something that a person should know of while a run goes on.
type Event interface{ event() }

// work is a number of things that are done several at once, and whose events are
// heard in the order of the things.
type work struct {
	mu     sync.Mutex
	hear   func(Event)
	step   func(done, total int)
	events [][]Event
	ended  []bool
	next   int // the first whose events weren't heard yet
	done   int
}

func newWork(n int, hear func(Event), step func(done, total int)) *work {
	return &work{hear: hear, step: step, events: make([][]Event, n), ended: make([]bool, n)}
}

// run calls do for each of the things, as many at once as there are processors. What
// each tells is heard as soon as all before it have ended. It returns every error at
// its index; once stop says so of an error, no further thing is begun.
func (w *work) run(ctx context.Context, stop func(error) bool, do func(i int, tell func(Event)) error) []error {
	errs := make([]error, len(w.events))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range w.events {
		g.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] != nil {
				return nil
			}
			errs[i] = do(i, func(e Event) { w.events[i] = append(w.events[i], e) })
			w.end(i)
			if errs[i] != nil && stop(errs[i]) {
				return errs[i]
			}
			return nil
		})
	}
	_ = g.Wait() // errs has it
	return errs
}

func (w *work) end(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[i] = true
	w.done++
	for ; w.next < len(w.events) && w.ended[w.next]; w.next++ {
		for _, e := range w.events[w.next] {
			w.hear(e)
		}
		w.events[w.next] = nil
	}
	if w.step != nil {
		w.step(w.done, len(w.events))
	}
}

// withoutCanceled joins errors but those of work that was given up for another's.
func withoutCanceled(errs []error) error {
	all := errors.Join(errs...)
	if all == nil {
		return nil
	}
	own := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return errors.Is(err, context.Canceled) })
	return cmp.Or(errors.Join(own...), error(context.Canceled))
}
