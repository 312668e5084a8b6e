package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/live"
)

// RolledBackError is a rollout that failed, and left every host as it was.
type RolledBackError struct {
	Action string   // what people asked for: deploy, rollback
	Nodes  []string // that are back where they were
	Err    error    // what failed
}

func (e *RolledBackError) Error() string { return "rolled back: " + e.Err.Error() }

// Unwrap returns what failed.
func (e *RolledBackError) Unwrap() error { return e.Err }

// UnseenError is a rollout that failed, and whose hosts have what they had: whether all of
// them work can't be seen while the apiserver is away.
type UnseenError struct {
	Nodes []string
	Away  error
	Err   error // what failed
}

func (e *UnseenError) Error() string {
	out := "went back: " + e.Err.Error()
	if away := (*AwayError)(nil); errors.As(e.Err, &away) { // that was said
		return out
	}
	return out + "\n" + strings.Join(e.Nodes, ", ") + ": " + e.Away.Error()
}

// Unwrap returns what failed, and the apiserver's absence.
func (e *UnseenError) Unwrap() []error { return []error{e.Err, e.Away} }

// StrandedError is a host that couldn't be brought back, or isn't there any more.
type StrandedError struct {
	Err      error             // what failed
	Stranded map[string]error  // by node
	ByHand   map[string]string // the command to type on it, by node
}

