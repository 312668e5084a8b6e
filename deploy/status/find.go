package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	maxSkew     = 5 * time.Second // a clock's; with the defaults a lease is renewed every 2 s
	endsSoon    = 30 * 24 * time.Hour
	justStarted = 30 * time.Second
	oftenInHour = 3               // changes of the leader
	stuckAfter  = 5 * time.Minute // of work on one object
	newsFor     = 10 * time.Minute
	starting    = 5 * time.Second // a process that has just begun may lack its mounts yet
	tolerance   = 2 * time.Second // of times of a lease, since clocks are read to the second
)

// page is the page of findings in the documentation.
const page = "docs/status.md#"

// Find sets what is wrong with a cluster: errors first, then by host.
func (c *Cluster) Find() {
	f := &finder{c: c}
	f.cluster()
	f.nodes()
	for i := range c.Hosts {
		f.host(&c.Hosts[i])
	}
	order := []Severity{Error, Warning, NotChecked}
	slices.SortStableFunc(f.found, func(a, b Finding) int {
		return cmp.Or(slices.Index(order, a.Severity)-slices.Index(order, b.Severity), strings.Compare(a.Node, b.Node))
	})
	c.Findings = append([]Finding{}, f.found...)
}

type finder struct {
	c     *Cluster
	node  string
	found []Finding
}

func (f *finder) add(s Severity, id, hint, format string, args ...any) {
	f.found = append(f.found, Finding{ID: id, Severity: s, Node: f.node, Message: fmt.Sprintf(format, args...), Hint: hint, Page: page + id})
}

func (f *finder) has(node string, ids ...string) bool {
	return slices.ContainsFunc(f.found, func(g Finding) bool { return g.Node == node && slices.Contains(ids, g.ID) })
}

// Hints that several findings have.
const readRights = "give the kubeconfig's user the rights in docs/status.md#rights"

// command returns what to type about the cluster.
func (f *finder) command(name string) string { return "type: kcmgen " + name + " " + f.c.Argument }

func (f *finder) cluster() {
	if f.apiserver(); f.c.Lease.Elects && f.c.Lease.Problem == nil {
		f.lease()
	}
}

func (f *finder) apiserver() {
	a := f.c.Apiserver
	problem := cmp.Or(f.c.Lease.Problem, a.Problem)
	switch {
	case problem == nil:
	case problem.Kind == NoKubeconfig:
		f.add(NotChecked, "cluster-not-read", "set deploy: kubeconfig in the cluster, or say --kubeconfig", "no kubeconfig is named: who leads, what the metrics say, and which ranges nodes have, isn't known")
	case problem.Kind == Forbidden:
		f.add(NotChecked, "cluster-not-read", readRights, "%s", problem.Text)
	default:
		f.add(Error, "apiserver", "look at the apiserver and etcd: kubectl get --raw '/readyz?verbose'", "%s", problem.Text)
	}
	ours, theirs := minorOf(f.c.Version), minorOf(a.Version)
	switch {
	case theirs < 0 || ours < 0:
	case ours > theirs:
		f.add(Error, "version-skew", "upgrade the apiservers first", "kube-controller-manager %s is newer than the apiserver, %s", f.c.Version, a.Version)
	case ours < theirs-1:
		f.add(Error, "version-skew", fmt.Sprintf("type: kcmgen upgrade %s --to v1.%d", f.c.Argument, theirs-1), "kube-controller-manager %s is %d minor versions older than the apiserver, %s: one is supported", f.c.Version, theirs-ours, a.Version)
	}
}

// minorOf returns the minor version of v1.MINOR.…; -1 if it is none.
func minorOf(v string) int {
	var major, minor int
	if n, _ := fmt.Sscanf(v, "v%d.%d", &major, &minor); n != 2 || major != 1 {
		return -1
	}
	return minor
}

