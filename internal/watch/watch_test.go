package watch

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestLook: a task that takes too long is named, and of too much memory all tasks are.
func TestLook(t *testing.T) {
	w := New(Limits{Time: time.Second, Memory: 100})
	defer w.Begin("slow")()
	later := time.Now().Add(2 * time.Second)
	end := w.Begin("gone")
	end()
	w.tasks[9] = task{"new", later}
	for _, c := range []struct {
		now  time.Time
		used int64
		want string
	}{
		{time.Now(), 100, ""},
		{later, 100, "evaluating slow takes more than 1s"},
		{time.Now(), 101, "evaluating new, slow needs more than 0 MiB of memory"},
	} {
		got := ""
		if err := w.look(c.now, c.used); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}

// TestRun: it returns the work's error, and doesn't wait for work over a limit or after an
// interrupt.
func TestRun(t *testing.T) {
	w := New(Limits{Time: 50 * time.Millisecond})
	own := errors.New("own")
	if err := w.Run(t.Context(), func() error { return own }); err != own {
		t.Error(err)
	}
	stuck := make(chan struct{})
	defer close(stuck)
	wait := func() error {
		defer w.Begin("stuck")()
		<-stuck
		return nil
	}
	var over *Error
	if err := w.Run(t.Context(), wait); !errors.As(err, &over) || over.Names[0] != "stuck" {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := New(Limits{}).Run(ctx, wait); err != context.Canceled {
		t.Error(err)
	}
}
