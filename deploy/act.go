package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/rollout"
	"github.com/kcmgen/kcmgen/live"
)

// leaseReader reads the leader lease from this machine.
type leaseReader func(context.Context) (*live.Lease, error)

// perform carries out an action on the host.
func (m *machine) perform(ctx context.Context, a rollout.Action, p *plan.Plan, lease leaseReader) rollout.Event {
	if a.Kind == rollout.Confirm { // over a connection of its own
		return rollout.Event{Err: m.confirm(ctx, a.Generation)}
	}
	s, err := m.liveSession(ctx)
	if err != nil {
		return rollout.Event{Err: err}
	}
	event := m.act(ctx, s, a, p, lease)
	if !errors.Is(ctx.Err(), context.Canceled) { // a cancelled action doesn't mean a broken connection
		m.closeIfBroken(event.Err)
	}
	return event
}

// act carries out an action in a session with the host.
func (m *machine) act(ctx context.Context, s *host.Session, a rollout.Action, p *plan.Plan, lease leaseReader) (out rollout.Event) {
	u := m.host.Unit
	switch a.Kind {
	case rollout.Lock:
		out.Stamp, out.Err = s.Lock(ctx, u, m.options.Who)
	case rollout.Upload:
		if out.Err = m.checkKubeconfig(); out.Err == nil {
			out.Files, out.Err = m.stage(ctx, s)
		}
	case rollout.Check:
		out.Err = m.check(ctx, s)
	case rollout.Try:
		out.Err = s.Trial(ctx, u, host.Trial{Generation: a.Generation, UnitSum: a.UnitSum, After: a.After, Rollout: p.ID, Action: p.Action})
	case rollout.Examine:
		out.Health, out.Err = m.examine(ctx, s, a, lease)
	case rollout.HandOver:
		out = m.handOver(ctx, s, a.Lease)
	case rollout.Prolong:
		out.Err = s.Prolong(ctx, u, a.Generation)
	case rollout.Revert:
		out.Err = s.Revert(ctx, u)
	case rollout.Undo:
		out.Err = s.Undo(ctx, u, a.Generation)
	case rollout.Look:
		out.Found, out.Err = m.found(ctx, s)
	case rollout.ReadFormerApiserver:
		out.Server = m.formerApiserver(ctx, s)
	case rollout.MarkEnded:
		out.Err = s.MarkEnded(ctx, u)
	case rollout.ReadLog:
		out.Lines, _ = s.Log(ctx, u, 5)
	default:
		out.Err = fmt.Errorf("%v isn't done on a host", a.Kind)
	}
	return out
}

// handOver gives back the lease that a process of this host held, once it is gone. It uses the
// credentials of the process that runs now, and else the operator's.
func (m *machine) handOver(ctx context.Context, s *host.Session, held rollout.Lease) (out rollout.Event) {
	config := m.config(true)
	namespace, name, err := config.Lease()
	if err != nil {
		return out // no leader election
	}
	all, err := s.Processes(ctx, m.host.Unit)
	switch {
	case err != nil:
		return rollout.Event{Err: err}
	case len(all) != 1:
		return rollout.Event{NotHandedOver: fmt.Errorf("%d processes of the program run: %s", len(all), strings.Join(all, ", "))}
	case all[0] == strconv.Itoa(m.host.Snapshot.Process.PID):
		return rollout.Event{NotHandedOver: errors.New("its old process still runs")}
	}
	now, holding := m.options.Now(), live.Holding{Holder: held.Holder, Renewed: held.Renewed}
	api, err := m.client(config)
	if api != nil {
		err = api.Release(ctx, namespace, name, holding, now)
	}
	if own := m.options.Leader; own != nil && (api == nil || err != nil && !errors.Is(err, live.ErrNotHeld)) {
		err = own.Release(ctx, namespace, name, holding, now)
	}
	if errors.Is(err, live.ErrNotHeld) {
		return out
	}
	return rollout.Event{HandedOver: err == nil, NotHandedOver: err}
}

// confirm ends a trial over a new connection.
func (m *machine) confirm(ctx context.Context, generation string) error {
	conn, s, err := m.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer s.Close()
	return s.Confirm(ctx, m.host.Unit, generation)
}