func (f *finder) lease() {
	l := f.c.Lease
	now := cmp.Or(l.Read, f.c.Time) // by the holder's clock
	if h := f.c.Led(); h != nil {
		now = now.Add(seconds(h.Skew))
	}
	switch {
	case l.Holder == "" || l.Renewed == nil:
		f.add(Error, "no-leader", f.log(""), "no instance leads: %s has no holder", l.Name)
	case l.Renewed.Sub(now) > tolerance+maxSkew:
		f.add(Error, "lease-ahead", "set the clock of its holder's host", "%s was renewed by %s at %s, which is yet to come", l.Name, l.Holder, l.Renewed.UTC().Format(time.RFC3339))
	case now.Sub(*l.Renewed) > l.Duration+tolerance:
		f.add(Error, "no-leader", f.log(l.Node), "no instance leads: %s hasn't renewed %s for %s, and it runs out after %s", l.Holder, l.Name, Age(now.Sub(*l.Renewed)), l.Duration)
	case l.Node == "" && !f.c.Limited && f.allReached():
		f.add(Error, "foreign-leader", "end the kube-controller-manager there, or add that host to the cluster", "%s leads, which is none of the cluster's hosts", l.Holder)
	}
	if l.Changes != nil && *l.Changes >= oftenInHour {
		f.add(Warning, "leader-changes", "look at the apiserver and etcd: a leader that can't renew its lease in time ends", "the leader changed %d times in the last hour", *l.Changes)
	}
	f.claims()
}

func (f *finder) allReached() bool {
	return !slices.ContainsFunc(f.c.Hosts, func(h Host) bool { return h.Problem != nil })
}

// claims compares what hosts say of themselves with the lease.
func (f *finder) claims() {
	var leads []string
	for i := range f.c.Hosts {
		if f.c.Hosts[i].Leads() {
			leads = append(leads, f.c.Hosts[i].Node)
		}
	}
	if len(leads) > 1 {
		f.add(Error, "two-leaders", "restart kube-controller-manager where the lease isn't held", "%s each say that they lead", strings.Join(leads, " and "))
	}
	if h := f.c.Led(); h != nil && h.Leads() {
		f.work(h)
	}
}

// work looks for a leader that does nothing, or doesn't get on.
func (f *finder) work(h *Host) {
	f.node = h.Node
	defer func() { f.node = "" }()
	added := 0
	for _, q := range h.Metrics.Queues {
		if !always(q.Name) {
			added += q.Added
		}
		if q.Oldest > stuckAfter.Seconds() {
			f.add(Warning, "work-stuck", hostLog(h), "the controller with the queue %s has worked on one object for %s", q.Name, Age(seconds(q.Oldest)))
		}
	}
	since := f.c.Time.Add(seconds(h.Skew))
	if f.c.Lease.Acquired != nil {
		since = *f.c.Lease.Acquired
	}
	if led := f.c.Time.Add(seconds(h.Skew)).Sub(since); added == 0 && led > justStarted {
		f.add(Error, "leader-idle", "see that --controllers names controllers, and "+hostLog(h), "it has led for %s, and none of its controllers has done anything", Age(led))
	}
}

// always reports whether a queue shows nothing of a leader's work: those of the code that serves
// /healthz and /metrics, which reads certificates and CAs again, on standbys, too; and those of
// the tokens of service accounts, whose controller --controllers doesn't switch off.
func always(queue string) bool {
	return strings.HasPrefix(queue, "Dynamic") || strings.HasPrefix(queue, "RequestHeader") || strings.HasPrefix(queue, "serviceaccount_tokens_")
}

// log returns where to look for why no instance leads: on a node, or on any.
func (f *finder) log(node string) string {
	for i := range f.c.Hosts {
		if h := &f.c.Hosts[i]; h.Node == node || node == "" && h.Problem == nil {
			return hostLog(h)
		}
	}
	return "look at the log of each instance"
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// Age returns a duration as people say it: 42s, 3h12m, 5d.
func Age(d time.Duration) string {
	switch d = d.Abs(); {
	case d < 2*time.Minute:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%dd", int(d/(24*time.Hour)))
}