func (e *StrandedError) Error() string {
	var out []string
	for node, err := range e.Stranded {
		if gone := (*GoneError)(nil); errors.As(err, &gone) {
			out = append(out, fmt.Sprintf("%s: %v", node, err))
			continue
		}
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
// hosts of the rollout go back.
func (r *Rollout) stop(ctx context.Context, done []*machine, failed *machine, cause error) error {
	ctx = context.WithoutCancel(ctx)
	stranded := &StrandedError{Err: cause, Stranded: map[string]error{}, ByHand: map[string]string{}}
	unseen := &UnseenError{Err: cause}
	var went []string
	for _, w := range r.goBack(ctx, r.waysBack(done, failed), cause) {
		var away *AwayError
		switch {
		case errors.As(w.err, &away):
			unseen.Nodes, unseen.Away = append(unseen.Nodes, w.m.node.Name), away
			w.m.report.Outcome = RolledBack
			r.tell(w.m, "back", "it has what it had; whether it works can't be seen: %v", away)
		case w.err != nil:
			r.strand(w, cause, stranded)
		default:
			w.m.report.Outcome = RolledBack
			r.tell(w.m, "back", "as it was")
			went = append(went, w.m.node.Name)
		}
	}
	kept := slices.ContainsFunc(done, func(m *machine) bool { return m.report.Outcome == Done && m.seen.Runs != m.want.Generation })
	switch {
	case len(stranded.Stranded) > 0:
		return stranded
	case len(unseen.Nodes) > 0:
		return unseen
	case len(went) > 0 && !kept: // else the new configuration leads, and stays where it is
		return &RolledBackError{r.by, went, cause}
	}
	return cause
}

// strand notes a host that couldn't be brought back, and what to do there.
func (r *Rollout) strand(w *wayBack, cause error, stranded *StrandedError) {
	m := w.m
	m.report.Outcome = Stranded
	byHand := fmt.Sprintf("sh %s/recover %s %s", m.unit.Home, w.word, m.unit.Home)
	if w.word == "undo" {
		byHand += " " + m.report.To
	}
	var idle *host.NotStartedError
	var ill *GateError
	var unheard *UnconfirmedError
	switch {
	case errors.As(w.err, &idle) || errors.As(w.err, &ill): // it is back, and nothing is tried again
		w.err = fmt.Errorf("it has what it had, and %w", w.err)
		byHand = "systemctl status " + m.unit.Name
	case w.word == "revert" && !errors.As(cause, &unheard): // else that was said
		w.err = fmt.Errorf("%w; within %v it goes back by itself, if it can", w.err, r.revertTime())
	}
	r.tell(m, "stranded", "%v", w.err)
	stranded.Stranded[m.node.Name] = w.err
	stranded.ByHand[m.node.Name] = byHand
}

// wayBack is that of one host.
type wayBack struct {
	m    *machine
	how  func(context.Context, *machine) error
	word string // the host's own for it
	to   string // the generation that it leads to
	// until is how long the apiserver is waited for.
	until time.Time
	err   error
}

// waysBack are those of a rollout that failed, the newest first.
func (r *Rollout) waysBack(done []*machine, failed *machine) []*wayBack {
	var out []*wayBack
	if failed != nil && failed.report.Outcome != "" {
		out = append(out, &wayBack{m: failed, how: endTrial, word: "revert", to: failed.seen.Runs})
	}
	if r.led {
		return out
	}
	var changed []*machine
	for _, m := range slices.Backward(done) {
		if m.seen.Runs != m.want.Generation { // else it was restarted as it is
			changed = append(changed, m)
			out = append(out, &wayBack{m: m, how: undo, word: "undo", to: m.seen.Runs})
		}
	}
	for _, m := range r.earlier(changed, failed) {
		out = append(out, &wayBack{m: m, how: undo, word: "undo", to: m.seen.State.Previous})
	}
	return out
}

// goBack takes hosts back one after the other, and lets all soak together: the time in
// which a leader's fault can strike is short then.
func (r *Rollout) goBack(ctx context.Context, ways []*wayBack, cause error) []*wayBack {
	began, longest := r.o.Now(), restartTime
	until := began.Add(r.leadTime())
	patience := began.Add(r.awayLimit())
	if away := (*AwayError)(nil); errors.As(cause, &away) {
		patience = began // it has been waited for
	}
	l := &lull{releases: r.releases(), poll: r.o.Poll}
	for todo := slices.Clone(ways); len(todo) > 0; {
		i := r.nextBack(ctx, l, todo, longest, until)
		w := todo[i]
		todo = slices.Delete(todo, i, i+1)
		began := r.o.Now()
		w.until = patience
		if w.err = r.hostBack(ctx, w, cause); w.err == nil {
			w.m.back = w.to
		}
		longest = max(longest, r.o.Now().Sub(began))
	}
	var all sync.WaitGroup
	for _, w := range ways {
		if w.err == nil {
			all.Go(func() { w.err = r.asBefore(ctx, w, r.cluster.Deploy.Soak) })
		}
	}
	all.Wait()
	return ways
}

// restartTime is how long a host is taken not to work while it goes back.
const restartTime = 3 * time.Second

// nextBack is the way to go next. A host that doesn't work is first, since nothing is
// lost with it. Before one that works is restarted, it waits until no other one can
// become the leader meanwhile, and end by that; but not for ever.
func (r *Rollout) nextBack(ctx context.Context, l *lull, todo []*wayBack, longest time.Duration, until time.Time) int {
	for {
		if i := slices.IndexFunc(todo, func(w *wayBack) bool { return r.ails(ctx, w.m) }); i >= 0 {
			return i
		}
		if i := slices.IndexFunc(todo, r.soonBack); i >= 0 {
			return i
		}
		is, err := r.lease(ctx)
		if err != nil || r.o.Leader == nil || !r.elects() || len(todo) == 1 || r.o.Now().After(until) {
			return 0 // it can't be told, or nobody else is left
		}
		if i, ok := r.quiet(l, todo, is, longest); ok {
			return i
		}
		time.Sleep(r.o.Poll)
	}
}

// soonBack: a host whose own timer would restart it while another one is.
func (r *Rollout) soonBack(w *wayBack) bool {
	left := w.m.reverts.Sub(r.o.Now())
	return w.word == "revert" && left < r.cluster.Deploy.Gate+15*time.Second
}

// quiet returns which of some hosts can be restarted while none of the others becomes
// the leader.
func (r *Rollout) quiet(l *lull, todo []*wayBack, is *live.Lease, longest time.Duration) (int, bool) {
	now, age, leads := r.o.Now(), time.Duration(0), -1
	if is != nil {
		age = now.Sub(is.Renewed)
		all := slices.Concat(r.machines, r.beside)
		m := holder(all, is)
		if m != nil {
			age += time.Duration(m.report.Skew * float64(time.Second))
		}
		leads = slices.IndexFunc(todo, func(w *wayBack) bool { return w.m == m })
	}
	return l.next(now, is, age, leads, longest)
}

// ails reports whether a host that can be asked doesn't work.
func (r *Rollout) ails(ctx context.Context, m *machine) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if m.session == nil {
		return false
	}
	p, err := m.session.Probe(ctx, m.unit, "", time.Second)
	return err == nil && (!p.Process.Running() || r.healthz(ctx, m, m.want.healthz(), nil) != nil)
}

// earlier are hosts that an earlier run of the same rollout brought to the generation
// that now failed, before it was interrupted.
func (r *Rollout) earlier(done []*machine, failed *machine) []*machine {
	var out []*machine
	for _, m := range slices.Backward(r.machines) {
		st := m.seen.State
		if m == failed || slices.Contains(done, m) || m.want == nil || m.seen.Runs != m.want.Generation ||
			st == nil || st.Ended || st.Rollout != r.id || st.Generation != m.want.Generation {
			continue
		}
		if p := st.Previous; p != "" && p != "-" {
			out = append(out, m)
		}
	}
	return out
}

func endTrial(ctx context.Context, m *machine) error { return m.session.Back(ctx, m.unit) }
func undo(ctx context.Context, m *machine) error {
	return m.session.Undo(ctx, m.unit, m.report.To)
}

// hostBack brings a host back, and sees it healthy if it was.
func (r *Rollout) hostBack(ctx context.Context, w *wayBack, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, backLimit+r.cluster.Deploy.Gate+r.awayLimit())
	defer cancel()
	m := w.m
	m.report.Reason = oneLine(cause.Error())
	if ge := (*GateError)(nil); errors.As(cause, &ge) && m.own(cause) != cause { // else another host's log
		m.report.Log = ge.Log
	}
	r.tell(m, "back", "%v", m.own(cause))
	err := errNoSession
	if m.session != nil {
		err = w.how(ctx, m)
	}
	var ce *host.CommandError
	var idle *host.NotStartedError
	if err != nil && !errors.As(err, &ce) && !errors.As(err, &idle) { // the connection may be what failed
		if err = r.reconnect(ctx, m); err == nil {
			err = w.how(ctx, m)
		}
	}
	switch {
	case errors.As(err, &idle) && m.unwell == "":
		return err
	case err != nil && !errors.As(err, &idle):
		return err
	}
	return r.asBefore(ctx, w, 0)
}

