// Package apart has places evaluated by children of this program, which have limits of time
// and memory: which child loads which places, how long it may take, and what happens with a
// place whose child has ended. What a place is, and how a child evaluates it, is the
// caller's.
package apart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/internal/child"
)

// Request has a child load places or, without any, evaluate one of those that it loaded.
type Request[P any] struct {
	Load []P `json:"load,omitempty"`
	At   int `json:"at"`
}

// Work is to be done for places, each known by its number. Its functions are called at the
// same time for different places.
type Work[P any] struct {
	Limits  child.Limits       // of one place
	Payload any                // what a child needs for all places
	Place   func(i int) P      // what a child loads
	Size    func(i int) int    // of a place, in bytes
	Kind    func(i int) string // only places of one kind are loaded together
	// Done takes a child's answer.
	Done func(i int, answer []byte) error
	// Ended takes a place whose child ended without an answer.
	Ended func(i int, e *child.EndedError)
}

// maxChildren is how many children work at once: they share the memory.
const maxChildren = 4

// Run has children evaluate places. At first several share the memory. A place for which a
// share is too little has all of it then.
func (w *Work[P]) Run(ctx context.Context, places []int) error {
	if len(places) == 0 {
		return nil
	}
	todo := slices.Sorted(slices.Values(places))
	x := &crew[P]{Work: w, left: w.Limits.Time}
	n := min(runtime.GOMAXPROCS(0), maxChildren, len(todo))
	if err := x.work(ctx, n, todo); err != nil || len(x.again) == 0 {
		return err
	}
	slices.Sort(x.again)
	return x.work(ctx, 1, x.again)
}

// crew is the workers that have children.
type crew[P any] struct {
	*Work[P]
	mu    sync.Mutex
	again []int         // places that need more memory
	left  time.Duration // for places that take too long
}

// work has n children evaluate places.
func (x *crew[P]) work(ctx context.Context, n int, todo []int) error {
	groups := x.groups(todo, n)
	queue := make(chan []int, len(groups))
	for _, g := range groups {
		queue <- g
	}
	close(queue)
	errs := make([]error, n)
	var wait sync.WaitGroup
	for k := range n {
		wait.Go(func() {
			w := &worker[P]{
				crew: x, processors: max(1, runtime.GOMAXPROCS(0)/n),
				limits: child.Limits{Time: x.Limits.Time, Memory: x.Limits.Memory / int64(n)},
			}
			for g := range queue {
				if errs[k] = w.evaluate(ctx, g); errs[k] != nil {
					break
				}
			}
			if w.child != nil {
				w.child.Close()
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// Limits of what a child loads at once.
const (
	maxGroup      = 16
	maxGroupBytes = 512 << 10
)

// groups splits places for n workers into groups that are loaded together: they share the
// syntax of the vocabulary, which takes longer than that of a small cluster. A large place
// is alone.
func (x *crew[P]) groups(todo []int, n int) [][]int {
	size := min(maxGroup, (len(todo)+n-1)/n)
	var out [][]int
	sum := 0
	for _, i := range todo {
		sum += x.Size(i)
		last := len(out) - 1
		if last < 0 || len(out[last]) >= size || sum > maxGroupBytes || x.Kind(out[last][0]) != x.Kind(i) {
			out, sum = append(out, nil), x.Size(i)
			last++
		}
		out[last] = append(out[last], i)
	}
	return out
}

// worker evaluates places in a child, and starts another one if that has ended.
type worker[P any] struct {
	*crew[P]
	limits     child.Limits
	processors int

	child  *child.Child // nil if there is none
	loaded []int
	took   time.Duration // loading, if it was one place: it counts
}

// evaluate has the child evaluate a group of places.
func (w *worker[P]) evaluate(ctx context.Context, group []int) error {
	for n, i := range group {
		err := error(nil)
		if w.child == nil || !slices.Contains(w.loaded, i) {
			if err = w.load(ctx, group[n:]); ended(err) != nil && len(group[n:]) > 1 {
				err = w.load(ctx, group[n:n+1]) // to know which of them it is
			}
		}
		var data []byte
		if err == nil {
			data, err = w.ask(ctx, Request[P]{At: slices.Index(w.loaded, i)})
		}
		if e := ended(err); e != nil {
			w.ended(i, e)
			continue
		}
		if err == nil {
			err = w.Done(i, data)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func ended(err error) *child.EndedError {
	var e *child.EndedError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// load has the child load places. It starts a child if there is none.
func (w *worker[P]) load(ctx context.Context, some []int) (err error) {
	if w.child == nil {
		if w.child, err = child.Start(w.limits, w.processors, w.Payload); err != nil {
			return fmt.Errorf("starting an evaluation: %w", err)
		}
	}
	w.took = 0
	var r Request[P]
	for _, i := range some {
		r.Load = append(r.Load, w.Place(i))
	}
	begin := time.Now()
	_, err = w.ask(ctx, r)
	w.loaded = some
	if len(some) == 1 {
		w.took = time.Since(begin)
	}
	return err
}

// ask sends a request. After an error the child has ended.
func (w *worker[P]) ask(ctx context.Context, r Request[P]) ([]byte, error) {
	request, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	limit := w.limit()
	if len(r.Load) > 1 {
		limit = w.Limits.Time // it may be any of them
	}
	data, err := w.child.Ask(ctx, max(limit-w.took, limit/8), request)
	if err != nil {
		w.child = nil
	}
	if e := ended(err); e != nil && e.Cause == child.Time {
		e.Limits.Time = limit
		w.spend(limit)
	}
	return data, err
}

// ended takes a place whose child has ended: it is tried again with all of the memory if it
// had a share.
func (w *worker[P]) ended(i int, e *child.EndedError) {
	if (e.Cause == child.Memory || e.Cause == child.Stack) && w.limits.Memory < w.Limits.Memory {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.again = append(w.again, i)
		return
	}
	w.Ended(i, e)
}

// limit returns the time for the next place: all places that take too long share the limit
// of one, and each has a quarter at least.
func (x *crew[P]) limit() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return max(x.left, x.Limits.Time/4)
}

func (x *crew[P]) spend(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.left -= d
}
