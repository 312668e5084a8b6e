package status_test

import (
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/deploy/status"
	"github.com/kcmgen/kcmgen/live"
)

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) *time.Time {
	t := now.Add(-d)
	return &t
}

// healthy returns a cluster in which all is well.
func healthy() *status.Cluster {
	leads, follows, changes := true, false, 0
	c := &status.Cluster{
		Name: "prod", Argument: "prod", Time: now, Version: "v1.37.1",
		Apiserver: status.Apiserver{Version: "v1.37.2"},
		Lease: status.Lease{
			Elects: true, Name: "kube-system/kube-controller-manager", Holder: "a_1", Node: "a", Changes: &changes,
			Acquired: ago(time.Hour), Renewed: ago(time.Second), Duration: 15 * time.Second,
		},
		Nodes: status.Nodes{
			Allocates: true, Count: 2, Pools: []status.Pool{{CIDR: netip.MustParsePrefix("10.0.0.0/16"), Mask: 24}},
			Objects: []live.Node{{Name: "w-1", CIDRs: []string{"10.0.1.0/24"}}, {Name: "w-2", CIDRs: []string{"10.0.2.0/24"}}},
		},
	}
	for _, name := range []string{"a", "b", "c"} {
		h := status.Host{
			Node: name, Hostname: name, Address: "192.0.2.1", Unit: "kube-controller-manager.service",
			State: "active (running)", Known: true, Running: true, Enabled: true, Since: ago(time.Hour), PID: 7,
			Exported: "1234567890abcdef", OnDisk: "1234567890abcdef", Runs: "1234567890abcdef", Drift: &plan.Drift{Node: name},
			Version: "v1.37.1", Healthz: status.Answer{Asked: true}, Apiserver: status.Answer{Asked: true},
			Metrics:      &live.Metrics{Version: "v1.37.1", Leads: &follows},
			Certificates: []status.Certificate{{Use: status.Serving, Begins: ago(24 * time.Hour), Ends: ago(-90 * 24 * time.Hour)}},
		}
		if name == "a" {
			h.Metrics = &live.Metrics{Version: "v1.37.1", Leads: &leads, Queues: []live.Queue{{Name: "deployment", Added: 3}}}
		}
		c.Hosts = append(c.Hosts, h)
	}
	return c
}

func problem(kind string) *status.Problem { return &status.Problem{Kind: kind, Text: "it " + kind} }

