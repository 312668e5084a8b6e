// Package status says what is wrong with a running cluster, from what was seen of it. It
// connects to nothing.
package status

import (
	"net/netip"
	"time"

	"github.com/kcmgen/kcmgen/deploy/logs"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/live"
)

// Cluster is what was seen of a cluster at one moment, and what is wrong with it. Times are
// by this machine's clock unless it is said otherwise.
type Cluster struct {
	Name string    `json:"cluster"`
	Time time.Time `json:"time"`
	// Version is the version of Kubernetes that the cluster has in CUE.
	Version string `json:"version"`

	Lease     Lease     `json:"lease"`
	Apiserver Apiserver `json:"apiserver"`
	Nodes     Nodes     `json:"nodes"`
	Hosts     []Host    `json:"hosts"` // sorted by node
	Findings  []Finding `json:"findings"`

	// Argument is what names the cluster on a command line.
	Argument string `json:"-"`
	// Limited: not all of the cluster's hosts were asked.
	Limited bool `json:"limited,omitempty"`
}

// Problem is why something can't be seen.
type Problem struct {
	Kind string `json:"kind"` // one of the kinds below
	Text string `json:"text"`
}

// Kinds of problems.
const (
	NoKubeconfig = "no kubeconfig" // none is named
	Unauthorized = "unauthorized"  // the credentials aren't accepted
	Forbidden    = "forbidden"     // they may not do that
	Untrusted    = "untrusted"     // another certificate than the expected one
	Silent       = "silent"        // no answer in time
	NotServed    = "not served"    // this version, or this host, doesn't have it
	Unhealthy    = "unhealthy"     // it answers that it isn't well
	Failed       = "failed"        // anything else
)

// Lease is the leader lease. Its times are by the holder's clock.
type Lease struct {
	// Elects: the cluster's instances compete for a lease.
	Elects      bool          `json:"elects"`
	Name        string        `json:"name,omitempty"` // namespace/name
	Holder      string        `json:"holder,omitempty"`
	Node        string        `json:"node,omitempty"` // the holder's; "" if it is none of the cluster's hosts
	Hostname    string        `json:"-"`              // the holder's
	Read        time.Time     `json:"-"`              // when it was read, by this machine's clock
	Acquired    *time.Time    `json:"acquired,omitempty"`
	Renewed     *time.Time    `json:"renewed,omitempty"`
	Duration    time.Duration `json:"-"`
	Transitions int           `json:"transitions"`
	// Changes is how often another leader was announced in the last hour; nil: unknown.
	Changes *int     `json:"changesLastHour,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// Apiserver is the kube-apiserver, as the operator's kubeconfig reaches it.
type Apiserver struct {
	Version string   `json:"version,omitempty"`
	Problem *Problem `json:"problem,omitempty"`
}

// Nodes are the cluster's Node objects, and the ranges of addresses that they have.
type Nodes struct {
	// Allocates: kube-controller-manager gives each node a range of each pool.
	Allocates bool        `json:"allocates"`
	Pools     []Pool      `json:"pools,omitempty"`
	Count     int         `json:"count"`
	Objects   []live.Node `json:"-"`
	Problem   *Problem    `json:"problem,omitempty"`
}

// Pool is a range of which each node gets a part.
type Pool struct {
	CIDR netip.Prefix `json:"cidr"`
	Mask int          `json:"mask"` // of a node's part
	// Left is how many nodes can still get a part; -1: more than 2³¹.
	Left int64 `json:"left"`
}

// Host is what was seen of one host.
type Host struct {
	Node     string   `json:"node"`
	Hostname string   `json:"hostname,omitempty"` // the kernel's
	Address  string   `json:"address,omitempty"`
	Unit     string   `json:"unit"`              // what starts the process
	Problem  *Problem `json:"problem,omitempty"` // why the host can't be looked at

	State    string     `json:"state,omitempty"` // systemd's words
	Known    bool       `json:"known"`           // there is a unit, or a manifest
	Running  bool       `json:"running"`
	Enabled  bool       `json:"enabled"` // it is started at boot
	Since    *time.Time `json:"since,omitempty"`
	Restarts int        `json:"restarts"`
	PID      int        `json:"pid,omitempty"`
	Others   []int      `json:"otherProcesses,omitempty"` // PIDs of other processes of the same program
	Skew     float64    `json:"skew"`                     // how far the host's clock is ahead, in seconds
	// Zone is that of the times in its log; nil: UTC.
	Zone *time.Location `json:"-"`

	Exported string      `json:"exported,omitempty"` // the generation of the last export; "": unknown
	OnDisk   string      `json:"onDisk,omitempty"`   // the generation of the host's unit: none, found
	Runs     string      `json:"runs,omitempty"`     // the generation that the process sees; "": unknown
	Drift    *plan.Drift `json:"drift,omitempty"`    // from the last export
	Stale    string      `json:"stale,omitempty"`    // how the process differs from its unit on disk
	DropIns  []string    `json:"dropIns,omitempty"`
	Trial    string      `json:"trial,omitempty"`     // a generation that isn't confirmed
	Drill    string      `json:"drill,omitempty"`     // the mode of a drill that goes on, or was cut off
	Holder   string      `json:"changedBy,omitempty"` // the session that is changing the host

	Version   string        `json:"version,omitempty"` // of the program that runs
	Healthz   Answer        `json:"healthz"`
	Apiserver Answer        `json:"apiserver"` // asked from the host, with its own kubeconfig
	Metrics   *live.Metrics `json:"metrics,omitempty"`
	Unmetered *Problem      `json:"metricsProblem,omitempty"`
	// Flags are flags of the process that its unit on disk doesn't have so.
	Flags []plan.FlagChange `json:"flags,omitempty"`

	Certificates []Certificate `json:"certificates,omitempty"`
	Errors       []string      `json:"errors,omitempty"` // the last lines of the log that are errors
	Ended        []string      `json:"ended,omitempty"`  // lines that say why the process ended
}

// Answer is whether something answered as it should.
type Answer struct {
	Asked   bool     `json:"asked"`
	Problem *Problem `json:"problem,omitempty"`
}

// OK reports whether it answered as it should.
func (a Answer) OK() bool { return a.Asked && a.Problem == nil }

// Certificate is one that a host's process uses.
type Certificate struct {
	Use     string     `json:"use"`
	Path    string     `json:"path,omitempty"`
	Subject string     `json:"subject,omitempty"`
	Begins  *time.Time `json:"begins,omitempty"`
	Ends    *time.Time `json:"ends,omitempty"`
	Problem string     `json:"problem,omitempty"` // why it can't be read
}

// Uses of certificates.
const (
	Client  = "client"
	Serving = "serving"
	CA      = "CA"
	Signer  = "signer"
	RootCA  = "root CA"
)

// Finding is something wrong.
type Finding struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Node     string   `json:"node,omitempty"`
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"` // what to type, or to do
	Page     string   `json:"page"`
}

