// Package watch ends the wait for work in this process that takes too much time or memory.
// The work itself can't be ended: the program must end soon after.
package watch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/internal/child"
)

// Limits of the work: wall time of one task, and bytes of memory of the process.
type Limits struct {
	Time   time.Duration
	Memory int64
}

// Error is work that is over a limit.
type Error struct {
	Names  []string // of the tasks at work, sorted
	Time   time.Duration
	Memory int64 // bytes, if it is the memory; otherwise 0
}

func (e *Error) Error() string {
	names := e.Names
	if len(names) > 3 {
		names = append(slices.Clone(names[:3]), "…")
	}
	what := "reading clusters"
	if len(names) > 0 {
		what = "evaluating " + strings.Join(names, ", ")
	}
	if e.Memory > 0 {
		return fmt.Sprintf("%s needs more than %d MiB of memory", what, e.Memory>>20)
	}
	return fmt.Sprintf("%s takes more than %v", what, e.Time)
}

// Watch watches tasks. It is safe for concurrent use.
type Watch struct {
	limits Limits

	mu    sync.Mutex
	next  int
	tasks map[int]task
}

type task struct {
	name  string
	since time.Time
}

// New returns a watch over no tasks.
func New(l Limits) *Watch { return &Watch{limits: l, tasks: map[int]task{}} }

// Begin begins a task. The caller calls end at its end.
func (w *Watch) Begin(name string) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := w.next
	w.next++
	w.tasks[id] = task{name, time.Now()}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.tasks, id)
	}
}

// The first look is late enough that most runs have ended.
const (
	firstLook = 100 * time.Millisecond
	interval  = 20 * time.Millisecond
)

// Run calls do and returns its error. It returns an Error if a limit is exceeded, and the
// context's error if that is done, and leaves do at work then.
func (w *Watch) Run(ctx context.Context, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	timer := time.NewTimer(firstLook)
	defer timer.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			if err := w.look(time.Now(), child.Used()); err != nil {
				return err
			}
			timer.Reset(interval)
		}
	}
}

// look compares the tasks with the limits.
func (w *Watch) look(now time.Time, used int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all, late []string
	for _, t := range w.tasks {
		all = append(all, t.name)
		if now.Sub(t.since) > w.limits.Time {
			late = append(late, t.name)
		}
	}
	slices.Sort(all)
	slices.Sort(late)
	switch {
	case w.limits.Time > 0 && len(late) > 0:
		return &Error{Names: late, Time: w.limits.Time}
	case w.limits.Memory > 0 && used > w.limits.Memory:
		return &Error{Names: all, Memory: w.limits.Memory}
	}
	return nil
}
