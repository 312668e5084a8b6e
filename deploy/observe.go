package deploy

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/live"
)

// lookLimit bounds a look at a host, checksums of its programs included.
const lookLimit = 60 * time.Second

// quickRead is the size up to which files are compared by contents unless Thorough is set.
// A program's directory is named by its checksum, which was verified when it was installed.
const quickRead = 4 << 20

func (m *machine) readUpTo() int64 {
	if m.options.Thorough {
		return 1 << 40
	}
	return quickRead
}

// connectAndLook connects to a host and looks at it.
func (m *machine) connectAndLook(ctx context.Context) error {
	conn, err := m.options.SSH.Dial(ctx, m.target())
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.conn = conn
	m.mu.Unlock()
	m.healthAnswer = m.askHealthz(ctx) // runs while the session begins
	s, err := m.begin(ctx, conn)
	if err != nil {
		m.disconnect()
		return err
	}
	m.mu.Lock()
	m.session = s
	m.mu.Unlock()
	m.host.Address, m.host.User = conn.Host(), conn.User()
	return m.look(ctx, s)
}

// look observes a host and checks the health of its process, both at once if it runs what
// is expected.
func (m *machine) look(ctx context.Context, s *host.Session) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	h := m.host
	paths, image := append(plan.Parents(h.Unit.File), h.Unit.File, h.Unit.Other.File), plan.ImageOf{}
	if h.Desired != nil {
		paths, image = h.Desired.Paths(h.Unit), h.Desired.ImageOf()
	}
	asked := m.options.Now()
	seen, err := s.Look(ctx, h.Unit, image, paths, m.readUpTo())
	if err != nil {
		return err
	}
	h.Snapshot, h.Skew = seen, seen.Clock.Sub(asked).Round(time.Second)
	healthErr := <-m.healthAnswer
	if forbidden := (*remote.ForwardForbiddenError)(nil); errors.As(healthErr, &forbidden) {
		h.HealthUnknown = forbidden
	}
	if seen.Runs == plan.None && !seen.Process.Known {
		h.Unhealthy = "it has no " + h.Unit.Name + " yet"
		return nil
	}
	// What can't be parsed of a foreign unit is left out.
	generation, unit := m.startedUnit(ctx, s, seen)
	h.Current, _ = plan.ParseConfig(h.Unit.At(seen.At), generation, unit, func(string, bool) ([]byte, error) { return nil, nil })
	m.current = h.Current
	if at := h.Current.HealthzAddress(); at != m.expectedHealthz() {
		healthErr = m.healthz(ctx, at, nil)
	}
	switch {
	case !seen.Process.Running:
		h.Unhealthy = h.Unit.At(seen.At).Name + " is " + seen.Process.Active
	case healthErr != nil:
		h.Unhealthy = healthErr.Error()
	}
	return nil
}

// startedUnit returns the unit that a host starts: the deployed one, or if there is none, a
// package's own unit from elsewhere.
func (m *machine) startedUnit(ctx context.Context, s *host.Session, seen *plan.Snapshot) (generation string, unit []byte) {
	if file := seen.Process.File; seen.Runs == plan.None && file != "" {
		if unit, err := s.Text(ctx, file); err == nil {
			return plan.Found, unit
		}
	}
	return seen.Runs, seen.Unit
}

// expectedHealthz returns the /healthz address if the host already runs what it should.
func (m *machine) expectedHealthz() string {
	if m.host.Desired == nil {
		return ""
	}
	return m.host.Desired.HealthzAddress()
}

// askHealthz asks that address, without waiting for the answer.
func (m *machine) askHealthz(ctx context.Context) chan error {
	answer := make(chan error, 1)
	go func() { answer <- m.healthz(ctx, m.expectedHealthz(), nil) }()
	return answer
}

// healthz asks a kube-controller-manager at an address of the host's network. It does
// nothing if the address isn't known.
func (m *machine) healthz(ctx context.Context, address string, cert []byte) error {
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return live.Healthz(ctx, address, cert, m.dialFromHost)
}

// Plan makes a plan. It asks hosts that change once more, for the files of their old
// generation.
func (h *Hosts) Plan(ctx context.Context) (*plan.Plan, error) { return h.plan(ctx, "deploy") }

func (h *Hosts) plan(ctx context.Context, action string) (*plan.Plan, error) {
	if h.initialLease.err != nil {
		return nil, h.initialLease.err
	}
	err := forEach(h.named, func(m *machine) error {
		tried := make(chan error, 1)
		go func() { tried <- m.trySFTP(ctx) }()
		return cmp.Or(m.compare(ctx), <-tried)
	})
	if err != nil {
		return nil, err
	}
	p, err := plan.New(h.observation(action))
	if len(p.Steps) > 0 {
		h.connectOthers(ctx)
		p, err = plan.New(h.observation(action))
	}
	return p, err
}

