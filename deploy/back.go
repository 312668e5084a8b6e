package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// RolledBackError is a rollout that failed, and left every host as it was.
type RolledBackError struct {
	Nodes []string // that are back where they were
	Err   error    // what failed
}

func (e *RolledBackError) Error() string { return "rolled back: " + e.Err.Error() }

// Unwrap returns what failed.
func (e *RolledBackError) Unwrap() error { return e.Err }

// StrandedError is a host that couldn't be brought back.
type StrandedError struct {
	Err      error             // what failed
	Stranded map[string]error  // by node
	ByHand   map[string]string // the command to type on it, by node
}

func (e *StrandedError) Error() string {
	var out []string
	for node, err := range e.Stranded {
		out = append(out, fmt.Sprintf("%s couldn't be brought back: %v", node, err))
	}
	slices.Sort(out)
	return e.Err.Error() + "\n" + strings.Join(out, "\n")
}

// Unwrap returns what failed.
func (e *StrandedError) Unwrap() error { return e.Err }

// backLimit bounds the way back of one host. Whoever interrupts a rollout doesn't
// interrupt that.
const backLimit = 3 * time.Minute

// stop ends a rollout that failed with a host, or between two (nil). Until the new
// configuration has led, it may be at fault in a way that only a leader shows, so all
// hosts of the rollout go back, the newest first.
func (r *Rollout) stop(ctx context.Context, done []*machine, failed *machine, cause error) error {
	ctx = context.WithoutCancel(ctx)
	stranded := &StrandedError{Err: cause, Stranded: map[string]error{}, ByHand: map[string]string{}}
	var went []string
	for _, m := range r.machines {
		m.settled = pulse{} // none is waited for any more: who fails now goes back, too
	}
	back := func(m *machine, how func(context.Context, *machine) error) {
		if err := r.goBack(ctx, m, cause, how); err != nil {
			stranded.Stranded[m.node.Name] = err
			stranded.ByHand[m.node.Name] = byHand(m)
			return
		}
		went = append(went, m.node.Name)
	}
	if failed != nil && failed.report.Outcome != "" {
		back(failed, endTrial)
	}
	if !r.led {
		slices.Reverse(done)
		for _, m := range append(done, r.earlier(done, failed)...) {
			back(m, undo)
		}
	}
	switch {
	case len(stranded.Stranded) > 0:
		return stranded
	case len(went) > 0:
		return &RolledBackError{went, cause}
	}
	return cause
}

// earlier are hosts that an earlier run of the same rollout brought to the generation
// that now failed, before it was interrupted.
func (r *Rollout) earlier(done []*machine, failed *machine) []*machine {
	var out []*machine
	for _, m := range slices.Backward(r.machines) {
		st := m.seen.State
		if m == failed || slices.Contains(done, m) || m.want == nil || m.seen.Runs != m.want.Generation ||
			st == nil || st.Led || st.Generation != m.want.Generation {
			continue
		}
		if p := st.Previous; p != "" && p != "-" {
			out = append(out, m)
		}
	}
	return out
}

func endTrial(ctx context.Context, m *machine) error { return m.session.Back(ctx, m.unit) }
func undo(ctx context.Context, m *machine) error     { return m.session.Undo(ctx, m.unit) }

// goBack brings a host back, and sees that it is as healthy as it was.
func (r *Rollout) goBack(ctx context.Context, m *machine, cause error, how func(context.Context, *machine) error) error {
	ctx, cancel := context.WithTimeout(ctx, backLimit+r.gateTime())
	defer cancel()
	m.report.Reason = oneLine(cause.Error())
	if ge := (*GateError)(nil); errors.As(cause, &ge) {
		m.report.Log = ge.Log
	}
	r.tell(m, "back", "%v", cause)
	err := how(ctx, m)
	var ce *host.CommandError
	if err != nil && !errors.As(err, &ce) { // the connection may be what failed
		m.hangUp()
		if err = r.connect(ctx, m); err == nil {
			err = how(ctx, m)
		}
	}
	if err == nil {
		err = r.asBefore(ctx, m)
	}
	if err != nil {
		m.report.Outcome = Stranded
		r.tell(m, "stranded", "%v", err)
		return err
	}
	m.report.Outcome = RolledBack
	r.tell(m, "back", "as it was")
	return nil
}

// asBefore waits until a host is as it was before the rollout: healthy, if it was.
func (r *Rollout) asBefore(ctx context.Context, m *machine) error {
	seen, err := m.session.Look(ctx, m.unit, []string{m.unit.Start}, quickRead)
	if err != nil {
		return err
	}
	if seen.Trial != nil {
		return errors.New("its trial is still going on")
	}
	if m.unwell != "" || seen.Runs == host.None {
		return nil
	}
	set, err := newSet(seen.Runs, seen.Unit, func(p string) ([]byte, error) { return m.session.Text(ctx, p) })
	if set == nil {
		return err
	}
	// What somebody else wrote may be too much for us to read; it is asked all the same.
	return r.pass(ctx, m, set, false)
}

// byHand is what to type on a host that can't be brought back from here.
func byHand(m *machine) string {
	return fmt.Sprintf("sh %s/recover revert %s", m.unit.Home, m.unit.Home)
}

// oneLine is a text without line ends, for reports.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
