package show_test

import (
	"net/netip"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/live"
)

// now is the time at which the clusters of these tests are looked at.
var now = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func ago(d time.Duration) *time.Time { return in(-d) }

func in(d time.Duration) *time.Time {
	t := now.Add(d)
	return &t
}

const day = 24 * time.Hour

// clusters returns one cluster with errors, one that is well, and one of which little is seen.
// Their findings are written here: what status.Find says may change.
func clusters() []*status.Cluster { return []*status.Cluster{broken(), fine(), dim()} }

func broken() *status.Cluster {
	changes := 4
	renewed := now.Add(-1200*time.Millisecond + 345*time.Microsecond)
	return &status.Cluster{
		Name: "prod-eu", Argument: "prod-eu", Time: now, Version: "v1.34.2",
		Lease: status.Lease{
			Elects: true, Name: "kube-system/kube-controller-manager", Holder: "cp-1_4f1d7b1e-6d0e-4f0c-9a53-6a0f3b9c1c55", Node: "cp-1",
			Acquired: ago(26 * time.Minute), Renewed: &renewed, Duration: 15 * time.Second, Transitions: 1312, Changes: &changes,
		},
		Apiserver: status.Apiserver{Version: "v1.34.1"},
		Nodes: status.Nodes{Allocates: true, Count: 5000, Pools: []status.Pool{
			{CIDR: netip.MustParsePrefix("10.128.0.0/11"), Mask: 24, Left: 3192},
			{CIDR: netip.MustParsePrefix("fd00:10:128::/48"), Mask: 112, Left: -1},
		}},
		Hosts: []status.Host{leader(), behind(), away()},
		Findings: []status.Finding{
			{ID: "clock", Severity: status.Error, Node: "cp-2", Message: "its clock is 12s behind", Hint: "see that it keeps time: timedatectl", Page: "docs/status.md#clock"},
			{ID: "healthz", Severity: status.Error, Node: "cp-2", Message: "GET /healthz: 500: leaderElection: failed", Hint: "look at its log: journalctl -u kube-controller-manager -n 50", Page: "docs/status.md#healthz"},
			{ID: "not-deployed-last", Severity: status.Error, Node: "cp-2", Message: "it has generation 08c1f2a9, the last export is 3e5d0b77", Hint: "type: kcmgen deploy prod-eu", Page: "docs/status.md#not-deployed-last"},
			{ID: "not-enabled", Severity: status.Error, Node: "cp-2", Message: "kube-controller-manager.service isn't started when the host boots", Hint: "type there: systemctl enable kube-controller-manager.service", Page: "docs/status.md#not-enabled"},
			{ID: "host-unreached", Severity: status.Error, Node: "cp-3", Message: "connecting to 10.0.0.13:22: i/o timeout", Hint: "type: kcmgen deploy --dry-run --limit cp-3 prod-eu", Page: "docs/status.md#host-unreached"},
			{ID: "leader-changes", Severity: status.Warning, Message: "the leader changed 4 times in the last hour", Hint: "look at the apiserver and etcd: a leader that can't renew its lease in time ends", Page: "docs/status.md#leader-changes"},
			{ID: "certificate-ends", Severity: status.Warning, Node: "cp-2", Message: "its client certificate ends in 12d, at 2026-03-26 09:26 UTC", Hint: "type: kcmgen export prod-eu && kcmgen deploy prod-eu", Page: "docs/status.md#certificate-ends"},
			{ID: "certificate-ends", Severity: status.Warning, Node: "cp-2", Message: "its serving certificate ends in 12d, at 2026-03-26 09:26 UTC", Hint: "type: kcmgen export prod-eu && kcmgen deploy prod-eu", Page: "docs/status.md#certificate-ends"},
			{ID: "trial-open", Severity: status.Warning, Node: "cp-2", Message: "generation 08c1f2a9 isn't confirmed: it goes back by itself", Hint: "wait for the deployment, or type: kcmgen deploy prod-eu", Page: "docs/status.md#trial-open"},
			{ID: "metrics-not-read", Severity: status.NotChecked, Node: "cp-2", Message: "GET /metrics: 403 Forbidden", Hint: "give the kubeconfig's user the rights in docs/status.md#rights", Page: "docs/status.md#metrics-not-read"},
		},
	}
}

