package show

import (
	"io"
	"math"
	"slices"
	"time"

	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/internal/promtext"
)

// families are the metrics, in the order in which they are written. What wasn't seen has no
// sample: a value of 0 is always one that was seen.
var families = []promtext.Family{
	{Name: "kcmgen_status_timestamp_seconds", Help: "When the cluster was looked at, in Unix time."},
	{Name: "kcmgen_findings", Help: "How many findings there are of a severity."},
	{Name: "kcmgen_finding", Help: "Always 1: there is such a finding about the node, or about the cluster if node is empty."},
	{Name: "kcmgen_up", Help: "Whether the host could be looked at."},
	{Name: "kcmgen_process_running", Help: "Whether kube-controller-manager runs on the host."},
	{Name: "kcmgen_process_start_timestamp_seconds", Help: "When kube-controller-manager was started on the host, in Unix time."},
	{Name: "kcmgen_process_restarts", Help: "How often kube-controller-manager was restarted on the host, since what starts it was loaded."},
	{Name: "kcmgen_healthy", Help: "Whether /healthz of kube-controller-manager on the host answered ok."},
	{Name: "kcmgen_node_apiserver_up", Help: "Whether the apiserver answered the host with the kubeconfig of its kube-controller-manager."},
	{Name: "kcmgen_drift", Help: "Whether the host has, or runs, something else than the last export."},
	{Name: "kcmgen_program_info", Help: "Always 1: the version of kube-controller-manager that runs on the host."},
	{Name: "kcmgen_clock_skew_seconds", Help: "How far the clock of the host is ahead."},
	{Name: "kcmgen_certificate_end_timestamp_seconds", Help: "When the first certificate of this use at this path ends, in Unix time."},
	{Name: "kcmgen_leader", Help: "Whether the lease names the host as its holder."},
	{Name: "kcmgen_lease_known", Help: "Whether the lease could be read."},
	{Name: "kcmgen_lease_acquired_timestamp_seconds", Help: "When the holder acquired the lease, in Unix time by its clock."},
	{Name: "kcmgen_lease_renewed_timestamp_seconds", Help: "When the holder last renewed the lease, in Unix time by its clock."},
	{Name: "kcmgen_lease_duration_seconds", Help: "How long after its renewal the lease runs out."},
	{Name: "kcmgen_lease_transitions_total", Help: "How often the lease got another holder.", Counter: true},
	{Name: "kcmgen_leader_changes_last_hour", Help: "How often another leader was announced in the last hour."},
	{Name: "kcmgen_apiserver_up", Help: "Whether the apiserver answered kcmgen."},
	{Name: "kcmgen_nodes", Help: "How many Node objects there are."},
	{Name: "kcmgen_node_ranges_left", Help: "How many nodes can still get a part of the range, +Inf for more than 2^31."},
}

// Prometheus writes metrics of clusters in Prometheus' text format, for the textfile
// collector of node_exporter. No two samples have the same name and labels: of two certificates
// of one use and path the first end counts, and of two clusters of one name the first one.
func Prometheus(w io.Writer, clusters []*status.Cluster) error {
	s := samples{of: map[string][]promtext.Sample{}, at: map[string]int{}}
	named := map[string]bool{}
	for _, c := range clusters {
		if name := plain(c.Name); !named[name] {
			named[name] = true
			s.cluster(c)
		}
	}
	var out []promtext.Family
	for _, f := range families {
		f.Samples = s.of[f.Name]
		out = append(out, f)
	}
	return promtext.Write(w, out)
}

// samples collects samples by the name of their metric.
type samples struct {
	of map[string][]promtext.Sample
	at map[string]int // the index of each sample, by name and labels
}

// add adds a sample with labels, each a name and a value. Of several with the same labels the
// least is kept.
func (s *samples) add(name string, value float64, labels ...string) {
	of := map[string]string{}
	key := name
	for i := 0; i < len(labels); i += 2 {
		text := plain(labels[i+1])
		of[labels[i]] = text
		key += "\x00" + text // no text has this character after plain
	}
	if i, ok := s.at[key]; ok {
		s.of[name][i].Value = min(s.of[name][i].Value, value)
		return
	}
	s.at[key] = len(s.of[name])
	s.of[name] = append(s.of[name], promtext.Sample{Labels: of, Value: value})
}

// time is add for a time; nil: it is unknown.
func (s *samples) time(name string, t *time.Time, labels ...string) {
	if t != nil && !t.IsZero() {
		s.add(name, unix(*t), labels...)
	}
}