// cases are clusters with something wrong, and what must be found: "id" or "id@node". The last
// word of a name says what isn't an error.
var cases = []struct {
	name  string
	spoil func(*status.Cluster)
	want  []string
}{
	{"all is well", func(*status.Cluster) {}, nil},
	{"no kubeconfig", func(c *status.Cluster) {
		p := problem(status.NoKubeconfig)
		c.Lease.Problem, c.Apiserver.Problem, c.Nodes.Problem = p, p, p
		for i := range c.Hosts {
			c.Hosts[i].Metrics, c.Hosts[i].Unmetered = nil, p
		}
	}, []string{"cluster-not-read"}},
	{"the lease may not be read", func(c *status.Cluster) { c.Lease.Problem = problem(status.Forbidden) }, []string{"cluster-not-read"}},
	{"the apiserver doesn't answer", func(c *status.Cluster) {
		p := problem(status.Silent)
		c.Lease.Problem, c.Apiserver.Problem, c.Nodes.Problem = p, p, p
		for i := range c.Hosts {
			c.Hosts[i].Apiserver.Problem = p
		}
	}, []string{"apiserver"}},
	{"nodes may not be read", func(c *status.Cluster) { c.Nodes.Problem = problem(status.Forbidden) }, []string{"nodes-not-read"}},
	{"an older apiserver", func(c *status.Cluster) { c.Apiserver.Version = "v1.36.0" }, []string{"version-skew"}},
	{"a much newer apiserver", func(c *status.Cluster) { c.Apiserver.Version = "v1.39.0" }, []string{"version-skew"}},
	{"a newer apiserver", func(c *status.Cluster) { c.Apiserver.Version = "v1.38.0-rc.1" }, nil},

	{"no holder", func(c *status.Cluster) { c.Lease.Holder, c.Lease.Node = "", "" }, []string{"no-leader"}},
	{"not renewed", func(c *status.Cluster) { c.Lease.Renewed = ago(20 * time.Second) }, []string{"no-leader"}},
	{"renewed just in time", func(c *status.Cluster) { c.Lease.Renewed = ago(15 * time.Second) }, nil},
	{"a holder whose clock is behind", func(c *status.Cluster) {
		c.Lease.Renewed, c.Hosts[0].Skew = ago(61*time.Second), -60
	}, []string{"clock@a"}},
	{"renewed in the future", func(c *status.Cluster) { c.Lease.Renewed = ago(-time.Minute) }, []string{"lease-ahead"}},
	{"a stranger leads", func(c *status.Cluster) {
		c.Lease.Holder, c.Lease.Node = "x_1", ""
		c.Hosts[0].Metrics.Leads = c.Hosts[1].Metrics.Leads
	}, []string{"foreign-leader"}},
	{"a stranger, and a host that isn't reached", func(c *status.Cluster) {
		c.Lease.Holder, c.Lease.Node = "x_1", ""
		c.Hosts[0] = status.Host{Node: "a", Problem: problem(status.Silent)}
	}, []string{"host-unreached@a"}},
	{"a stranger, and not all hosts are asked", func(c *status.Cluster) {
		c.Lease.Holder, c.Lease.Node, c.Limited = "x_1", "", true
		c.Hosts[0].Metrics.Leads = c.Hosts[1].Metrics.Leads
	}, nil},
	{"two say that they lead", func(c *status.Cluster) { c.Hosts[2].Metrics.Leads = c.Hosts[0].Metrics.Leads }, []string{"two-leaders"}},
	{"often another leader", func(c *status.Cluster) { *c.Lease.Changes = 3 }, []string{"leader-changes"}},
	{"a leader that does nothing", func(c *status.Cluster) { c.Hosts[0].Metrics.Queues[0].Added = 0 }, []string{"leader-idle@a"}},
	{"a leader that does only what each does", func(c *status.Cluster) {
		c.Hosts[0].Metrics.Queues = []live.Queue{{Name: "DynamicCABundle-client-ca-bundle", Added: 1}, {Name: "RequestHeaderAuthRequestController", Added: 1}, {Name: "serviceaccount_tokens_service", Added: 42}}
	}, []string{"leader-idle@a"}},
	{"a leader that has just begun", func(c *status.Cluster) {
		c.Hosts[0].Metrics.Queues, c.Lease.Acquired = nil, ago(20*time.Second)
	}, nil},
	{"a leader that is stuck", func(c *status.Cluster) { c.Hosts[0].Metrics.Queues[0].Oldest = 301 }, []string{"work-stuck@a"}},
	{"no leader election", func(c *status.Cluster) { c.Lease = status.Lease{} }, nil},

	{"a node without a range", func(c *status.Cluster) { c.Nodes.Objects[0].CIDRs = nil }, []string{"node-without-podcidr"}},
	{"a node without a range, that it doesn't give", func(c *status.Cluster) {
		c.Nodes.Objects[0].CIDRs, c.Nodes.Allocates = nil, false
	}, nil},
	{"a node outside", func(c *status.Cluster) { c.Nodes.Objects[0].CIDRs[0] = "10.1.0.0/24" }, []string{"node-outside"}},
	{"a node's nonsense", func(c *status.Cluster) { c.Nodes.Objects[0].CIDRs[0] = "x" }, []string{"node-outside"}},
	{"a node with more than the range", func(c *status.Cluster) { c.Nodes.Objects[0].CIDRs[0] = "10.0.0.0/8" }, []string{"node-outside"}},
	{"nodes that overlap", func(c *status.Cluster) { c.Nodes.Objects[0].CIDRs[0] = "10.0.2.128/25" }, []string{"nodes-overlap"}},
	{"few ranges left", func(c *status.Cluster) {
		c.Nodes.Pools[0].CIDR = netip.MustParsePrefix("10.0.0.0/22")
		c.Nodes.Objects = append(c.Nodes.Objects, live.Node{Name: "w-0", CIDRs: []string{"10.0.0.0/24"}}, live.Node{Name: "w-3", CIDRs: []string{"10.0.3.0/24"}})
	}, []string{"ranges-left"}},

	{"a host that isn't reached", func(c *status.Cluster) { c.Hosts[1] = status.Host{Node: "b", Problem: problem(status.Silent)} }, []string{"host-unreached@b"}},
	{"nothing deployed", func(c *status.Cluster) {
		c.Hosts[1].Known, c.Hosts[1].Running, c.Hosts[1].OnDisk = false, false, plan.None
	}, []string{"not-deployed@b"}},
	{"stopped", func(c *status.Cluster) {
		c.Hosts[1].Running, c.Hosts[1].Ended = false, []string{"Error: unknown flag: --x"}
	}, []string{"not-running@b"}},
	{"another process", func(c *status.Cluster) { c.Hosts[1].Others = []int{9} }, []string{"other-process@b"}},
	{"restarted", func(c *status.Cluster) { c.Hosts[1].Restarts, c.Hosts[1].Since = 1, ago(time.Minute) }, []string{"restarts@b"}},
	{"restarted long ago", func(c *status.Cluster) { c.Hosts[1].Restarts = 5 }, nil},
	{"another version", func(c *status.Cluster) { c.Hosts[1].Version = "v1.37.0" }, []string{"version-differs@b"}},
	{"another version that isn't deployed yet", func(c *status.Cluster) { c.Hosts[1].Version, c.Hosts[1].OnDisk = "v1.37.0", "0000000000000000" }, []string{"not-deployed-last@b"}},
	{"by hand", func(c *status.Cluster) { c.Hosts[1].OnDisk = plan.Found }, []string{"unit-foreign@b"}},
	{"a changed file", func(c *status.Cluster) { c.Hosts[1].Drift.Files = []plan.FileChange{{Path: "/x"}} }, []string{"files-differ@b"}},
	{"a drop-in", func(c *status.Cluster) { c.Hosts[1].DropIns = []string{"/x"} }, []string{"drop-in@b"}},
	{"not restarted", func(c *status.Cluster) { c.Hosts[1].Stale = "it is stale" }, []string{"not-restarted@b"}},
	{"other flags", func(c *status.Cluster) { c.Hosts[1].Flags = []plan.FlagChange{{Name: "v"}} }, []string{"not-restarted@b"}},
	{"not enabled", func(c *status.Cluster) { c.Hosts[1].Enabled = false }, []string{"not-enabled@b"}},
	{"on trial", func(c *status.Cluster) { c.Hosts[1].Trial = "x" }, []string{"trial-open@b"}},
	{"a drill", func(c *status.Cluster) { c.Hosts[1].Drill = "stop" }, []string{"drill-open@b"}},
	{"being changed", func(c *status.Cluster) { c.Hosts[1].Holder = "x" }, []string{"being-changed@b"}},
	{"not healthy", func(c *status.Cluster) { c.Hosts[1].Healthz.Problem = problem(status.Unhealthy) }, []string{"healthz@b"}},
	{"another certificate", func(c *status.Cluster) { c.Hosts[1].Healthz.Problem = problem(status.Untrusted) }, []string{"healthz-untrusted@b"}},
	{"no forwarding", func(c *status.Cluster) { c.Hosts[1].Healthz.Problem = problem(status.NotServed) }, []string{"healthz-not-asked@b"}},
	{"refused by the apiserver", func(c *status.Cluster) { c.Hosts[1].Apiserver.Problem = problem(status.Unauthorized) }, []string{"apiserver-unauthorized@b"}},
	{"forbidden by the apiserver", func(c *status.Cluster) { c.Hosts[1].Apiserver.Problem = problem(status.Forbidden) }, []string{"apiserver-forbidden@b"}},
	{"the wrong CA", func(c *status.Cluster) { c.Hosts[1].Apiserver.Problem = problem(status.Untrusted) }, []string{"apiserver-untrusted@b"}},
	{"a kubeconfig with files", func(c *status.Cluster) { c.Hosts[1].Apiserver = status.Answer{Problem: problem(status.NotServed)} }, []string{"apiserver-not-asked@b"}},
	{"no apiserver", func(c *status.Cluster) { c.Hosts[1].Apiserver.Problem = problem(status.Silent) }, []string{"apiserver-away@b"}},
	{"metrics that may not be read", func(c *status.Cluster) { c.Hosts[1].Unmetered = problem(status.Forbidden) }, []string{"metrics-not-read@b"}},
	{"metrics that can't be read", func(c *status.Cluster) { c.Hosts[1].Unmetered = problem(status.Failed) }, []string{"metrics@b"}},
	{"an expired certificate", func(c *status.Cluster) { c.Hosts[1].Certificates[0].Ends = ago(time.Minute) }, []string{"certificate-expired@b"}},
	{"an old CA beside one that is valid", func(c *status.Cluster) {
		old := status.Certificate{Use: status.CA, Path: "/ca", Ends: ago(time.Hour)}
		c.Hosts[1].Certificates = append(c.Hosts[1].Certificates, old, status.Certificate{Use: status.CA, Path: "/ca", Ends: ago(-90 * 24 * time.Hour)})
	}, nil},
	{"CAs of which none is valid", func(c *status.Cluster) {
		old := status.Certificate{Use: status.CA, Path: "/ca", Ends: ago(time.Hour)}
		c.Hosts[1].Certificates = append(c.Hosts[1].Certificates, old, status.Certificate{Use: status.CA, Path: "/ca", Ends: ago(time.Minute)})
	}, []string{"certificate-expired@b"}},
	{"a range for one node, which has it", func(c *status.Cluster) {
		c.Nodes.Pools[0].CIDR = netip.MustParsePrefix("10.0.1.0/24")
		c.Nodes.Objects = c.Nodes.Objects[:1]
	}, nil},
	{"a certificate that ends", func(c *status.Cluster) { c.Hosts[1].Certificates[0].Ends = ago(-29 * 24 * time.Hour) }, []string{"certificate-ends@b"}},
	{"a certificate of tomorrow", func(c *status.Cluster) { c.Hosts[1].Certificates[0].Begins = ago(-time.Hour) }, []string{"certificate-not-yet@b"}},
	{"no certificate", func(c *status.Cluster) { c.Hosts[1].Certificates[0].Problem = "it has none" }, []string{"certificate-unusable@b"}},
	{"a clock", func(c *status.Cluster) { c.Hosts[1].Skew = 6 }, []string{"clock@b"}},
	{"an error that goes on", func(c *status.Cluster) {
		c.Hosts[1].Errors = []string{"E0304 11:59:30.000000       1 reflector.go:158] x509: certificate signed by unknown authority"}
	}, []string{"log-error@b"}},
	{"an error that goes on, in the host's zone", func(c *status.Cluster) {
		c.Hosts[1].Zone = time.FixedZone("", 7*3600)
		c.Hosts[1].Errors = []string{"E0304 18:59:30.000000       1 reflector.go:158] x509: certificate signed by unknown authority"}
	}, []string{"log-error@b"}},
	{"an old error of a host to the east", func(c *status.Cluster) {
		c.Hosts[1].Zone = time.FixedZone("", 7*3600)
		c.Hosts[1].Errors = []string{"E0304 11:59:30.000000       1 reflector.go:158] x509: certificate signed by unknown authority"}
	}, nil},
	{"an old error", func(c *status.Cluster) {
		c.Hosts[1].Errors = []string{"E0304 11:50:30.000000       1 reflector.go:158] x509: certificate signed by unknown authority"}
	}, nil},
	{"an unknown error", func(c *status.Cluster) {
		c.Hosts[1].Errors = []string{"E0304 11:59:30.000000       1 x.go:158] something"}
	}, nil},
}

