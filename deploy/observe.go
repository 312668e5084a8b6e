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

// quickRead is up to which size files are compared by their contents where nobody asked
// for more: a program lies in a directory named by its checksum, which was compared when
// it was put there.
const quickRead = 4 << 20

func (m *machine) readUpTo() int64 {
	if m.o.Thorough {
		return 1 << 40
	}
	return quickRead
}

// connectAndLook connects to a host and looks at it.
func (m *machine) connectAndLook(ctx context.Context) error {
	conn, err := m.o.SSH.Dial(ctx, m.target())
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.conn = conn
	m.mu.Unlock()
	m.healthAnswer = m.askHealthz(ctx) // on its way while the session begins
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

// look looks at a host, and asks what runs there whether it is healthy; both at once
// where it runs what we think it does.
func (m *machine) look(ctx context.Context, s *host.Session) error {
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	h := m.host
	paths := plan.Parents(h.Unit.Start)
	if h.Desired != nil {
		paths = h.Desired.Paths(h.Unit.Start)
	}
	asked := m.o.Now()
	seen, err := s.Look(ctx, h.Unit, append(paths, h.Unit.Start), m.readUpTo())
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
	// A unit that somebody else wrote may have what we can't read; it runs all the same.
	generation, unit := m.startedUnit(ctx, s, seen)
	h.Current, _ = plan.ParseConfig(generation, unit, func(string) ([]byte, error) { return nil, nil })
	m.current = h.Current
	if at := h.Current.HealthzAddress(); at != m.expectedHealthz() {
		healthErr = m.healthz(ctx, at, nil)
	}
	switch {
	case !seen.Process.Running:
		h.Unhealthy = h.Unit.Name + " is " + seen.Process.Active
	case healthErr != nil:
		h.Unhealthy = healthErr.Error()
	}
	return nil
}

// startedUnit is what a host starts: the unit in its place, or a package's own elsewhere, which
// is somebody else's.
func (m *machine) startedUnit(ctx context.Context, s *host.Session, seen *plan.Snapshot) (generation string, unit []byte) {
	if file := seen.Process.File; seen.Runs == plan.None && file != "" {
		if unit, err := s.Text(ctx, file); err == nil {
			return plan.Found, unit
		}
	}
	return seen.Runs, seen.Unit
}

// expectedHealthz is where a kube-controller-manager answers, if the host runs what it is to have.
func (m *machine) expectedHealthz() string {
	if m.host.Desired == nil {
		return ""
	}
	return m.host.Desired.HealthzAddress()
}

// askHealthz asks there, without waiting for the answer.
func (m *machine) askHealthz(ctx context.Context) chan error {
	answer := make(chan error, 1)
	go func() { answer <- m.healthz(ctx, m.expectedHealthz(), nil) }()
	return answer
}

// healthz asks a kube-controller-manager at an address of the host's network. An
// address that nothing is known of isn't asked.
func (m *machine) healthz(ctx context.Context, address string, cert []byte) error {
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return live.Healthz(ctx, address, cert, m.dialFromHost)
}

// Plan decides what is to be done. It asks the hosts that change once more: what their old
// generation holds.
func (h *Hosts) Plan(ctx context.Context) (*plan.Plan, error) { return h.plan(ctx, "deploy") }

func (h *Hosts) plan(ctx context.Context, action string) (*plan.Plan, error) {
	if h.initialLease.err != nil {
		return nil, h.initialLease.err
	}
	err := each(h.named, func(m *machine) error {
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

// observation is what was seen of the hosts.
func (h *Hosts) observation(action string) *plan.Observation {
	o := &plan.Observation{Cluster: h.cluster, Action: action, ReadsLease: h.o.Leader != nil}
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

// compare looks at files of the generation that a host runs.
func (m *machine) compare(ctx context.Context) error {
	paths := m.host.OldPaths()
	if len(paths) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookLimit)
	defer cancel()
	seen, err := m.session.Look(ctx, m.host.Unit, paths, quickRead)
	if err == nil {
		m.host.OldFiles = seen.Files
	}
	return err
}

// othersLimit bounds how long a host is waited for that the command isn't about.
const othersLimit = 15 * time.Second

// connectOthers connects to the cluster's other hosts. They are locked as the named are, so
// that of two rollouts with different hosts the second waits, and they have to work while
// one of the named is restarted. One that can't be reached is noted: it may be why the
// others were named.
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

// Drifts compares what hosts have with what they are to have.
func (h *Hosts) Drifts() []plan.Drift { return h.observation("").Drifts() }

// Busy returns why nothing can be done to the hosts just now: somebody else does, and what
// is seen of them is half done. nil where nobody does.
func (h *Hosts) Busy() error {
	node, who := h.observation("").Holder()
	if node == "" {
		return nil
	}
	return &plan.HostError{Node: node, Err: &host.LockedError{Holder: who}}
}

// PlanRollback decides what takes the hosts to the generation before the one they run:
// unit, certificates and keys together.
func (h *Hosts) PlanRollback(ctx context.Context) (*plan.Plan, error) {
	o := h.observation(plan.Rollback)
	err := each(h.named, func(m *machine) error {
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
	h.initialLease.lease, h.initialLease.err = h.lease(ctx) // what is elected is known only now
	return h.plan(ctx, plan.Rollback)
}

// keptGeneration is a generation that a host runs, or that lies there.
func (m *machine) keptGeneration(ctx context.Context, generation string) (*plan.Desired, error) {
	seen := m.host.Snapshot
	switch generation {
	case plan.None:
		return plan.DesiredNone(), nil
	case seen.Runs:
		return m.onHost(ctx, m.session, generation, seen.Unit), nil
	}
	unit, err := m.session.Text(ctx, path.Join(m.host.Unit.Home, generation, m.host.Unit.Name))
	if err != nil {
		return nil, &plan.NoWayBackError{Detail: err.Error()}
	}
	return m.onHost(ctx, m.session, generation, unit), nil
}

// onHost is what a unit of a host asks for, as far as it can be told.
func (m *machine) onHost(ctx context.Context, s *host.Session, generation string, unit []byte) *plan.Desired {
	return plan.DesiredFromHost(generation, unit, func(p string) ([]byte, error) { return s.Text(ctx, p) })
}

// noLease: the apiserver answered, and has no such lease.
func noLease(err error) bool { return errors.Is(err, live.ErrNoLease) }
