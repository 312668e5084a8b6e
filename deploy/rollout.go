package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
)

// Apply does what a plan says. The report tells what became of each host, whatever
// the error is: a [RolledBackError] where hosts are back where they were, a
// [StrandedError] where one isn't. tell hears what happens meanwhile, from several
// goroutines.
func (r *Rollout) Apply(ctx context.Context, p *Plan, tell func(Event)) (*Report, error) {
	r.hear = tell
	err := r.apply(ctx, p)
	if slices.ContainsFunc(r.machines, func(m *machine) bool { return m.report.Outcome != "" }) { // else nothing was changed
		err = r.withGone(err, r.gone(ctx))
	}
	report := r.reportOf(p, err)
	return report, err
}

func (r *Rollout) apply(ctx context.Context, p *Plan) error {
	if len(p.Steps) == 0 {
		return r.endedBefore(ctx)
	}
	if err := r.lockAll(ctx); err != nil {
		return err
	}
	if err := r.settledBeside(p); err != nil {
		return err
	}
	if err := r.recoverAll(ctx, p); err != nil {
		return err
	}
	if err := r.readyAll(ctx, p); err != nil {
		return err
	}
	todo := slices.Clone(p.Steps)
	var done []*machine
	for len(todo) > 0 {
		i, err := r.next(ctx, todo)
		if err != nil {
			return r.stop(ctx, done, nil, err)
		}
		s := todo[i]
		todo = slices.Delete(todo, i, i+1)
		if err := r.one(ctx, &s, len(todo) == 0); err != nil {
			return r.stop(ctx, done, s.m, s.m.named(err))
		}
		done = append(done, s.m)
	}
	return r.ended(ctx)
}

// recoverAll ends trials that nobody ended, one host after the other.
func (r *Rollout) recoverAll(ctx context.Context, p *Plan) error {
	for i := range p.Steps {
		if s := &p.Steps[i]; s.Recover != "" {
			if err := s.m.named(r.unfinished(ctx, s)); err != nil {
				return err
			}
		}
	}
	return nil
}

// readyAll readies all hosts at once.
func (r *Rollout) readyAll(ctx context.Context, p *Plan) error {
	return r.each(func(m *machine) error {
		for i := range p.Steps {
			if p.Steps[i].m == m {
				return r.ready(ctx, &p.Steps[i])
			}
		}
		return nil
	})
}

// next is the step to take now: who leads may have changed since the plan was made.
func (r *Rollout) next(ctx context.Context, todo []Step) (int, error) {
	lease, err := r.lease(ctx)
	began, spent := r.o.Now(), r.out.lasted(r.o.Now())
	for r.sees(unanswered(err)); err != nil && ctx.Err() == nil; r.sees(unanswered(err)) {
		// One answer that is missing is no reason to go back.
		switch now := r.o.Now(); {
		case r.out.lasted(now) > r.awayLimit():
			return 0, &AwayError{r.out.lasted(now), err}
		case now.Sub(began)-(r.out.lasted(now)-spent) > r.cluster.Deploy.Gate:
			return 0, err
		}
		time.Sleep(r.o.Poll)
		lease, err = r.lease(ctx)
	}
	if err != nil {
		return 0, err
	}
	leader := r.leader(lease)
	for i := range todo {
		todo[i].Leader = todo[i].m == leader
	}
	slices.SortStableFunc(todo, func(a, b Step) int { return a.rank() - b.rank() })
	return 0, nil
}

// one takes a host from the old generation to the new one.
func (r *Rollout) one(ctx context.Context, s *Step, last bool) error {
	m := s.m
	begun := r.o.Now()
	defer func() { m.report.Seconds = r.o.Now().Sub(begun).Seconds() }()
	if err := r.spare(ctx, s); err != nil {
		return err
	}
	base := host.None
	if f := m.seen.Files[m.unit.Start]; f.Type != host.Missing {
		base = f.SHA256
	}
	if s.Usual() {
		r.tell(m, "restart", "%s → %s", short(s.From), short(s.To))
	} else {
		r.tell(m, "restart", "%s: %s", short(s.To), s.Restart)
	}
	ctx, cancel := context.WithTimeout(ctx, r.revertTime()+r.awayLimit())
	defer cancel()
	m.report.Outcome, m.reverts = Trying, r.o.Now().Add(r.revertTime())
	t := host.Trial{Generation: s.To, Base: base, After: r.revertTime(), Rollout: r.id, By: r.by}
	if err := m.session.Trial(ctx, m.unit, t); err != nil {
		return err
	}
	if s.To != host.None {
		if err := r.pass(ctx, m, &m.want.Set, r.mustLead(m, last)); err != nil {
			return err
		}
	}
	if err := r.confirm(ctx, m, s.To); err != nil {
		return err
	}
	m.report.Outcome = Done
	if s.To == host.None {
		r.tell(m, "done", "it has no %s any more, confirmed", m.unit.Name)
	} else {
		r.tell(m, "done", "healthy with %s, confirmed", short(s.To))
	}
	return nil
}

// mustLead: with the last host, or with the first where nothing else runs, somebody has
// to lead with the new configuration.
func (r *Rollout) mustLead(m *machine, last bool) bool {
	if r.o.Leader == nil || r.led || !m.want.elects() {
		return false
	}
	for _, o := range r.machines {
		if o != m && o.settled.pid == 0 && o.unwell == "" && !last {
			return false // somebody else may lead with the old one
		}
	}
	return true
}

