package deploy

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/remote"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// hostLimit bounds the time for one host. One that doesn't answer is a row of its own.
const hostLimit = 30 * time.Second

// Status looks at a cluster and at the named hosts, all at once, and says what is wrong. It
// changes nothing. desired holds what each host should have, by node; nil if that isn't known.
// Without o.Leader nothing of the cluster itself is seen. What can't be reached is part of the
// answer; the error is a context's.
func Status(ctx context.Context, c *spec.Cluster, nodes []string, desired map[string]*plan.Desired, o Options) (*status.Cluster, error) {
	h, out, _, err := lookAtAll(ctx, c, nodes, desired, o)
	h.Close()
	return out, err
}

// lookAtAll is Status with the connections to the hosts, and with the configuration on each one's
// disk, nil if it can't be read.
func lookAtAll(ctx context.Context, c *spec.Cluster, nodes []string, desired map[string]*plan.Desired, o Options) (*Hosts, *status.Cluster, []*plan.Config, error) {
	h := &Hosts{cluster: c, options: o, started: o.Now()}
	for i := range c.Nodes {
		if n := &c.Nodes[i]; slices.Contains(nodes, n.Name) {
			h.named = append(h.named, h.machine(n, desired[n.Name]))
		}
	}
	out, configs, err := h.lookAgain(ctx)
	return h, out, configs, err
}

// atOnce bounds how many hosts are looked at at once.
const atOnce = 64

// lookAgain looks at the hosts and the cluster. Hosts that have no connection are connected.
func (h *Hosts) lookAgain(ctx context.Context) (*status.Cluster, []*plan.Config, error) {
	out := &status.Cluster{Name: h.cluster.Name, Time: h.options.Now().UTC().Truncate(time.Second), Version: h.cluster.Version.String(), Limited: len(h.named) < len(h.cluster.Nodes)}
	out.Hosts = make([]status.Host, len(h.named))
	configs := make([]*plan.Config, len(h.named))
	turn := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	all.Go(func() { h.clusterStatus(ctx, out) })
	for i, m := range h.named {
		all.Go(func() {
			turn <- struct{}{}
			out.Hosts[i], configs[i] = m.status(ctx)
			<-turn
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	for i, m := range h.named {
		name := cmp.Or(out.Hosts[i].Hostname, m.host.ClusterHostname) // the cluster's, if the host can't be reached
		if name == out.Lease.Hostname && name != "" {
			out.Lease.Node = m.node.Name
		}
		if configs[i] != nil && !out.Nodes.Allocates {
			out.Nodes.Allocates, out.Nodes.Pools = pools(configs[i])
		}
	}
	return out, configs, nil
}

// clusterStatus reads what the apiserver says, with the operator's kubeconfig.
func (h *Hosts) clusterStatus(ctx context.Context, out *status.Cluster) {
	namespace, name, err := plan.LeaseOf(h.cluster, h.named[0].node)
	out.Lease.Elects = err == nil
	api := h.options.Leader
	if api == nil {
		none := &status.Problem{Kind: status.NoKubeconfig, Text: ErrNoKubeconfig.Error()}
		out.Lease.Problem, out.Apiserver.Problem, out.Nodes.Problem = none, none, none
		return
	}
	var all sync.WaitGroup
	all.Go(func() {
		v, err := api.Version(ctx)
		out.Apiserver = status.Apiserver{Version: v, Problem: problem(err)}
	})
	all.Go(func() {
		nodes, err := api.Nodes(ctx)
		out.Nodes.Objects, out.Nodes.Count, out.Nodes.Problem = nodes, len(nodes), problem(err)
	})
	if out.Lease.Elects {
		out.Lease.Name = namespace + "/" + name
		all.Go(func() { h.leaseStatus(ctx, &out.Lease, namespace, name) })
	}
	all.Wait()
}

func (h *Hosts) leaseStatus(ctx context.Context, out *status.Lease, namespace, name string) {
	elections := make(chan *int, 1)
	go func() {
		at, err := h.options.Leader.Elections(ctx, namespace, name)
		elections <- changesSince(at, err, h.options.Now().Add(-time.Hour))
	}()
	l, err := h.options.Leader.Lease(ctx, namespace, name)
	out.Read = h.options.Now()
	out.Changes = <-elections
	if errors.Is(err, live.ErrNoLease) {
		return
	}
	if out.Problem = problem(err); err != nil {
		return
	}
	out.Holder, out.Hostname, out.Duration, out.Transitions = l.Holder, l.Hostname, l.Duration, l.Transitions
	out.Acquired, out.Renewed = timePointer(l.Acquired), timePointer(l.Renewed)
}

// changesSince returns how many leaders followed another one since a time; nil if err.
func changesSince(at []time.Time, err error, since time.Time) *int {
	if err != nil {
		return nil
	}
	n := 0
	for _, t := range at {
		if t.After(since) {
			n++
		}
	}
	if n > 0 && n == len(at) {
		n-- // the first one is kept, so nothing is known of one before it
	}
	return &n
}

func timePointer(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// problem returns what an error means to the operator; nil for nil.
func problem(err error) *status.Problem {
	if err == nil {
		return nil
	}
	var unhealthy *live.UnhealthyError
	var forbidden *remote.ForwardForbiddenError
	kind := status.Failed
	switch {
	case errors.As(err, &forbidden), errors.Is(err, live.ErrNotServed):
		kind = status.NotServed
	case errors.As(err, &unhealthy):
		kind = status.Unhealthy
	case errors.Is(err, live.ErrUnauthorized):
		kind = status.Unauthorized
	case errors.Is(err, live.ErrForbidden):
		kind = status.Forbidden
	case errors.Is(err, live.ErrUntrusted):
		kind = status.Untrusted
	case errors.Is(err, live.ErrTimeout), errors.Is(err, live.ErrUnreachable), errors.Is(err, live.ErrUnavailable):
		kind = status.Silent
	}
	return &status.Problem{Kind: kind, Text: err.Error()}
}
