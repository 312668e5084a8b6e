package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/live"
)

// DrillModes are how a drill can end the leader.
func DrillModes() []string {
	return []string{string(host.DrillStop), string(host.DrillKill), string(host.DrillPartition)}
}

const (
	// drillAfter is the time after which a host puts everything back without its operator.
	drillAfter = 45 * time.Second
	// drillBeat is how often the operator shows that it is there.
	drillBeat = 10 * time.Second
	// drillPatience is added to the predicted time until another instance leads.
	drillPatience = 30 * time.Second
	// drillReturn is how long a host may take to be healthy again.
	drillReturn = 2 * time.Minute
)

// Drill is a failover test that is ready to begin. Close ends its connections.
type Drill struct {
	hosts   *Hosts
	leader  *machine
	config  *plan.Config
	mode    host.DrillMode
	client  *live.Client
	lease   live.Lease
	leaseOf [2]string // namespace and name

	// Leader is the node that leads. Standbys are the other nodes that are healthy.
	Leader   string
	Standbys []string
	// Least and Most are for how long the lease is predicted to have no living holder.
	Least, Most time.Duration
}

// UnfitForDrillError is a cluster in which the leader mustn't be ended.
type UnfitForDrillError struct{ Why string }

func (e *UnfitForDrillError) Error() string { return e.Why }

// NewDrill looks at a cluster, and prepares a drill. It returns an [UnfitForDrillError] if fewer
// than two instances are healthy, or who leads isn't known.
func NewDrill(ctx context.Context, c *spec.Cluster, mode string, desired map[string]*plan.Desired, o Options) (*Drill, error) {
	var nodes []string
	for i := range c.Nodes {
		nodes = append(nodes, c.Nodes[i].Name)
	}
	h, seen, configs, err := lookAtAll(ctx, c, nodes, desired, o)
	d := &Drill{hosts: h, mode: host.DrillMode(mode), client: o.Leader, Leader: ""}
	if err == nil {
		err = d.choose(seen, configs)
	}
	if err == nil && d.mode == host.DrillPartition && d.config.Pod != nil {
		err = &UnfitForDrillError{"a pod's packets can't be dropped: say --mode stop or kill"}
	}
	if err != nil {
		h.Close()
		return nil, err
	}
	return d, nil
}

// Close ends the connections.
func (d *Drill) Close() { d.hosts.Close() }

// choose finds the leader, and checks that another instance can take over.
func (d *Drill) choose(seen *status.Cluster, configs []*plan.Config) error {
	unfit := func(format string, args ...any) error { return &UnfitForDrillError{fmt.Sprintf(format, args...)} }
	l := seen.Lease
	switch {
	case !l.Elects:
		return unfit("its instances take no part in leader election")
	case l.Problem != nil:
		return unfit("who leads isn't known: %s", l.Problem.Text)
	case l.Node == "" || l.Renewed == nil:
		return unfit("none of its hosts leads (the lease's holder is %q)", l.Holder)
	}
	for i := range seen.Hosts {
		h := &seen.Hosts[i]
		healthy := h.Problem == nil && h.Running && h.Healthz.OK() && (h.Apiserver.Problem == nil || h.Apiserver.Problem.Kind == status.NotServed) && h.Trial == "" && h.Holder == ""
		switch {
		case h.Node == l.Node && !healthy:
			return unfit("%s leads, and isn't healthy: kcmgen status", h.Node)
		case h.Node == l.Node:
			d.Leader, d.leader, d.config = h.Node, d.hosts.named[i], configs[i]
		case healthy:
			d.Standbys = append(d.Standbys, h.Node)
		}
	}
	switch {
	case d.leader == nil || d.config == nil:
		return unfit("%s leads, and what it runs can't be read", l.Node)
	case len(d.Standbys) == 0:
		return unfit("no other instance is healthy: none could take over")
	}
	return d.predict()
}

// predict sets the times that the lease's flags predict. Source: k8s.io/client-go/tools/
// leaderelection: others try again after 1 to 2.2 retry periods, twice at the most until they have
// seen the last renewal and that it has run out.
func (d *Drill) predict() error {
	namespace, name, err := d.config.Lease()
	if err != nil {
		return err
	}
	d.leaseOf = [2]string{namespace, name}
	lease, err1 := time.ParseDuration(d.config.Flag("leader-elect-lease-duration"))
	retry, err2 := time.ParseDuration(d.config.Flag("leader-elect-retry-period"))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	tries := time.Duration(2 * 2.2 * float64(retry))
	switch {
	case d.config.Coordinated():
		d.Least, d.Most = 0, lease+tries+10*time.Second // the apiserver chooses among candidates
	case d.config.ReleasesLease() && d.mode == host.DrillStop:
		d.Least, d.Most = 0, 5*time.Second+tries // it gives it back when it ends
	default:
		d.Least, d.Most = lease, lease+tries+time.Second
	}
	return nil
}

