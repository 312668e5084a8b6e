package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/live"
)

// GateError is a host that didn't become healthy with what it runs, or didn't stay so.
type GateError struct {
	Reason string
	Log    []string // the end of its log
}

func (e *GateError) Error() string { return e.Reason }

// gate is one wait for a host.
type gate struct {
	r    *Rollout
	m    *machine
	set  *Set
	soak time.Duration
	lead bool // somebody who runs the new generation has to lead, too
	back bool // it is on its way back: what others do is no reason to stop there
	// until is when the apiserver isn't waited for any more; zero: as long as the whole
	// rollout waits for it.
	until time.Time
	// api reads the lease as the host's own kube-controller-manager does: with its
	// credentials, from its network. nil where those can't be known.
	api *live.Client

	out      *outage       // of the apiserver, as this host or one before it had it
	spent    time.Duration // how long it had been away when this began
	unseen   outage        // of the apiserver, as this machine has it
	absent   error         // what the host got from an apiserver that is away
	answered bool          // it has had an answer
	before   *string       // where it asked before; nil: nobody has looked

	begun    time.Time
	pulse    pulse
	since    time.Time // since when it has been healthy without a break; zero: it isn't
	leading  time.Time // the same for a leader
	holder   string
	renewed  time.Time
	foreign  bool   // a host that isn't of this rollout leads, and goes on doing so
	atLeast  int    // restarts that say it won't get better
	slow     int    // answers in a row that didn't come in time
	fault    string // why it isn't healthy
	leadless string // why nobody leads
}

// tooOften: systemd has started it again so many times that it isn't by chance.
const tooOften = 2

// pass waits until a host is healthy with a set, and then that it stays so.
func (r *Rollout) pass(ctx context.Context, m *machine, set *Set, lead bool) error {
	return r.await(ctx, &gate{r: r, m: m, set: set, soak: r.cluster.Deploy.Soak, lead: lead, out: &r.out})
}

