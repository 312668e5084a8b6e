package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/live"
)

// leaseReader asks the apiserver who leads, as this machine does.
type leaseReader func(context.Context) (*live.Lease, error)

// perform does an action on the host.
func (m *machine) perform(ctx context.Context, a rollout.Action, p *plan.Plan, lease leaseReader) rollout.Event {
	if a.Kind == rollout.Confirm { // over a connection of its own
		return rollout.Event{Err: m.confirm(ctx, a.Generation)}
	}
	s, err := m.liveSession(ctx)
	if err != nil {
		return rollout.Event{Err: err}
	}
	event := m.act(ctx, s, a, p, lease)
	if !errors.Is(ctx.Err(), context.Canceled) { // else it was given up, and nothing is wrong with the connection
		m.closeIfBroken(event.Err)
	}
	return event
}

// act does an action in a session with the host.
func (m *machine) act(ctx context.Context, s *host.Session, a rollout.Action, p *plan.Plan, lease leaseReader) (out rollout.Event) {
	u := m.host.Unit
	switch a.Kind {
	case rollout.Lock:
		out.Stamp, out.Err = s.Lock(ctx, u, m.o.Who)
	case rollout.Prepare:
		out.Files, out.Err = m.prepare(ctx, s)
	case rollout.Try:
		out.Err = s.Trial(ctx, u, host.Trial{Generation: a.Generation, Base: a.Base, After: a.After, Rollout: p.ID, By: p.Action})
	case rollout.Examine:
		out.Health, out.Err = m.examine(ctx, s, a, lease)
	case rollout.Prolong:
		out.Err = s.Prolong(ctx, u, a.Generation)
	case rollout.Revert:
		out.Err = s.Back(ctx, u)
	case rollout.Undo:
		out.Err = s.Undo(ctx, u, a.Generation)
	case rollout.Look:
		out.Found, out.Err = m.found(ctx, s)
	case rollout.Former:
		out.Server = m.formerServer(ctx, s)
	case rollout.MarkEnded:
		out.Err = s.Ended(ctx, u)
	case rollout.ReadLog:
		out.Lines, _ = s.Log(ctx, u, 5)
	default:
		out.Err = fmt.Errorf("%v isn't done on a host", a.Kind)
	}
	return out
}

// confirm ends a trial over a connection that is made anew.
func (m *machine) confirm(ctx context.Context, generation string) error {
	conn, s, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.Close()
	return s.Confirm(ctx, m.host.Unit, generation)
}

// config is what a host is to run, or was seen to run last.
func (m *machine) config(next bool) *plan.Config {
	if next && m.host.Desired != nil {
		return &m.host.Desired.Config
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// examine asks what is to be asked, all at once.
func (m *machine) examine(ctx context.Context, s *host.Session, a rollout.Action, operator leaseReader) (rollout.Health, error) {
	var out rollout.Health
	set := m.config(a.Next)
	healthz, lease := make(chan error, 1), make(chan error, 1)
	go func() {
		if a.Ask&rollout.Healthz == 0 {
			healthz <- nil
			return
		}
		healthz <- m.healthz(ctx, set.HealthzAddress(), set.ServingCertificate())
	}()
	go func() {
		if a.Ask&rollout.Apiserver == 0 {
			lease <- nil
			return
		}
		asked := m.o.Now()
		err := m.readsLease(ctx, set, &out, operator, a.Ask == rollout.Apiserver)
		out.Took = m.o.Now().Sub(asked)
		lease <- err
	}()
	var err error
	if a.Ask&rollout.Process != 0 {
		err = m.process(ctx, s, set, &out)
	}
	out.Healthz, out.Apiserver = classify(<-healthz), classify(<-lease)
	return out, err
}

// readsLease reads the lease as the host's own process does: /healthz is 200 without an
// apiserver, too. Where its kubeconfig isn't known, this machine's answers instead if that
// is all that is asked.
func (m *machine) readsLease(ctx context.Context, set *plan.Config, out *rollout.Health, operator leaseReader, alone bool) error {
	api, err := m.client(set)
	switch {
	case api == nil && !alone:
		return nil
	case err != nil:
		return err
	case api == nil:
		_, err = operator(ctx)
		return err
	}
	out.Server = api.Server()
	namespace, name, err := set.Lease()
	if err != nil {
		return nil // it elects none
	}
	_, err = api.Lease(ctx, namespace, name)
	if noLease(err) {
		return nil // read, and there is none yet
	}
	return err
}

// process looks at the host's process, and at what its log complains of.
func (m *machine) process(ctx context.Context, s *host.Session, set *plan.Config, out *rollout.Health) error {
	subject := ""
	if api, _ := m.client(set); api != nil {
		subject = api.User()
	}
	p, err := s.Probe(ctx, m.host.Unit, subject, m.cluster.Deploy.Soak)
	if err != nil {
		return err
	}
	is := p.Process
	out.PID, out.Restarts, out.Running, out.Dead, out.Ending, out.Active = is.PID, is.Restarts, is.Running, is.Dead, is.Ending, is.Active
	if is.Result != "success" && is.Result != "" { // while it is being started again systemd says success
		out.ExitReason = fmt.Sprintf(" (%s, exit status %d)", is.Result, is.Status)
	}
	if n := len(p.Complaints); n > 0 {
		out.Complaint = p.Complaints[n-1]
	}
	switch {
	case set == nil || !is.Running:
	case len(set.Argv) > 0 && !plan.IsFound(set.Generation) && !slices.Equal(is.Args, set.Argv):
		out.Mismatch = "it runs with other arguments: " + plan.OtherArgs(is.Args, set.Argv)
	case set.Bound && !is.Sees(set.Generation):
		out.Mismatch = "its process doesn't see generation " + set.Generation
	}
	return nil
}

// found looks at what a host runs by now.
func (m *machine) found(ctx context.Context, s *host.Session) (rollout.Found, error) {
	u := m.host.Unit
	seen, err := s.Look(ctx, u, []string{u.Start}, quickRead)
	if err != nil {
		return rollout.Found{}, err
	}
	// What somebody else wrote may be too much for us to read; it is asked all the same.
	generation, unit := m.startedUnit(ctx, s, seen)
	set := &m.onHost(ctx, s, generation, unit).Config
	m.mu.Lock()
	m.current = set
	m.mu.Unlock()
	out := rollout.Found{Runs: seen.Runs, Base: seen.Base(u), Trial: seen.Trial != nil, Known: seen.Process.Known}
	switch {
	case seen.Runs == plan.None && !seen.Process.Known:
		out.Unhealthy = "it has no " + u.Name + " yet"
	case !seen.Process.Running:
		out.Unhealthy = u.Name + " is " + seen.Process.Active
	}
	return out, nil
}

// formerServer is where a host asked before the rollout, if it worked; "" if that can't be
// told.
func (m *machine) formerServer(ctx context.Context, s *host.Session) string {
	if m.host.Unhealthy != "" {
		return ""
	}
	generation, unit := m.startedUnit(ctx, s, m.host.Snapshot)
	kubeconfig := m.onHost(ctx, s, generation, unit).Kubeconfig
	api, err := live.Foreign(kubeconfig.Reveal(), m.dialFromHost)
	if err != nil {
		return ""
	}
	defer api.Close()
	return api.Server()
}