// Run runs the drill, and puts everything back, also when ctx ends. tell gets its progress. The
// error is one that kept it from beginning, or from putting everything back.
func (d *Drill) Run(ctx context.Context, o *CanaryOptions, tell func(Event)) (*DrillReport, error) {
	r := &DrillReport{
		Cluster: d.hosts.cluster.Name, Mode: string(d.mode), Started: d.hosts.options.Now().UTC().Truncate(time.Second), Leader: d.Leader,
		Least: d.Least.Seconds(), Most: d.Most.Seconds(),
	}
	m := d.leader
	s, err := m.liveSession(ctx)
	if err != nil {
		return nil, m.withNode(err)
	}
	if _, err := s.Lock(ctx, m.host.Unit, m.options.Who); err != nil {
		return nil, m.withNode(err)
	}
	was, err := d.client.Lease(ctx, d.leaseOf[0], d.leaseOf[1])
	if err != nil {
		return nil, &LeaseError{err}
	}
	if err := d.still(ctx, was); err != nil {
		return nil, err
	}
	d.lease = *was
	addresses, err := d.apiservers(ctx, s)
	if err != nil {
		return nil, m.withNode(err)
	}
	tell(Event{d.Leader, string(d.mode), "the leader ends"})
	err = s.Drill(ctx, m.host.Unit, d.mode, drillAfter, addresses)
	if err == nil {
		beating, stop := context.WithCancel(ctx)
		beats := make(chan error, 1)
		go func() { beats <- d.beat(beating) }()
		d.failover(ctx, r, tell)
		if o != nil && r.Next != "" {
			d.prove(ctx, r, *o, tell)
		}
		stop()
		if early := <-beats; early != nil {
			r.Failed = append(r.Failed, d.Leader+": "+early.Error())
		}
	}
	// Also after the operator has ended the drill.
	restoring, cancel := context.WithTimeout(context.WithoutCancel(ctx), drillReturn)
	defer cancel()
	tell(Event{d.Leader, "restore", "it is started again"})
	if failed := d.restore(restoring); failed != nil {
		return r, errors.Join(err, fmt.Errorf("%s: %w; once this machine is gone, the host tries again by itself every 5 s", d.Leader, failed))
	}
	r.Restored = true
	tell(Event{d.Leader, "healthy", "again"})
	if err == nil {
		err = context.Cause(ctx)
	}
	return r, err
}

// still returns an error unless the same host leads as when the drill was prepared, and another
// instance is healthy: the operator may have taken long to answer.
func (d *Drill) still(ctx context.Context, l *live.Lease) error {
	if l.Hostname != d.leader.host.Snapshot.Name || d.hosts.options.Now().Add(d.leader.host.Skew).Sub(l.Renewed) > l.Duration {
		return &UnfitForDrillError{"another instance leads by now, or none: the same command again"}
	}
	for _, m := range d.hosts.named {
		if m == d.leader || !slices.Contains(d.Standbys, m.node.Name) {
			continue
		}
		if s, err := m.sessionWith(ctx, func() {}); err == nil {
			if p, err := s.Probe(ctx, m.host.Unit, "", time.Second); err == nil && p.Process.Running {
				return nil
			}
		}
	}
	return &UnfitForDrillError{"no other instance runs any more: none could take over"}
}

// beat shows the host that the operator is there. It returns an error if the host has ended the
// drill by itself.
func (d *Drill) beat(ctx context.Context) error {
	tick := time.NewTicker(drillBeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		s, err := d.leader.liveSession(ctx)
		if err == nil {
			err = s.HoldDrill(ctx, d.leader.host.Unit, drillAfter)
		}
		d.leader.closeIfBroken(err)
		if refused := (*host.CommandError)(nil); errors.As(err, &refused) && ctx.Err() == nil {
			return err
		}
	}
}

// apiservers returns the addresses of the apiserver that the leader's kubeconfig names, as its host
// resolves them. Only a partition needs them.
func (d *Drill) apiservers(ctx context.Context, s *host.Session) ([]string, error) {
	if d.mode != host.DrillPartition {
		return nil, nil
	}
	api, err := d.leader.client(d.config)
	if err != nil || api == nil {
		return nil, fmt.Errorf("its apiserver isn't known: %w", cmp.Or(err, errors.New("its kubeconfig can't be read")))
	}
	u, err := url.Parse(api.Server())
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil {
		return []string{ip.String()}, nil
	}
	all, err := s.Addresses(ctx, u.Hostname())
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s has no address there", u.Hostname())
	}
	return all, err
}