// Severity is how bad a finding is.
type Severity string

// Severities. NotChecked: something can't be seen for want of a right or a file, and nothing
// is known to be wrong.
const (
	Error      Severity = "error"
	Warning    Severity = "warning"
	NotChecked Severity = "not checked"
)

// Wrong reports whether anything is wrong.
func (c *Cluster) Wrong() bool {
	for _, f := range c.Findings {
		if f.Severity != NotChecked {
			return true
		}
	}
	return false
}

// Led returns the host that holds the lease; nil if none of the cluster's does.
func (c *Cluster) Led() *Host {
	for i := range c.Hosts {
		if c.Lease.Node != "" && c.Hosts[i].Node == c.Lease.Node {
			return &c.Hosts[i]
		}
	}
	return nil
}

// Clock returns when a cluster was looked at, by a host's clock and in the zone of its log.
func (h *Host) Clock(c *Cluster) time.Time {
	t := c.Time.Add(time.Duration(h.Skew * float64(time.Second)))
	if h.Zone != nil {
		return t.In(h.Zone)
	}
	return t
}

// Leads reports whether a host says that it leads.
func (h *Host) Leads() bool { return h.Metrics != nil && h.Metrics.Leads != nil && *h.Metrics.Leads }

// LastError returns the last error of the log, and its explanation if it is known.
func (h *Host) LastError() (line string, known *logs.Known) {
	if len(h.Errors) == 0 {
		return "", nil
	}
	line = h.Errors[len(h.Errors)-1]
	return line, logs.Explain(line)
}

// FirstEnd returns the certificate of a host that ends first; nil if none is known.
func (h *Host) FirstEnd() *Certificate {
	var first *Certificate
	for i := range h.Certificates {
		if c := &h.Certificates[i]; c.Ends != nil && (first == nil || c.Ends.Before(*first.Ends)) {
			first = c
		}
	}
	return first
}
