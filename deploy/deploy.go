// Package deploy deploys an exported tree to its hosts. It connects to them, observes them
// and carries out a rollout. deploy/plan makes the plan, deploy/rollout decides each step,
// deploy/host runs commands on a host, and deploy/remote connects by SSH.
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

// Options are the settings of a rollout besides the cluster and its tree.
type Options struct {
	SSH *remote.Config
	// Leader reads the leader lease; nil: the leader isn't known.
	Leader *live.Client
	Who    string        // names this session to others that find a host locked
	Nonce  func() string // marks a host's answers among what programs print
	Now    func() time.Time
	// Thorough compares large files of hosts, too.
	Thorough bool
	// Poll is the time between two looks at a host; 0 is half a second.
	Poll time.Duration
}

// Event is progress, for the operator.
type Event struct {
	Node string // "" for the whole cluster
	Step string // a word: connect, stage, restart, …
	Text string
}

// Hosts are connected hosts of a cluster.
type Hosts struct {
	cluster      *spec.Cluster
	options      Options
	named        []*machine // the hosts that the command names, sorted by name
	others       []*machine // the cluster's other hosts
	started      time.Time
	initialLease leaseRead // read while the hosts were connected
}

// leaseRead is the result of reading the lease.
type leaseRead struct {
	lease *live.Lease
	err   error
}

// Begin connects to hosts and looks at them, all at once. desired holds what each should
// have, by node. The error names every host that can't be reached.
func Begin(ctx context.Context, c *spec.Cluster, nodes []string, desired map[string]*plan.Desired, o Options) (*Hosts, error) {
	if o.Poll == 0 {
		o.Poll = time.Second / 2
	}
	h := &Hosts{cluster: c, options: o, started: o.Now()}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if slices.Contains(nodes, n.Name) {
			h.named = append(h.named, h.machine(n, desired[n.Name]))
		}
	}
	asked := make(chan leaseRead, 1)
	go func() {
		l, err := h.lease(ctx)
		asked <- leaseRead{l, err}
	}()
	err := forEach(h.named, func(m *machine) error { return m.connectAndLook(ctx) })
	h.initialLease = <-asked
	if err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close ends all sessions and their locks.
func (h *Hosts) Close() {
	for _, m := range h.all() {
		m.disconnect()
	}
}

func (h *Hosts) all() []*machine { return slices.Concat(h.named, h.others) }

// forEach calls do for all machines concurrently, and joins the errors.
func forEach(machines []*machine, do func(*machine) error) error {
	errs := make([]error, len(machines))
	var all sync.WaitGroup
	for i, m := range machines {
		all.Go(func() { errs[i] = m.withNode(do(m)) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// lease reads the leader lease: nil if it has no holder, or if it can't be asked for.
func (h *Hosts) lease(ctx context.Context) (*live.Lease, error) {
	i := slices.IndexFunc(h.named, func(m *machine) bool { return m.host.Desired != nil && m.host.Desired.Elects() })
	if h.options.Leader == nil || i < 0 {
		return nil, nil
	}
	namespace, name, err := h.named[i].host.Desired.Lease()
	if err != nil {
		return nil, err
	}
	l, err := h.options.Leader.Lease(ctx, namespace, name)
	if errors.Is(err, live.ErrNoLease) || err == nil && l.Holder == "" {
		return nil, nil
	}
	if err != nil {
		return nil, &LeaseError{err}
	}
	return l, nil
}

// LeaseError is a leader lease that can't be read.
type LeaseError struct{ Err error }

func (e *LeaseError) Error() string { return "the leader can't be read: " + e.Err.Error() }

// Unwrap returns why.
func (e *LeaseError) Unwrap() error { return e.Err }