// failover waits until another instance leads.
func (d *Drill) failover(ctx context.Context, r *DrillReport, tell func(Event)) {
	limit, cancel := context.WithTimeout(ctx, d.Most+drillPatience)
	defer cancel()
	last := d.lease.Renewed
	for {
		l, err := d.client.Lease(limit, d.leaseOf[0], d.leaseOf[1])
		switch {
		case err != nil:
		case l.Holder == d.lease.Holder:
			last = l.Renewed
		case l.Holder != "":
			d.leads(r, l, last, tell)
			return
		}
		select {
		case <-limit.Done():
			switch {
			case ctx.Err() != nil:
			case d.mode == host.DrillPartition && last.After(d.lease.Renewed.Add(d.Least)):
				r.Failed = append(r.Failed, d.Leader+" goes on renewing the lease: IPAddressDeny= of systemd has no effect there")
			default:
				r.Failed = append(r.Failed, fmt.Sprintf("no other instance led within %v", (d.Most+drillPatience).Round(time.Second)))
			}
			return
		case <-time.After(time.Second / 5):
		}
	}
}

// leads records the new leader. Times of the lease are by the clocks of its holders.
func (d *Drill) leads(r *DrillReport, l *live.Lease, last time.Time, tell func(Event)) {
	r.Next = l.Holder
	acquired := l.Acquired
	for _, m := range d.hosts.named {
		if m.host.Snapshot == nil {
			continue
		}
		if m.host.Snapshot.Name == l.Hostname {
			r.Next, acquired = m.node.Name, acquired.Add(-m.host.Skew)
		}
		if m == d.leader {
			last = last.Add(-m.host.Skew)
		}
	}
	took := max(0, acquired.Sub(last))
	r.Leaderless = took.Seconds()
	tell(Event{r.Next, "leads", fmt.Sprintf("after %.1f s without a leader; predicted were %.0f to %.0f s", took.Seconds(), r.Least, r.Most)})
	if took > d.Most || took < d.Least-2*time.Second {
		r.Failed = append(r.Failed, fmt.Sprintf("it took %.1f s until another instance led; its flags predict %.0f to %.0f s", took.Seconds(), r.Least, r.Most))
	}
	if r.Next == d.Leader && d.mode != host.DrillKill { // it is started again at once, and may win
		r.Failed = append(r.Failed, "the same host leads again: no other one took over")
	}
}

// prove runs a canary.
func (d *Drill) prove(ctx context.Context, r *DrillReport, o CanaryOptions, tell func(Event)) {
	tell(Event{r.Next, "canary", "its controllers are watched"})
	report, err := runCanary(ctx, d.hosts.cluster.Name, d.client, o, d.hosts.options.Now, func(Line) {})
	if report == nil {
		r.Failed = append(r.Failed, "the canary couldn't begin: "+err.Error())
		return
	}
	for _, what := range report.Left {
		r.Failed = append(r.Failed, "the canary left behind: "+what)
	}
	if err != nil {
		return // the drill was ended
	}
	r.Canary = report
	for _, c := range report.Results {
		if !c.Works && !c.Skipped {
			r.Failed = append(r.Failed, fmt.Sprintf("%s doesn't work after the failover: %s", c.Controller, c.Reason))
		}
	}
}

// restore puts everything back, and waits until the host is healthy.
func (d *Drill) restore(ctx context.Context) error {
	m := d.leader
	var last error
	for {
		s, err := m.liveSession(ctx)
		if err == nil {
			err = s.EndDrill(ctx, m.host.Unit)
		}
		m.closeIfBroken(err)
		if err == nil {
			if err = d.healthy(ctx, s); err == nil {
				return nil
			}
		}
		if last = err; ctx.Err() != nil {
			return last
		}
		select {
		case <-ctx.Done():
			return last
		case <-time.After(time.Second / 2):
		}
	}
}

// healthy returns an error unless the host's process runs and is healthy.
func (d *Drill) healthy(ctx context.Context, s *host.Session) error {
	m := d.leader
	p, err := s.Probe(ctx, m.host.Unit, "", time.Second)
	switch {
	case err != nil:
		return err
	case !p.Process.Running:
		return errors.New(m.host.Unit.At(m.host.Snapshot.At).Name + " is " + p.Process.Active)
	}
	return m.healthz(ctx, d.config.HealthzAddress(), d.config.ServingCertificate())
}