// config returns what the host should run, or if not next, what it was last seen to run.
func (m *machine) config(next bool) *plan.Config {
	if next && m.host.Desired != nil {
		return &m.host.Desired.Config
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current
}

// examine asks a's questions concurrently.
func (m *machine) examine(ctx context.Context, s *host.Session, a rollout.Action, operator leaseReader) (rollout.Health, error) {
	var out rollout.Health
	config := m.config(a.ExpectNew)
	healthz, lease := make(chan error, 1), make(chan error, 1)
	go func() {
		if a.Ask&rollout.Healthz == 0 {
			healthz <- nil
			return
		}
		healthz <- m.healthz(ctx, config.HealthzAddress(), config.ServingCertificate())
	}()
	go func() {
		if a.Ask&rollout.Apiserver == 0 {
			lease <- nil
			return
		}
		asked := m.options.Now()
		err := m.readsLease(ctx, config, &out, operator, a.Ask == rollout.Apiserver)
		out.Took = m.options.Now().Sub(asked)
		lease <- err
	}()
	var err error
	if a.Ask&rollout.Process != 0 {
		err = m.process(ctx, s, config, &out)
	}
	out.Healthz, out.Apiserver = classify(<-healthz), classify(<-lease)
	return out, err
}

// readsLease reads the lease with the credentials and through the network of the host's own
// process, since /healthz is 200 without an apiserver, too. If its kubeconfig isn't known
// and nothing else is asked (alone), this machine's kubeconfig is used.
func (m *machine) readsLease(ctx context.Context, config *plan.Config, out *rollout.Health, operator leaseReader, alone bool) error {
	api, err := m.client(config)
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
	namespace, name, err := config.Lease()
	if err != nil {
		return nil // no leader election
	}
	_, err = api.Lease(ctx, namespace, name)
	if noLease(err) {
		return nil // the apiserver answered: there is no lease yet
	}
	return err
}

// process looks at the host's process, and for errors in its log.
func (m *machine) process(ctx context.Context, s *host.Session, config *plan.Config, out *rollout.Health) error {
	subject := ""
	if api, _ := m.client(config); api != nil {
		subject = api.User()
	}
	p, err := s.Probe(ctx, m.host.Unit, subject, m.cluster.Deploy.Soak)
	if err != nil {
		return err
	}
	is := p.Process
	out.PID, out.Restarts, out.Running, out.Dead, out.Ending, out.Active = is.PID, is.Restarts, is.Running, is.Dead, is.Ending, is.Active
	if is.Result != "success" && is.Result != "" { // systemd says success while it restarts
		out.ExitReason = fmt.Sprintf(" (%s, exit status %d)", is.Result, is.Status)
	}
	if n := len(p.Complaints); n > 0 {
		out.Complaint = p.Complaints[n-1]
	}
	switch {
	case config == nil || !is.Running:
	case config.Pod != nil && config.Bound && !is.Sees(config.Generation):
		// The kubelet replaces a pod some time after its manifest has changed.
		out.Mismatch = "the kubelet still runs another generation"
	case len(config.Argv) > 0 && !plan.IsFound(config.Generation) && !slices.Equal(is.Args, config.Argv):
		out.Mismatch = "it runs with other arguments: " + plan.OtherArgs(is.Args, config.Argv)
	case config.Bound && !is.Sees(config.Generation):
		out.Mismatch = "its process doesn't see generation " + config.Generation
	}
	return nil
}

// found looks at what a host runs now.
func (m *machine) found(ctx context.Context, s *host.Session) (rollout.Found, error) {
	u := m.host.Unit
	seen, err := s.Look(ctx, u, plan.ImageOf{}, []string{u.File, u.Other.File}, quickRead)
	if err != nil {
		return rollout.Found{}, err
	}
	// A foreign unit may be unreadable for kcmgen; what can be read of it is used.
	generation, unit := m.startedUnit(ctx, s, seen)
	config := &m.onHost(ctx, s, u.At(seen.At), generation, unit).Config
	m.mu.Lock()
	m.current = config
	m.mu.Unlock()
	out := rollout.Found{Runs: seen.Runs, UnitSum: seen.UnitSum(u), Trial: seen.Trial != nil, Known: seen.Process.Known}
	switch {
	case seen.Runs == plan.None && !seen.Process.Known:
		out.Unhealthy = "it has no " + u.Name + " yet"
	case !seen.Process.Running:
		out.Unhealthy = u.At(seen.At).Name + " is " + seen.Process.Active
	}
	return out, nil
}

// formerApiserver returns the apiserver's URL that a host used before the rollout; "" if the
// host didn't work or the URL can't be read.
func (m *machine) formerApiserver(ctx context.Context, s *host.Session) string {
	if m.host.Unhealthy != "" {
		return ""
	}
	generation, unit := m.startedUnit(ctx, s, m.host.Snapshot)
	kubeconfig := m.onHost(ctx, s, m.host.Unit.At(m.host.Snapshot.At), generation, unit).Kubeconfig
	api, err := live.Foreign(kubeconfig.Reveal(), m.dialFromHost)
	if err != nil {
		return ""
	}
	defer api.Close()
	return api.Server()
}
