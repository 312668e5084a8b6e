package deploy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kcmgen/kcmgen/deploy/deploytest"
	"github.com/kcmgen/kcmgen/deploy/rollout"
)

// simulated is an executor for the hosts of a simulated world, in synctest's time.
type simulated struct {
	*executor
	mu  sync.Mutex
	run *deploytest.Run
	had map[string]string
}

func simulate(t *testing.T, w *deploytest.World) *simulated {
	t.Helper()
	s := &simulated{run: &deploytest.Run{World: w}, had: w.Generations()}
	if err := s.run.Begin("deploy", "new"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	now := func() time.Time { return deploytest.Start.Add(time.Since(begun)) }
	s.executor = &executor{state: s.run.State, now: now, events: make(chan rollout.Event)}
	s.do = func(ctx context.Context, a rollout.Action) rollout.Event {
		s.mu.Lock()
		w.Advance(now())
		e, took := s.run.Perform(a)
		s.mu.Unlock()
		wait(ctx, took)
		if ctx.Err() != nil {
			return rollout.Event{Err: ctx.Err()}
		}
		return e
	}
	return s
}

// end checks how the rollout ended.
func (s *simulated) end() error {
	s.run.State = s.state
	return s.run.Ended(s.had)
}

// TestExecutor: each action runs in its own goroutine, and one goroutine owns the state.
// For -race.
func TestExecutor(t *testing.T) {
	for name, c := range map[string]struct {
		config deploytest.Config
		says   string
	}{
		"works":         {deploytest.Config{}, ""},
		"ends":          {deploytest.Config{Start: "ends"}, "rolled back: cp-2: it ended 2 times by itself"},
		"can't lead":    {deploytest.Config{Lead: "ends"}, "rolled back: cp-1: it was healthy, and ended by itself"},
		"isn't healthy": {deploytest.Config{Start: "unhealthy"}, "rolled back: cp-2: it isn't healthy after 5s: healthz doesn't answer"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := deploytest.NewWorld(3, "old")
				w.Configs["new"] = c.config
				s := simulate(t, w)
				said := 0
				s.tell = func(Event) { said++ }
				err := s.executor.run(t.Context())
				if (err != nil) != (c.says != "") || err != nil && err.Error() != c.says || said < 6 {
					t.Errorf("%v, expected %q; said %d things", err, c.says, said)
				}
				if err := s.end(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestInterrupted: whenever the operator interrupts, all hosts keep what they had, or the
// new generation if it has led.
func TestInterrupted(t *testing.T) {
	for ms := 5; ms < 9000; ms += 155 {
		synctest.Test(t, func(t *testing.T) {
			s := simulate(t, deploytest.NewWorld(3, "old"))
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := errors.New("interrupted")
			time.AfterFunc(time.Duration(ms)*time.Millisecond, func() { cancel(stopped) })
			err := s.executor.run(ctx)
			var back *rollout.RolledBackError
			if err != nil && !errors.Is(err, stopped) {
				t.Errorf("after %d ms: %v", ms, err)
			}
			if errors.As(err, &back) && fmt.Sprint(s.run.World.Generations()) != fmt.Sprint(s.had) {
				t.Errorf("after %d ms: %v, and the hosts have %v", ms, err, s.run.World.Generations())
			}
			if err := s.end(); err != nil {
				t.Errorf("after %d ms: %v", ms, err)
			}
		})
	}
}
