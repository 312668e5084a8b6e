package main

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
)

// parallel calls do for each of n things, as many at once as there are
// processors. What each prints comes out in the order of the things, as soon as
// all before it have ended. It returns every error at its index; once stop says
// so of an error, no further thing is begun.
func parallel(ctx context.Context, n int, std stdio, m *meter, stop func(error) bool, do func(i int, std stdio) error) []error {
	errs := make([]error, n)
	talk := newTurns(std, n, m)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		g.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] != nil {
				return nil
			}
			errs[i] = do(i, talk.of(i))
			talk.end(i)
			if errs[i] != nil && stop(errs[i]) {
				return errs[i]
			}
			return nil
		})
	}
	_ = g.Wait() // errs has it
	m.end()
	return errs
}

// turns lets several speak at once and be heard one after the other.
type turns struct {
	mu    sync.Mutex
	std   stdio
	parts []turn
	next  int // the first that wasn't heard yet
	done  int
	meter *meter
}

type turn struct {
	out, err bytes.Buffer
	ended    bool
}

func newTurns(std stdio, n int, m *meter) *turns {
	return &turns{std: std, parts: make([]turn, n), meter: m}
}

func (t *turns) of(i int) stdio { return stdio{out: &t.parts[i].out, err: &t.parts[i].err} }

func (t *turns) end(i int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parts[i].ended = true
	t.done++
	for ; t.next < len(t.parts) && t.parts[t.next].ended; t.next++ {
		p := &t.parts[t.next]
		if p.out.Len()+p.err.Len() > 0 {
			t.meter.end()
		}
		_, _ = io.Copy(t.std.err, &p.err)
		_, _ = io.Copy(t.std.out, &p.out)
	}
	t.meter.step(t.done, len(t.parts))
}