func leader() status.Host {
	leads := true
	return status.Host{
		Node: "cp-1", Hostname: "cp-1", Address: "10.0.0.11", Unit: "kube-controller-manager.service",
		State: "active (running)", Known: true, Running: true, Enabled: true, Since: ago(27 * time.Minute), Restarts: 3, PID: 41873,
		Exported: "3e5d0b77aa10c4f2", OnDisk: "3e5d0b77aa10c4f2", Runs: "3e5d0b77aa10c4f2", Drift: &plan.Drift{},
		Version: "v1.34.2", Healthz: status.Answer{Asked: true}, Apiserver: status.Answer{Asked: true},
		Metrics: &live.Metrics{
			Version: "v1.34.2", Leads: &leads, Memory: 412 << 20,
			Queues: []live.Queue{
				{Name: "deployment", Depth: 3, Added: 81233, Retried: 119, Unfinished: 0.42},
				{Name: "endpoint_slice", Depth: 1204, Added: 1911403, Retried: 20457, Unfinished: 96.1, Oldest: 12.5},
				{Name: "garbage_collector_graph_changes", Added: 9},
				{Name: "node_lifecycle_controller_pods", Depth: 17, Added: 4410},
			},
			Codes: map[string]int{"200": 2210345, "201": 88112, "404": 1421, "409": 20457, "503": 12, "<error>": 7},
			Gates: []live.Gate{{Name: "CoordinatedLeaderElection", Stage: "ALPHA"}, {Name: "StorageVersionMigrator", Stage: "BETA"}},
		},
		Certificates: certificates(311 * day),
		Errors:       []string{`E0314 09:01:12.345678    1204 leaderelection.go:436] "Failed to update lock optimistically, falling back to slow path" err="etcdserver: request timed out" lock="kube-system/kube-controller-manager"`},
	}
}

func behind() status.Host {
	return status.Host{
		Node: "cp-2", Hostname: "eu-cp-2", Address: "10.0.0.12", Unit: "kube-controller-manager.service",
		State: "active (running)", Known: true, Running: true, Since: ago(41 * day), PID: 977, Skew: -12.25, Holder: "alice@ops-1 (deploy)",
		Exported: "3e5d0b77aa10c4f2", OnDisk: "08c1f2a9e0b35d71", Runs: "08c1f2a9e0b35d71",
		Drift: &plan.Drift{Files: []plan.FileChange{{Path: "/etc/kubernetes/kcm/kubeconfig"}}}, Trial: "08c1f2a9e0b35d71",
		Version: "v1.34.1", Apiserver: status.Answer{Asked: true},
		Healthz:      status.Answer{Asked: true, Problem: &status.Problem{Kind: status.Unhealthy, Text: "GET /healthz: 500: leaderElection: failed"}},
		Unmetered:    &status.Problem{Kind: status.Forbidden, Text: "GET /metrics: 403 Forbidden"},
		Certificates: append(certificates(12*day), status.Certificate{Use: status.Signer, Path: "/etc/kubernetes/kcm/signer.crt", Problem: "it isn't PEM"}),
	}
}

func away() status.Host {
	return status.Host{Node: "cp-3", Address: "10.0.0.13", Unit: "kube-controller-manager.service", Problem: &status.Problem{Kind: status.Failed, Text: "connecting to 10.0.0.13:22: i/o timeout"}}
}

