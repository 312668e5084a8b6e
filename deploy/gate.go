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
	// api reads the lease as the host's own kube-controller-manager does: with its
	// credentials, from its network. nil where those can't be known.
	api *live.Client

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
	return r.await(ctx, &gate{r: r, m: m, set: set, soak: r.cluster.Deploy.Soak, lead: lead})
}

func (r *Rollout) await(ctx context.Context, g *gate) error {
	g.begun, g.atLeast = r.o.Now(), tooOften
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

// round looks once. It returns true when the host has passed.
func (g *gate) round(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	p, fault, err := g.examine(ctx)
	if err != nil {
		return false, err
	}
	now := g.r.o.Now()
	switch is := (pulse{p.Process.PID(), p.Process.Restarts()}); {
	case p.Process.Restarts() >= g.atLeast:
		return false, &GateError{Reason: fmt.Sprintf("it ended %d times by itself%s", p.Process.Restarts(), ending(p.Process))}
	case !g.since.IsZero() && is != g.pulse:
		return false, &GateError{Reason: "it was healthy, and ended by itself" + ending(p.Process)}
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
		g.r.led = g.r.led || soaked(g.leading)
		return true, nil
	}
	took, limit := now.Sub(g.begun), g.r.cluster.Deploy.Gate
	switch {
	case g.since.IsZero() && took > limit:
		return false, &GateError{Reason: fmt.Sprintf("it isn't healthy after %v: %s", limit, g.fault)}
	case !soaked(g.since) && took > limit+2*soak:
		return false, &GateError{Reason: fmt.Sprintf("it isn't healthy for %v together: %s", soak, g.fault)}
	case took > g.r.leadTime()+2*soak:
		return false, &GateError{Reason: "nobody with the new configuration leads: " + g.leadless}
	}
	return false, nil
}

// examine looks at the process, its log, its own /healthz and at the apiserver as it
// sees it, all at once. The fault is the first that somebody would look at.
func (g *gate) examine(ctx context.Context) (*host.Probed, string, error) {
	healthz, lease := make(chan error, 1), make(chan error, 1)
	go func() { healthz <- g.r.healthz(ctx, g.m, g.set.healthz(), g.set.serving) }()
	go func() { lease <- g.reads(ctx) }()
	p, err := g.r.probe(ctx, g.m, g.r.cluster.Deploy.Soak)
	ill, blind := <-healthz, <-lease
	switch {
	case err != nil:
		return nil, "", err
	case !p.Process.Running():
		return p, g.m.unit.Name + " is " + p.Process.Active(), nil
	case len(g.set.Argv) > 0 && !host.IsFound(g.set.Generation) && !slices.Equal(p.Process.Args, g.set.Argv):
		return p, "it runs with other arguments: " + otherArgs(p.Process.Args, g.set.Argv), nil
	case g.set.sealed && !p.Process.From(g.set.Generation):
		return p, "its process doesn't see generation " + g.set.Generation, nil
	case g.late(ill) || g.late(blind):
		return p, "", nil
	case ill != nil:
		return p, ill.Error(), nil
	case blind != nil:
		return p, "with its own kubeconfig: " + blind.Error(), nil
	case len(p.Complaints) > 0:
		return p, "its log says: " + p.Complaints[len(p.Complaints)-1], nil
	}
	return p, "", nil
}

// late reports whether an answer that only didn't come in time is none yet: a slow
// apiserver is no fault of a host that has been healthy. The second in a row is.
func (g *gate) late(err error) bool {
	if err == nil || g.since.IsZero() || !errors.Is(err, live.ErrTimeout) {
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
		if is := (pulse{p.Process.PID(), p.Process.Restarts()}); is != m.settled {
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
	l, err := g.r.lease(ctx)
	if err != nil {
		g.leading, g.leadless = time.Time{}, err.Error()
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