// unix returns a time in seconds, to the microsecond: a float64 holds no more.
func unix(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond()/1000)/1e6
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (s *samples) cluster(c *status.Cluster) {
	s.time("kcmgen_status_timestamp_seconds", &c.Time, "cluster", c.Name)
	s.findings(c)
	for i := range c.Hosts {
		h := &c.Hosts[i]
		s.add("kcmgen_up", oneIf(h.Problem == nil), "cluster", c.Name, "node", h.Node)
		if h.Problem == nil {
			s.host(c.Name, h)
		}
	}
	s.lease(c)
	if p := c.Apiserver.Problem; p == nil && c.Apiserver.Version != "" || p != nil && p.Kind != status.NoKubeconfig && p.Kind != status.Forbidden {
		s.add("kcmgen_apiserver_up", oneIf(p == nil), "cluster", c.Name)
	}
	if c.Nodes.Problem != nil {
		return
	}
	s.add("kcmgen_nodes", float64(c.Nodes.Count), "cluster", c.Name)
	for _, p := range c.Nodes.Pools {
		left := float64(p.Left)
		if p.Left < 0 {
			left = math.Inf(1)
		}
		if c.Nodes.Allocates {
			s.add("kcmgen_node_ranges_left", left, "cluster", c.Name, "cidr", p.CIDR.String())
		}
	}
}

func (s *samples) findings(c *status.Cluster) {
	counts := map[status.Severity]int{}
	for _, f := range c.Findings {
		counts[f.Severity]++
		s.add("kcmgen_finding", 1, "cluster", c.Name, "node", f.Node, "id", f.ID, "severity", string(f.Severity))
	}
	for _, of := range severities {
		s.add("kcmgen_findings", float64(counts[of]), "cluster", c.Name, "severity", string(of))
	}
}

// host adds what was seen of a host that could be looked at.
func (s *samples) host(cluster string, h *status.Host) {
	labels := []string{"cluster", cluster, "node", h.Node}
	add := func(name string, value float64) { s.add(name, value, labels...) }
	add("kcmgen_process_running", oneIf(h.Running))
	if h.Running {
		s.time("kcmgen_process_start_timestamp_seconds", h.Since, labels...)
	}
	add("kcmgen_process_restarts", float64(h.Restarts))
	if told(h.Healthz) {
		add("kcmgen_healthy", oneIf(h.Healthz.OK()))
	}
	if told(h.Apiserver) {
		add("kcmgen_node_apiserver_up", oneIf(h.Apiserver.OK()))
	}
	if h.Drift != nil {
		add("kcmgen_drift", oneIf(!h.Drift.InSync() || len(h.Drift.Unit) > 0 || h.OnDisk != h.Exported || h.Stale != "" || len(h.Flags) > 0))
	}
	if h.Version != "" {
		s.add("kcmgen_program_info", 1, append(slices.Clip(labels), "version", h.Version)...)
	}
	if !math.IsNaN(h.Skew) {
		add("kcmgen_clock_skew_seconds", h.Skew)
	}
	for _, c := range h.Certificates {
		if c.Problem == "" {
			s.time("kcmgen_certificate_end_timestamp_seconds", c.Ends, append(slices.Clip(labels), "use", c.Use, "path", c.Path)...)
		}
	}
}

// told reports whether an answer, or its failure, tells of what was asked.
func told(a status.Answer) bool {
	return a.Asked && (a.Problem == nil || a.Problem.Kind != status.NotServed)
}

func (s *samples) lease(c *status.Cluster) {
	l := &c.Lease
	if !l.Elects {
		return
	}
	s.add("kcmgen_lease_known", oneIf(l.Problem == nil), "cluster", c.Name)
	if l.Problem != nil {
		return
	}
	for i := range c.Hosts {
		s.add("kcmgen_leader", oneIf(l.Node != "" && c.Hosts[i].Node == l.Node), "cluster", c.Name, "node", c.Hosts[i].Node)
	}
	s.time("kcmgen_lease_acquired_timestamp_seconds", l.Acquired, "cluster", c.Name)
	s.time("kcmgen_lease_renewed_timestamp_seconds", l.Renewed, "cluster", c.Name)
	if l.Holder != "" {
		s.add("kcmgen_lease_duration_seconds", l.Duration.Seconds(), "cluster", c.Name)
	}
	s.add("kcmgen_lease_transitions_total", float64(l.Transitions), "cluster", c.Name)
	if l.Changes != nil {
		s.add("kcmgen_leader_changes_last_hour", float64(*l.Changes), "cluster", c.Name)
	}
}