// certificates are those of a host whose leaves end then.
func certificates(leaves time.Duration) []status.Certificate {
	return []status.Certificate{
		{Use: status.Client, Path: "/etc/kubernetes/kcm/kubeconfig", Subject: "system:kube-controller-manager", Begins: ago(54 * day), Ends: in(leaves)},
		{Use: status.Serving, Path: "/etc/kubernetes/kcm/serving.crt", Subject: "kube-controller-manager", Begins: ago(54 * day), Ends: in(leaves)},
		{Use: status.CA, Path: "/etc/kubernetes/kcm/kubeconfig", Subject: "kubernetes", Begins: ago(400 * day), Ends: in(3250 * day)},
	}
}

func fine() *status.Cluster {
	none, leads, waits := 0, true, false
	c := &status.Cluster{
		Name: "prod-us", Argument: "prod-us", Time: now.Add(2 * time.Second), Version: "v1.34.2", Findings: []status.Finding{},
		Lease: status.Lease{
			Elects: true, Name: "kube-system/kube-controller-manager", Holder: "us-2_91b1", Node: "us-2",
			Acquired: ago(19 * day), Renewed: ago(time.Second), Duration: 15 * time.Second, Transitions: 8, Changes: &none,
		},
		Apiserver: status.Apiserver{Version: "v1.34.2"},
		Nodes:     status.Nodes{Allocates: true, Count: 41, Pools: []status.Pool{{CIDR: netip.MustParsePrefix("10.0.0.0/14"), Mask: 24, Left: 983}}},
	}
	for _, node := range []string{"us-1", "us-2", "us-3"} {
		h := leader()
		h.Node, h.Hostname, h.Address = node, node, "192.0.2.1"+node[3:]
		h.Since, h.Restarts, h.Errors = ago(19*day), 0, nil
		h.Metrics = &live.Metrics{Version: "v1.34.2", Leads: &waits, Queues: []live.Queue{{Name: "deployment"}, {Name: "job"}}, Codes: map[string]int{"200": 40812}}
		if node == "us-2" {
			h.Metrics.Leads = &leads
		}
		c.Hosts = append(c.Hosts, h)
	}
	return c
}

// dim is a cluster with one instance as a static pod, whose apiserver isn't asked.
func dim() *status.Cluster {
	why := &status.Problem{Kind: status.NoKubeconfig, Text: "no kubeconfig is named"}
	h := leader()
	h.Node, h.Hostname, h.Address, h.Unit, h.State = "lab", "lab", "2001:db8::7", "kube-system/kube-controller-manager-lab", "exited"
	h.Running, h.PID, h.Exported, h.Runs, h.Drift = false, 0, "", "", nil
	h.Healthz, h.Apiserver, h.Metrics, h.Version, h.Since, h.Restarts = status.Answer{}, status.Answer{}, nil, "", nil, 61
	h.Errors, h.Certificates = nil, h.Certificates[:1]
	h.Ended = []string{"Error: unknown flag: --pod-eviction-timeout"}
	return &status.Cluster{
		Name: "lab", Argument: "lab", Time: now, Version: "v1.34.0", Limited: true,
		Lease: status.Lease{Elects: true, Problem: why}, Apiserver: status.Apiserver{Problem: why}, Nodes: status.Nodes{Problem: why},
		Hosts: []status.Host{h},
		Findings: []status.Finding{
			{ID: "not-running", Severity: status.Error, Node: "lab", Message: "kube-system/kube-controller-manager-lab is exited: Error: unknown flag: --pod-eviction-timeout (this version doesn't know a flag)", Hint: "look at its log: tail -n 50 /var/log/pods/kube-system_kube-controller-manager-lab-*/*/*.log", Page: "docs/status.md#not-running"},
			{ID: "cluster-not-read", Severity: status.NotChecked, Message: "no kubeconfig is named: who leads, what the metrics say, and which ranges nodes have, isn't known", Hint: "set deploy: kubeconfig in the cluster, or say --kubeconfig", Page: "docs/status.md#cluster-not-read"},
		},
	}
}