// TestFind: each fault is found by its id, and nothing else; each has a sentence and something
// to do.
func TestFind(t *testing.T) {
	for _, c := range cases {
		cluster := healthy()
		c.spoil(cluster)
		cluster.Find()
		var got []string
		for _, f := range cluster.Findings {
			id := f.ID
			if f.Node != "" {
				id += "@" + f.Node
			}
			got = append(got, id)
			if f.Message == "" || f.Hint == "" || f.Page != "docs/status.md#"+f.ID {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
		wrong := slices.ContainsFunc(cluster.Findings, func(f status.Finding) bool { return f.Severity != status.NotChecked })
		if cluster.Wrong() != wrong {
			t.Errorf("%s: wrong is %v", c.name, cluster.Wrong())
		}
	}
}

// TestPages: each finding in the code has a case here and a heading in the documentation, and
// the other way round.
func TestPages(t *testing.T) {
	page, err := os.ReadFile("../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	var headings, ids, tested []string
	for _, m := range regexp.MustCompile("(?m)^### `?([a-z0-9-]+)`?$").FindAllStringSubmatch(string(page), -1) {
		headings = append(headings, m[1])
	}
	for _, file := range []string{"find.go", "find_host.go", "nodes.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?:Error|Warning|NotChecked), "([a-z-]+)"|\bid, hint :?= "([a-z-]+)"`).FindAllStringSubmatch(string(text), -1) {
			ids = append(ids, m[1]+m[2])
		}
	}
	for _, c := range cases {
		for _, w := range c.want {
			id, _, _ := strings.Cut(w, "@")
			tested = append(tested, id)
		}
	}
	for what, list := range map[string]*[]string{"headings": &headings, "findings": &ids, "cases": &tested} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
		if len(*list) < 30 {
			t.Errorf("only %d %s", len(*list), what)
		}
	}
	if !slices.Equal(ids, tested) {
		t.Errorf("findings %q\ncases %q", ids, tested)
	}
	if !slices.Equal(ids, headings) {
		t.Errorf("findings %q\nheadings %q", ids, headings)
	}
}
