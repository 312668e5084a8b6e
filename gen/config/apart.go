package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"cuelang.org/go/cue/build"

	"github.com/kcmgen/kcmgen/gen/config/bounds"
	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/internal/child"
)

// apart collects places that children evaluate.
type apart struct {
	mu  sync.Mutex
	all []int
	why map[int]*bounds.Reason
}

func (a *apart) add(i int, why *bounds.Reason) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.why == nil {
		a.why = map[int]*bounds.Reason{}
	}
	a.all, a.why[i] = append(a.all, i), why
}

// guarded evaluates a package in this process. A panic is a finding: no trace is printed.
func (l *loader) guarded(inst *build.Instance, p place, policy *policyPackage) (o outcome) {
	defer l.watch.Begin(l.rel(p.dir))()
	defer func() {
		if recover() != nil {
			o = outcome{isCluster: true, findings: []finding.Finding{l.overLimit(p, nil, &child.EndedError{Cause: child.Failed})}}
		}
	}()
	return l.instance(inst, p, policy)
}

// maxChildren is how many children work at once: they share the memory.
const maxChildren = 4

// evaluateApart evaluates places in children. At first several share the memory. A place for
// which a share is too little has all of it then.
func (l *loader) evaluateApart(ctx context.Context, t *task) error {
	todo := t.apart.all
	slices.Sort(todo)
	if len(todo) == 0 {
		return nil
	}
	l.children.Lock()
	defer l.children.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	x := &crew{loader: l, task: t, left: l.opts.Limits.Time}
	n := min(runtime.GOMAXPROCS(0), maxChildren, len(todo))
	if err := x.work(ctx, n, todo); err != nil || len(x.again) == 0 {
		return err
	}
	slices.Sort(x.again)
	return x.work(ctx, 1, x.again)
}

// crew is the workers that have children.
type crew struct {
	*loader
	*task
	mu    sync.Mutex
	again []int         // places that need more memory
	left  time.Duration // for places that take too long
}

// work has n children evaluate places.
func (x *crew) work(ctx context.Context, n int, todo []int) error {
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
			w := &worker{
				crew: x, processors: max(1, runtime.GOMAXPROCS(0)/n),
				limits: child.Limits{Time: x.opts.Limits.Time, Memory: x.opts.Limits.Memory / int64(n)},
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
func (x *crew) groups(todo []int, n int) [][]int {
	size := min(maxGroup, (len(todo)+n-1)/n)
	var out [][]int
	sum := 0
	for _, i := range todo {
		sum += x.sizes[i]
		last := len(out) - 1
		if last < 0 || len(out[last]) >= size || sum > maxGroupBytes || x.places[out[last][0]].root != x.places[i].root {
			out, sum = append(out, nil), x.sizes[i]
			last++
		}
		out[last] = append(out[last], i)
	}
	return out
}

// worker evaluates places in a child, and starts another one if that has ended.
type worker struct {
	*crew
	limits     child.Limits
	processors int

	child  *child.Child // nil if there is none
	loaded []int
	took   time.Duration // loading, if it was one place: it counts
}

// evaluate has the child evaluate a group of places.
func (w *worker) evaluate(ctx context.Context, group []int) error {
	for n, i := range group {
		err := error(nil)
		if w.child == nil || !slices.Contains(w.loaded, i) {
			if err = w.load(ctx, group[n:]); ended(err) != nil && len(group[n:]) > 1 {
				err = w.load(ctx, group[n:n+1]) // to know which of them it is
			}
		}
		var data []byte
		if err == nil {
			data, err = w.ask(ctx, errandRequest{At: slices.Index(w.loaded, i)})
		}
		if e := ended(err); e != nil {
			w.ended(i, e)
			continue
		}
		var a answer
		if err == nil {
			err = json.Unmarshal(data, &a)
		}
		if err != nil {
			return err
		}
		w.done(w.task, i, w.outcome(w.places[i], a, w.apart.why[i]))
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
func (w *worker) load(ctx context.Context, some []int) (err error) {
	if w.child == nil {
		if w.child, err = child.Start(w.limits, w.processors, errand{w.cwd, w.opts.Version, w.opts.Overlay, w.opts.Rules != nil}); err != nil {
			return fmt.Errorf("starting an evaluation: %w", err)
		}
	}
	w.took = 0
	var r errandRequest
	for _, i := range some {
		p := w.places[i]
		r.Load = append(r.Load, errandPlace{p.dir, p.root, p.deep})
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
func (w *worker) ask(ctx context.Context, r errandRequest) ([]byte, error) {
	request, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	limit := w.limit()
	if len(r.Load) > 1 {
		limit = w.opts.Limits.Time // it may be any of them
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
func (w *worker) ended(i int, e *child.EndedError) {
	if (e.Cause == child.Memory || e.Cause == child.Stack) && w.limits.Memory < w.opts.Limits.Memory {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.again = append(w.again, i)
		return
	}
	w.done(w.task, i, outcome{isCluster: true, findings: []finding.Finding{w.overLimit(w.places[i], w.apart.why[i], e)}})
}

// limit returns the time for the next place: all places that take too long share the limit
// of one, and each has a quarter at least.
func (x *crew) limit() time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	return max(x.left, x.opts.Limits.Time/4)
}

func (x *crew) spend(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.left -= d
}

// outcome makes an outcome of a child's answer.
func (l *loader) outcome(p place, a answer, why *bounds.Reason) outcome {
	if a.Failed {
		return outcome{isCluster: true, findings: []finding.Finding{l.overLimit(p, why, &child.EndedError{Cause: child.Failed})}}
	}
	o := outcome{isCluster: a.IsCluster, skipped: a.Skipped, other: a.Other, findings: a.Findings, differs: a.Differs, keep: a.Keep}
	if a.Data != nil {
		o.cluster, _ = decode(a.Data) // the child has decoded it too, without a fault
		o.cluster.Dir, o.cluster.Source = filepath.Clean(a.Dir), a.Source
		o.cluster.TypeErrors, o.cluster.Embedded, o.cluster.Own = a.TypeErrors, a.Embedded.Unpack(), a.Own
	}
	return o
}
