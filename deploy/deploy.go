// Package deploy brings an exported tree to its hosts. It connects to them and observes
// them, and carries out what deploy/rollout decides; what is to be done is decided by
// deploy/plan. What a host does by itself is the business of deploy/host, how it is reached
// of deploy/remote.
package deploy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// Options are what a rollout needs besides the cluster and its tree.
type Options struct {
	SSH *remote.Config
	// Leader reads the apiserver, to tell who leads; nil: nobody can tell.
	Leader *live.Client
	Who    string        // says to others whose lock it is
	Nonce  func() string // sets a host's answers off from what programs print
	Now    func() time.Time
	// Thorough reads long files of hosts, too, to compare them.
	Thorough bool
	// Poll is how long to wait before looking again; 0 is half a second.
	Poll time.Duration
}

// Event is something that happened, for people who watch.
type Event struct {
	Node string // "" for the whole cluster
	Step string // a word: connect, stage, restart, …
	Text string
}

// Hosts are hosts of a cluster, connected.
type Hosts struct {
	cluster      *spec.Cluster
	o            Options
	named        []*machine // those that the command is about, by name
	others       []*machine // the cluster's others
	started      time.Time
	initialLease leaseRead // who led when the hosts were connected
}

// leaseRead is what the apiserver said once.
type leaseRead struct {
	lease *live.Lease
	err   error
}

// Begin connects to hosts and looks at them, all at once. The error names every host
// that can't be reached.
func Begin(ctx context.Context, c *spec.Cluster, nodes []string, wants map[string]*plan.Desired, o Options) (*Hosts, error) {
	if o.Poll == 0 {
		o.Poll = time.Second / 2
	}
	h := &Hosts{cluster: c, o: o, started: o.Now()}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if slices.Contains(nodes, n.Name) {
			h.named = append(h.named, h.machine(n, wants[n.Name]))
		}
	}
	asked := make(chan leaseRead, 1)
	go func() {
		l, err := h.lease(ctx)
		asked <- leaseRead{l, err}
	}()
	err := each(h.named, func(m *machine) error { return m.connectAndLook(ctx) })
	h.initialLease = <-asked
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close ends all sessions, and with them the locks.
func (h *Hosts) Close() {
	for _, m := range h.all() {
		m.disconnect()
	}
}

func (h *Hosts) all() []*machine { return slices.Concat(h.named, h.others) }

// each does something to hosts, all at once, and joins the errors.
func each(machines []*machine, do func(*machine) error) error {
	errs := make([]error, len(machines))
	var all sync.WaitGroup
	for i, m := range machines {
		all.Go(func() { errs[i] = m.withNode(do(m)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// lease asks the apiserver who leads: nil if nobody does, or nobody can be asked.
func (h *Hosts) lease(ctx context.Context) (*live.Lease, error) {
	i := slices.IndexFunc(h.named, func(m *machine) bool { return m.host.Desired != nil && m.host.Desired.Elects() })
	if h.o.Leader == nil || i < 0 {
		return nil, nil
	}
	namespace, name, err := h.named[i].host.Desired.Lease()
	if err != nil {
		return nil, err
	}
	l, err := h.o.Leader.Lease(ctx, namespace, name)
	if errors.Is(err, live.ErrNoLease) || err == nil && l.Holder == "" {
		return nil, nil
	}
	if err != nil {
		return nil, &LeaseError{err}
	}
	return l, nil
}

// LeaseError is an apiserver that doesn't tell who leads.
type LeaseError struct{ Err error }

func (e *LeaseError) Error() string { return "who leads can't be told: " + e.Err.Error() }

// Unwrap returns why.
func (e *LeaseError) Unwrap() error { return e.Err }