func (r *Rollout) await(ctx context.Context, g *gate) error {
	g.begun, g.atLeast = r.o.Now(), tooOften
	if g.out == nil {
		g.out = &outage{}
	}
	g.spent = g.out.lasted(g.begun)
	if !g.set.kubeconfig.Empty() {
		api, err := live.Foreign(g.set.kubeconfig.Reveal(), g.m.dial)
		switch {
		case err == nil:
			defer api.Close()
			g.api, g.m.subject = api, api.User()
		case g.back || host.IsFound(g.set.Generation): // somebody else's, as it may be
		default:
			return &GateError{Reason: "its kubeconfig can't be used: " + err.Error()}
		}
	}
	for {
		done, err := g.round(ctx)
		if done || err != nil {
			return g.explained(ctx, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(r.o.Poll):
		}
	}
}

// explained adds the end of the log to a fault: it nearly always says why.
func (g *gate) explained(ctx context.Context, err error) error {
	if ge := (*GateError)(nil); errors.As(err, &ge) && ge.Log == nil { // else another host's
		ge.Log = g.m.log(ctx)
	}
	return err
}

// roundLimit bounds one look. Where the apiserver is away, each question takes ten seconds.
const roundLimit = time.Minute

// round looks once. It returns true when the host has passed.
func (g *gate) round(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	p, fault, err := g.examine(ctx)
	if err != nil {
		return false, err
	}
	if err := g.follow(ctx, p.asked, p.since); err != nil {
		return false, err
	}
	is := pulse{p.Process.PID(), p.Process.Restarts()}
	if err := g.alive(ctx, p, is); err != nil {
		return false, err
	}
	now := g.r.o.Now()
	switch {
	case fault != "":
		g.since, g.fault = time.Time{}, fault
	case g.since.IsZero():
		g.since, g.pulse = now, is
		if g.soak > 0 {
			g.r.tell(g.m, "healthy", "after %v; it has to stay so for %v", now.Sub(g.begun).Round(100*time.Millisecond), g.soak)
		}
	}
	if g.back {
		return g.verdict(now)
	}
	if err := g.others(ctx); err != nil {
		return false, err
	}
	if err := g.leader(ctx, now); err != nil {
		return false, err
	}
	return g.verdict(now)
}

// alive returns an error if the process has ended by itself, and by nothing else. Where
// the apiserver is away, it begins anew.
func (g *gate) alive(ctx context.Context, p *examined, is pulse) error {
	fault := endedBy(g.pulse, is, !g.since.IsZero(), g.atLeast)
	if fault == "" {
		return nil
	}
	if p.asked == nil && g.api != nil { // it may have gone away since
		since := g.r.o.Now()
		if err := g.follow(ctx, g.reads(ctx), since); err != nil {
			return err
		}
	}
	if g.out.excuses(g.r.o.Now(), g.r.awayGrace()) {
		g.since, g.atLeast = time.Time{}, is.restarts+tooOften
		return nil
	}
	return &GateError{Reason: fault + ending(p.Process)}
}

// endedBy says of a process what it has done by itself; "" if it hasn't ended, or once
// only, while it was starting.
func endedBy(was, is pulse, healthy bool, atLeast int) string {
	switch {
	case is.restarts >= atLeast:
		return fmt.Sprintf("it ended %d times by itself", is.restarts)
	case healthy && is != was:
		return "it was healthy, and ended by itself"
	}
	return ""
}

// ending is how a process ended. While it is being started again systemd says success.
func ending(s host.State) string {
	if s.Result() == "success" || s.Result() == "" {
		return ""
	}
	return fmt.Sprintf(" (%s, exit status %d)", s.Result(), s.Status())
}

// verdict says whether the host has passed, or failed, by now.
func (g *gate) verdict(now time.Time) (bool, error) {
	soak := g.soak
	soaked := func(since time.Time) bool { return !since.IsZero() && now.Sub(since) >= soak }
	if soaked(g.since) && (!g.lead || g.foreign || soaked(g.leading)) {
		g.m.settled = g.pulse
		if g.api != nil {
			g.m.server = g.api.Server()
		}
		if !g.back { // several hosts go back at once, and nothing new leads there
			g.r.led = g.r.led || soaked(g.leading)
		}
		return true, nil
	}
	if away := g.out.lasted(now); g.tired(now, away) {
		return false, &AwayError{away, g.absent}
	}
	// While the apiserver is away nothing gets better, and afterwards it takes a moment.
	took, limit := now.Sub(g.begun)-(g.out.lasted(now)-g.spent), g.r.cluster.Deploy.Gate
	if g.out.excuses(now, g.r.awayGrace()) {
		took = min(took, limit)
	}
	switch {
	case g.since.IsZero() && took > limit:
		return false, &GateError{Reason: fmt.Sprintf("it isn't healthy after %v: %s", limit, g.fault)}
	case !soaked(g.since) && took > limit+2*soak:
		return false, &GateError{Reason: fmt.Sprintf("it isn't healthy for %v together: %s", soak, g.fault)}
	case g.unseen.lasted(now) > g.r.awayLimit():
		return false, &AwayError{g.unseen.lasted(now), errors.New(g.leadless)}
	case took-g.unseen.lasted(now) > g.r.leadTime()+2*soak:
		return false, &GateError{Reason: "nobody with the new configuration leads: " + g.leadless}
	}
	return false, nil
}

// tired reports whether an apiserver that is away isn't waited for any longer.
func (g *gate) tired(now time.Time, away time.Duration) bool {
	switch {
	case g.out.begun.IsZero():
		return false
	case !g.until.IsZero():
		return !now.Before(g.until)
	}
	return away > g.r.awayLimit()
}

// examined is a host at one moment of a gate.
type examined struct {
	*host.Probed
	asked error     // what it got from the apiserver
	since time.Time // when it asked
}

// examine looks at the process, its log, its own /healthz and at the apiserver as it
// sees it, all at once. The fault is the first that somebody would look at.
func (g *gate) examine(ctx context.Context) (*examined, string, error) {
	healthz, lease := make(chan error, 1), make(chan error, 1)
	since, until := g.r.o.Now(), time.Time{}
	go func() { healthz <- g.r.healthz(ctx, g.m, g.set.healthz(), g.set.serving) }()
	go func() {
		err := g.reads(ctx)
		until = g.r.o.Now()
		lease <- err
	}()
	probed, err := g.r.probe(ctx, g.m, g.r.cluster.Deploy.Soak)
	ill, blind := <-healthz, <-lease
	// What else was looked at took its time, too, and none of the apiserver's.
	p := &examined{probed, blind, g.r.o.Now().Add(since.Sub(until))}
	switch {
	case err != nil:
		return nil, "", err
	case !p.Process.Running():
		return p, g.m.unit.Name + " is " + p.Process.Active(), nil
	case len(g.set.Argv) > 0 && !host.IsFound(g.set.Generation) && !slices.Equal(p.Process.Args, g.set.Argv):
		return p, "it runs with other arguments: " + otherArgs(p.Process.Args, g.set.Argv), nil
	case g.set.sealed && !p.Process.From(g.set.Generation):
		return p, "its process doesn't see generation " + g.set.Generation, nil
	case g.late(ill, blind):
		return p, "", nil // and what ends now may end by that
	case ill != nil:
		return p, ill.Error(), nil
	case blind != nil:
		return p, "with its own kubeconfig: " + blind.Error(), nil
	case len(p.Complaints) > 0:
		return p, "its log says: " + p.Complaints[len(p.Complaints)-1], nil
	}
	return p, "", nil
}

// late reports whether answers that only didn't come in time are none yet: a slow
// apiserver is no fault of a host that has been healthy. The second in a row is.
func (g *gate) late(errs ...error) bool {
	timeout := false
	for _, err := range errs {
		if err != nil && (g.since.IsZero() || !errors.Is(err, live.ErrTimeout)) {
			g.slow = 0
			return false
		}
		timeout = timeout || err != nil
	}
	if !timeout {
		g.slow = 0
		return false
	}
	g.slow++
	return g.slow == 1
}

// reads reads the lease as the host does: /healthz is 200 without an apiserver, too.
func (g *gate) reads(ctx context.Context) error {
	namespace, name, err := g.set.lease()
	if g.api == nil || err != nil {
		return nil
	}
	_, err = g.api.Lease(ctx, namespace, name)
	if errors.Is(err, live.ErrNoLease) {
		return nil // read, and there is none yet
	}
	return err
}

// others: a host that passed earlier and ends now has become the leader, and can't be.
func (g *gate) others(ctx context.Context) error {
	for _, m := range g.r.machines {
		if m == g.m || m.settled.pid == 0 {
			continue
		}
		p, err := g.r.probe(ctx, m, g.r.cluster.Deploy.Soak)
		if err != nil {
			return m.named(err)
		}
		if !g.r.steady(ctx, m, pulse{p.Process.PID(), p.Process.Restarts()}) {
			return m.named(&GateError{Reason: "it ended by itself after it had been healthy: what only a leader does fails", Log: m.log(ctx)})
		}
	}
	return nil
}

// leader sees whether somebody who runs the new generation leads, and goes on doing so:
// a lease that isn't renewed is left from one who is gone.
func (g *gate) leader(ctx context.Context, now time.Time) error {
	if g.r.o.Leader == nil || !g.set.elects() {
		return nil
	}
	asked := g.r.o.Now()
	l, err := g.r.lease(ctx)
	g.hang(asked, g.r.o.Now())
	if g.unseen.see(now, now, unanswered(err)); err != nil {
		g.leading, g.leadless = time.Time{}, err.Error()
		if unanswered(err) && due(now, g.m.reverts, g.r.revertTime()) {
			return g.prolong(ctx, now)
		}
		return nil
	}
	m := g.r.leader(l)
	if l == nil || m != nil || l.Holder != g.holder {
		g.foreign = false
	}
	switch {
	case l == nil:
		g.leading, g.leadless = time.Time{}, "nobody holds the lease"
	case m == nil: // of another host, as with --limit
		g.foreign = g.foreign || l.Holder == g.holder && l.Renewed.After(g.renewed)
		g.holder, g.renewed = l.Holder, l.Renewed
		g.leading, g.leadless = time.Time{}, "the lease is held by "+l.Holder
	case m != g.m && m.settled.pid == 0 && !m.same:
		g.leading, g.leadless = time.Time{}, "the lease is held by "+l.Holder
	case l.Holder != g.holder || g.renewed.IsZero():
		g.leading = time.Time{}
		g.holder, g.renewed = l.Holder, l.Renewed
	case l.Renewed.After(g.renewed):
		if g.leading.IsZero() {
			g.leading = now
			if g.r.seenLead != l.Holder {
				g.r.seenLead = l.Holder
				g.r.tell(m, "leads", "and renews its lease")
			}
		}
		g.renewed = l.Renewed
	}
	return nil
}
