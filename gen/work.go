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

// Event is a message to the user during a run.
type Event interface{ event() }

// work runs tasks in parallel and delivers their events in the order of the tasks.
type work struct {
	mu      sync.Mutex
	deliver func(Event)
	step    func(done, total int)
	events  [][]Event
	ended   []bool
	next    int // the first task whose events weren't delivered yet
	done    int
}

func newWork(n int, deliver func(Event), step func(done, total int)) *work {
	return &work{deliver: deliver, step: step, events: make([][]Event, n), ended: make([]bool, n)}
}

// run calls do for each task, as many at once as there are processors. The events of a
// task are delivered once all tasks before it have ended. run returns each task's error
// at its index. After an error for which stop returns true, no further task begins.
func (w *work) run(ctx context.Context, stop func(error) bool, do func(i int, emit func(Event)) error) []error {
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
	_ = g.Wait() // the error is in errs
	return errs
}

func (w *work) end(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended[i] = true
	w.done++
	for ; w.next < len(w.events) && w.ended[w.next]; w.next++ {
		for _, e := range w.events[w.next] {
			w.deliver(e)
		}
		w.events[w.next] = nil
	}
	if w.step != nil {
		w.step(w.done, len(w.events))
	}
}

// withoutCanceled joins errors, without those of tasks that were cancelled because of
// another task's error.
func withoutCanceled(errs []error) error {
	all := errors.Join(errs...)
	if all == nil {
		return nil
	}
	own := slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return errors.Is(err, context.Canceled) })
	return cmp.Or(errors.Join(own...), error(context.Canceled))
}