// spare waits until all others work, so that no more than one ever doesn't: one that is
// restarted by somebody else just now is no reason to take all back. A host that doesn't
// work itself has nothing to lose.
func (r *Rollout) spare(ctx context.Context, s *Step) error {
	if s.Unwell != "" {
		return nil
	}
	told, began, spent := "", r.o.Now(), r.out.lasted(r.o.Now())
	for {
		other, err := r.away(ctx, s.m)
		if err == nil {
			return nil
		}
		asked := r.asks(ctx, other)
		now := r.o.Now()
		r.out.see(now, now, other.session != nil && unanswered(asked))
		excused, waited := r.out.excuses(now, r.awayGrace()), now.Sub(began)-(r.out.lasted(now)-spent)
		switch {
		case r.out.lasted(now) > r.awayLimit():
			return &AwayError{r.out.lasted(now), asked}
		case !excused && (other.settled.pid != 0 && !other.pardoned || waited > r.cluster.Deploy.Gate):
			return &SpareError{Node: other.node.Name, Unit: other.unit.Name, Err: err} // the new configuration's fault, or no chance
		case told != other.node.Name:
			told = other.node.Name
			r.tell(s.m, "waits", "for %s, which doesn't work now: %v", told, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(r.o.Poll):
		}
	}
}

// away is a host beside one that is to be restarted that doesn't work now, and why.
func (r *Rollout) away(ctx context.Context, but *machine) (*machine, error) {
	for _, m := range slices.Concat(r.machines, r.beside) {
		gone := m.report.Outcome == Done && m.want.Generation == host.None // meant to
		if m == but || gone || m.unwell != "" && m.settled.pid == 0 {
			continue
		}
		if err := r.works(ctx, m); err != nil {
			return m, err
		}
	}
	return nil, nil
}

// works returns why a host doesn't.
func (r *Rollout) works(ctx context.Context, m *machine) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	p, err := r.probe(ctx, m, time.Second)
	if err == nil && m.settled.pid != 0 {
		r.steady(ctx, m, pulse{p.Process.PID(), p.Process.Restarts()}) // what isn't excused shows in the next gate
	}
	switch {
	case err != nil:
		return err
	case !p.Process.Running():
		return fmt.Errorf("%s is %s", m.unit.Name, p.Process.Active())
	case m.walled != nil:
		return nil // it can't be asked
	}
	return r.healthz(ctx, m, m.runs().at(), nil)
}

// SpareError is another host that doesn't work, so that this one can't be spared.
type SpareError struct {
	Node string
	Unit string
	Err  error
}

func (e *SpareError) Error() string {
	return fmt.Sprintf("not restarted, since %s doesn't work now: %v", e.Node, e.Err)
}

// Unwrap returns what is wrong with the other one.
func (e *SpareError) Unwrap() error { return e.Err }

// runs is what a host runs by now, as far as it is known.
func (m *machine) runs() *Set {
	if m.settled.pid != 0 && m.want != nil {
		return &m.want.Set
	}
	return m.was
}

// confirmTries is how often the host is asked over a new connection.
const confirmTries = 3

// confirm ends a trial over a connection that is made anew: who can't come in any more
// shouldn't leave a host changed.
func (r *Rollout) confirm(ctx context.Context, m *machine, generation string) error {
	var err error
	for try := range confirmTries {
		if try > 0 {
			r.tell(m, "confirm", "again, for %v", err)
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Duration(2*try) * r.o.Poll):
			}
		}
		if err = r.confirmOnce(ctx, m, generation); err == nil {
			return nil
		}
		if ce := (*host.CommandError)(nil); errors.As(err, &ce) {
			return err // heard, and refused
		}
	}
	return &UnconfirmedError{After: r.revertTime(), Err: err}
}

// UnconfirmedError is a good host that can't be told so: it goes back by itself.
type UnconfirmedError struct {
	After time.Duration
	Err   error
}

func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("it is healthy and can't be told to stay so (%v): it goes back by itself within %v, unless it heard", e.Err, e.After)
}

// Unwrap returns why.
func (e *UnconfirmedError) Unwrap() error { return e.Err }

func (r *Rollout) confirmOnce(ctx context.Context, m *machine, generation string) error {
	ctx, cancel := context.WithTimeout(ctx, sessionLimit+30*time.Second)
	defer cancel()
	conn, err := r.o.SSH.Dial(ctx, r.target(m.node))
	if err != nil {
		return err
	}
	defer conn.Close()
	s, err := r.session(ctx, conn)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.Confirm(ctx, m.unit, generation)
}

// endedBefore ends a run that was interrupted at its very end. Where somebody has the
// lock it is still going on, and ends by itself.
func (r *Rollout) endedBefore(ctx context.Context) error {
	if !slices.ContainsFunc(r.machines, r.unended) || r.lockAll(ctx) != nil {
		return nil
	}
	return r.ended(ctx)
}

// unended: a host that this very rollout changed, whose end isn't written down.
func (r *Rollout) unended(m *machine) bool {
	st := m.seen.State
	return m.settled.pid != 0 || m.report.Outcome == Done || st != nil && !st.Ended && st.Rollout == r.id
}

// ended writes down on all hosts that this run ended well, so that no later one takes
// them back with it. What is deployed is deployed, whether that can be written or not.
func (r *Rollout) ended(ctx context.Context) error {
	return r.each(func(m *machine) error {
		if !r.unended(m) {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, lookLimit)
		defer cancel()
		err := errNoSession
		if m.session != nil {
			err = m.session.Ended(ctx, m.unit)
		}
		if err != nil {
			if err = r.reconnect(ctx, m); err == nil {
				err = m.session.Ended(ctx, m.unit)
			}
		}
		if err != nil {
			r.tell(m, "note", "that this run ended couldn't be written down: %v", err)
		}
		return nil
	})
}