var errNoSession = errors.New("the connection is gone")

// asBefore waits until a host is as it was before the rollout: healthy, if it was, and
// for a while.
func (r *Rollout) asBefore(ctx context.Context, w *wayBack, soak time.Duration) error {
	m := w.m
	seen, err := r.lookAgain(ctx, m)
	if err != nil {
		return err
	}
	if seen.Trial != nil {
		return errors.New("its trial is still going on")
	}
	if seen.Runs == m.report.To && seen.Runs != w.to {
		// It had been confirmed, and the answer was lost.
		if err := undo(ctx, m); err != nil {
			return err
		}
		if seen, err = r.lookAgain(ctx, m); err != nil {
			return err
		}
	}
	if seen.Runs != w.to && (!host.IsFound(seen.Runs) || !host.IsFound(w.to)) {
		return fmt.Errorf("it runs %s, and had %s", short(seen.Runs), short(w.to))
	}
	if m.unwell != "" || seen.Runs == host.None && !seen.Process.Known() {
		return nil
	}
	// What somebody else wrote may be too much for us to read; it is asked all the same.
	generation, unit := m.started(ctx, seen)
	set := &r.wantOn(ctx, m, generation, unit).Set
	return r.await(ctx, &gate{r: r, m: m, set: set, soak: soak, back: true, until: w.until})
}

// lookAgain looks at what a host runs, over a new connection if the old one broke.
func (r *Rollout) lookAgain(ctx context.Context, m *machine) (*host.Seen, error) {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	look := func() (*host.Seen, error) {
		return m.session.Look(ctx, m.unit, []string{m.unit.Start}, quickRead)
	}
	if m.session != nil {
		seen, err := look()
		if ce := (*host.CommandError)(nil); err == nil || errors.As(err, &ce) {
			return seen, err
		}
	}
	if err := r.reconnect(ctx, m); err != nil {
		return nil, err
	}
	return look()
}

// own is an error of a host without its name, for where that is said already.
func (m *machine) own(err error) error {
	if he := (*HostError)(nil); errors.As(err, &he) && he.Node == m.node.Name {
		return he.Err
	}
	return err
}

// oneLine is a text without line ends, for reports.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