// observation returns what was observed of the hosts.
func (h *Hosts) observation(action string) *plan.Observation {
	o := &plan.Observation{Cluster: h.cluster, Action: action, ReadsLease: h.options.Leader != nil}
	for _, m := range h.named {
		o.Hosts = append(o.Hosts, m.host)
	}
	for _, m := range h.others {
		o.Others = append(o.Others, m.host)
	}
	if l := h.initialLease.lease; l != nil {
		o.Leader = plan.Leader{Holder: l.Holder, Hostname: l.Hostname}
	}
	return o
}

// compare reads the files of the generation that a host runs.
func (m *machine) compare(ctx context.Context) error {
	paths := m.host.OldPaths()
	if len(paths) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	seen, err := m.session.Look(ctx, m.host.Unit, plan.ImageOf{}, paths, quickRead)
	if err == nil {
		m.host.OldFiles = seen.Files
	}
	return err
}

// othersLimit bounds the wait for hosts that the command doesn't name.
const othersLimit = 15 * time.Second

// connectOthers connects to the cluster's other hosts. They are locked like the named ones,
// so that only one of two rollouts with different hosts goes ahead, and they serve as
// spares. A host that can't be reached is only noted: it may be why it wasn't named.
func (h *Hosts) connectOthers(ctx context.Context) {
	for i := range h.cluster.Nodes {
		n := &h.cluster.Nodes[i]
		if !slices.ContainsFunc(h.named, func(m *machine) bool { return m.node.Name == n.Name }) {
			h.others = append(h.others, h.machine(n, nil))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, othersLimit)
	defer cancel()
	var all sync.WaitGroup
	for _, m := range h.others {
		all.Go(func() {
			if err := m.connectAndLook(ctx); err != nil {
				m.host.Unreached = m.withNode(err)
				m.disconnect()
			}
		})
	}
	all.Wait()
}

// Drifts compares each host with its desired state.
func (h *Hosts) Drifts() []plan.Drift { return h.observation("").Drifts() }

// CheckUnlocked returns an error if another session is changing one of the hosts: what was observed
// of it may be half done.
func (h *Hosts) CheckUnlocked() error {
	node, who := h.observation("").Holder()
	if node == "" {
		return nil
	}
	return &plan.HostError{Node: node, Err: &host.LockedError{Holder: who}}
}

// PlanRollback makes a plan that takes each host to its previous generation: unit,
// certificates and keys together.
func (h *Hosts) PlanRollback(ctx context.Context) (*plan.Plan, error) {
	o := h.observation(plan.Rollback)
	err := forEach(h.named, func(m *machine) error {
		generation, err := o.PreviousGeneration(m.host)
		if err != nil {
			return err
		}
		m.host.Desired, err = m.keptGeneration(ctx, generation)
		return err
	})
	if err != nil {
		return nil, err
	}
	h.initialLease.lease, h.initialLease.err = h.lease(ctx) // the lease's name is known only now
	return h.plan(ctx, plan.Rollback)
}

// keptGeneration returns a generation that a host runs or has kept.
func (m *machine) keptGeneration(ctx context.Context, generation string) (*plan.Desired, error) {
	seen := m.host.Snapshot
	switch generation {
	case plan.None:
		return plan.DesiredNone(), nil
	case seen.Runs:
		m.host.Unit = m.host.Unit.At(seen.At)
		return m.onHost(ctx, m.session, m.host.Unit, generation, seen.Unit), nil
	}
	u := m.host.Unit
	unit, err := m.session.Text(ctx, path.Join(u.GenerationsDir, generation, path.Base(u.File)))
	if err != nil { // it may be of the other layout
		other, failed := m.session.Text(ctx, path.Join(u.GenerationsDir, generation, path.Base(u.Other.File)))
		if failed != nil {
			return nil, &plan.NoWayBackError{Detail: err.Error()}
		}
		m.host.Unit, unit = u.Exchanged(), other
	}
	return m.onHost(ctx, m.session, m.host.Unit, generation, unit), nil
}

// onHost returns the desired state that a unit on a host describes.
func (m *machine) onHost(ctx context.Context, s *host.Session, u plan.Unit, generation string, unit []byte) *plan.Desired {
	return plan.DesiredFromHost(u, generation, unit, func(p string, inImage bool) ([]byte, error) {
		if inImage {
			return nil, nil // the runtime's
		}
		return s.Text(ctx, p)
	})
}

// noLease reports whether the apiserver answered that there is no such lease.
func noLease(err error) bool { return errors.Is(err, live.ErrNoLease) }
