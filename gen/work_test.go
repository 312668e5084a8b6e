package gen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
)

type said string

func (said) event() {}

// TestWorkOrder: what things tell is heard in their order, whichever ends first, and
// progress goes up to the end.
func TestWorkOrder(t *testing.T) {
	const n = 50
	var heard []string
	last := 0
	w := newWork(n, func(e Event) { heard = append(heard, string(e.(said))) }, func(done, total int) {
		if done != last+1 || total != n {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	})
	errs := w.run(t.Context(), func(error) bool { return false }, func(i int, tell func(Event)) error {
		tell(said(fmt.Sprintf("%02d a", i)))
		tell(said(fmt.Sprintf("%02d b", i)))
		if i%7 == 3 {
			return fmt.Errorf("%d", i)
		}
		return nil
	})
	if len(heard) != 2*n || !slices.IsSorted(heard) || last != n {
		t.Errorf("heard %q, and %d steps", heard, last)
	}
	for i, err := range errs {
		if (err != nil) != (i%7 == 3) || err != nil && err.Error() != fmt.Sprint(i) {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// TestWorkStops: after an error that counts nothing more is begun, what was given up
// for it is no error of its own, and a cancelled run is one.
func TestWorkStops(t *testing.T) {
	broken := errors.New("broken")
	begun := make([]bool, 1000)
	errs := newWork(len(begun), nil, nil).run(t.Context(), func(err error) bool { return true }, func(i int, _ func(Event)) error {
		begun[i] = true
		if i == 5 {
			return broken
		}
		return nil
	})
	if all := withoutCanceled(errs); !errors.Is(all, broken) || errors.Is(all, context.Canceled) {
		t.Errorf("%v", all)
	}
	if begun[len(begun)-1] {
		t.Error("all were begun")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs = newWork(3, nil, nil).run(ctx, func(error) bool { return true }, func(int, func(Event)) error { return nil })
	if all := withoutCanceled(errs); !errors.Is(all, context.Canceled) {
		t.Errorf("cancelled: %v", all)
	}
	if withoutCanceled(make([]error, 3)) != nil {
		t.Error("no error is one")
	}
}
