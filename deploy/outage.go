package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/live"
)

// AwayError is an apiserver that stayed away for longer than a rollout waits for it.
type AwayError struct {
	For time.Duration
	Err error // what came of asking
}

func (e *AwayError) Error() string {
	return fmt.Sprintf("the apiserver has been away for %v, and nothing is known to be wrong with the host: %v", e.For.Round(time.Second), e.Err)
}

// Unwrap returns what came of asking.
func (e *AwayError) Unwrap() error { return e.Err }

// outage is when the apiserver was away. A program that ends meanwhile, or soon after,
// ends by that: a leader that can't renew, one that starts and can't read what it needs.
type outage struct {
	begun time.Time     // of the one that goes on; zero: none does
	over  time.Time     // when the last one ended; zero: there was none
	total time.Duration // of those that are over
}

// hung is how long a question hangs, and is answered in the end, where the apiserver was
// away meanwhile: programs give theirs up earlier, and complain of it in their logs.
const hung = 3 * time.Second

// see takes note of whether the apiserver is away now, as somebody learnt who asked at the
// time asked. It reports whether an outage has ended.
func (o *outage) see(asked, now time.Time, away bool) (ended bool) {
	if !away && o.begun.IsZero() && now.Sub(asked) >= hung {
		o.begun = asked
	}
	switch {
	case away && o.begun.IsZero():
		o.begun = asked
	case !away && !o.begun.IsZero():
		o.total += now.Sub(o.begun)
		o.begun, o.over = time.Time{}, now
		return true
	}
	return false
}

// lasted is how long it has been away in all.
func (o *outage) lasted(now time.Time) time.Duration {
	if o.begun.IsZero() {
		return o.total
	}
	return o.total + now.Sub(o.begun)
}

// excuses reports whether what ends now ends by it. after is how long that may take.
func (o *outage) excuses(now time.Time, after time.Duration) bool {
	return !o.begun.IsZero() || !o.over.IsZero() && now.Sub(o.over) <= after
}

// unanswered reports whether an apiserver didn't say anything of its own: neither yes
// nor no.
func unanswered(err error) bool {
	return errors.Is(err, live.ErrUnreachable) || errors.Is(err, live.ErrTimeout) || errors.Is(err, live.ErrUnavailable)
}

// awayLimit is how long a rollout waits for the apiserver, in all.
func (r *Rollout) awayLimit() time.Duration { return r.cluster.Deploy.Gate + time.Minute }

// awayGrace is how long after an outage programs may still end by it: a lease is lost, a
// request times out.
func (r *Rollout) awayGrace() time.Duration { return r.leaseTime() + 5*time.Second }

// follow takes note of whether the apiserver is away from the gate's host, which asked at
// the time since and got an answer or none, and keeps the host from going back by itself meanwhile. At an address
// that has answered before it is away. Else the new configuration may name a wrong one,
// unless this machine gets no answer either.
func (g *gate) follow(ctx context.Context, asked error, since time.Time) error {
	away := unanswered(asked) && (g.proven(ctx) || unanswered(g.operator(ctx)))
	g.answered = g.answered || g.api != nil && !unanswered(asked)
	now := g.r.o.Now()
	if away && g.out.begun.IsZero() {
		g.r.tell(g.m, "waits", "for the apiserver, which is away: %v", asked)
	}
	if away {
		g.absent = asked
	}
	ended := g.out.see(since, now, away)
	if ended {
		g.r.tell(g.m, "waits", "no more: the apiserver is back, and was away for %v", g.out.lasted(now).Round(time.Second))
	}
	if ended || away && due(now, g.m.reverts, g.r.revertTime()) {
		return g.prolong(ctx, now)
	}
	return nil
}

// hang takes note of a question of this machine's that hung: while it waited, nobody looked
// whether the host has answers, and by now it may have them again.
func (g *gate) hang(asked, now time.Time) {
	if g.out.begun.IsZero() && g.out.see(asked, now, false) {
		g.r.tell(g.m, "waits", "no more: the apiserver is back, and hung for %v", now.Sub(asked).Round(time.Second))
	}
}

// proven reports whether the address where the host asks is one that has answered it, or
// another host: then it is no fault of the new configuration that nobody is there.
func (g *gate) proven(ctx context.Context) bool {
	if g.api == nil || g.answered || g.back {
		return g.api != nil
	}
	for _, m := range g.r.machines {
		if m.server == g.api.Server() {
			return true
		}
	}
	if g.before == nil {
		before := g.r.serverBefore(ctx, g.m)
		g.before = &before
	}
	return *g.before == g.api.Server()
}

// operator is what this machine gets from the apiserver.
func (g *gate) operator(ctx context.Context) error {
	_, err := g.r.lease(ctx)
	return err
}

// asks is what a host gets from the apiserver, with what it runs by now.
func (r *Rollout) asks(ctx context.Context, m *machine) error {
	set := m.runs()
	if set == nil || set.kubeconfig.Empty() || m.session == nil {
		_, err := r.lease(ctx)
		return err
	}
	api, err := live.Foreign(set.kubeconfig.Reveal(), m.dial)
	if err != nil {
		return err
	}
	defer api.Close()
	return (&gate{api: api, set: set}).reads(ctx)
}

// regard is what to think of a host that passed earlier, by its process: what it is held
// to from now on, whether its end is excused still, and whether it is as it should be.
// excused reports whether what ends now ends by an outage.
func regard(settled, is pulse, pardoned bool, excused func() bool) (pulse, bool, bool) {
	switch {
	case is == settled:
		return settled, pardoned, true
	case !pardoned && !excused():
		return settled, false, false
	case is.pid == 0: // it is to be started again
		return settled, true, true
	}
	return is, false, true
}

// steady holds a host that passed earlier to what its process was then.
func (r *Rollout) steady(ctx context.Context, m *machine, is pulse) (ok bool) {
	m.settled, m.pardoned, ok = regard(m.settled, is, m.pardoned, func() bool {
		return r.out.excuses(r.o.Now(), r.awayGrace()) || unanswered(r.asks(ctx, m))
	})
	return ok
}

// serverBefore is where a host asked before the rollout, if it worked; "" if that can't
// be told.
func (r *Rollout) serverBefore(ctx context.Context, m *machine) string {
	if m.unwell != "" || m.session == nil {
		return ""
	}
	generation, unit := m.started(ctx, m.seen)
	api, err := live.Foreign(r.wantOn(ctx, m, generation, unit).kubeconfig.Reveal(), m.dial)
	if err != nil {
		return ""
	}
	defer api.Close()
	return api.Server()
}

// prolong gives a trial its whole time again before the host goes back by itself:
// somebody is there, and waits.
func (g *gate) prolong(ctx context.Context, now time.Time) error {
	if g.back || g.m.report.Outcome != Trying || g.m.session == nil {
		return nil
	}
	err := g.m.session.Prolong(ctx, g.m.unit, g.m.want.Generation)
	if ce := (*host.CommandError)(nil); errors.As(err, &ce) {
		return err
	}
	if err == nil { // else the connection broke, and the next round makes another
		g.m.reverts = now.Add(g.r.revertTime())
	}
	return nil
}

// due reports whether a quarter of the time is gone after which a host goes back.
func due(now, reverts time.Time, whole time.Duration) bool {
	return reverts.Sub(now) < whole-whole/4
}

// sees takes note of whether the apiserver is away now from where the rollout looks.
func (r *Rollout) sees(away bool) {
	now := r.o.Now()
	r.out.see(now, now, away)
}
