package page_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/review"
)

// now is the day on which samples are looked at.
var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func unit(node, extra string, flags []review.Flag) string {
	var b strings.Builder
	b.WriteString("[Unit]\nDescription=Kubernetes Controller Manager\n\n[Service]\nExecStart=/usr/local/bin/kube-controller-manager \\\n")
	for _, f := range flags {
		fmt.Fprintf(&b, "  --%s=%s \\\n", f.Name, f.Value)
	}
	fmt.Fprintf(&b, "  --v=2\nRestart=always\n%sBindReadOnlyPaths=/etc/kubernetes/kcmgen/@generation@:/etc/kubernetes/pki\nEnvironment=NODE=%s\n", extra, node)
	return b.String()
}

// node returns a node whose flags differ from another node's in its own address alone.
func node(name, address, endpoint string, flags map[string]string) review.Node {
	n := review.Node{
		Name: name, Addresses: []string{address}, Layout: "systemd", Endpoint: endpoint,
		Start: "/etc/systemd/system/kube-controller-manager.service",
		Files: []review.File{
			{Path: "/etc/kubernetes/kcmgen/@generation@", Mode: "0755", Dir: true},
			{Path: "/etc/kubernetes/kcmgen/@generation@/kube-controller-manager.key", Mode: "0600", Sum: strings.Repeat("ab", 32)},
		},
		Settings: []review.Setting{
			{Kind: review.OfNode, Name: "addresses", Value: address, At: "cue/prod/cluster.cue:12:10"},
			{Kind: review.OfUnit, Name: "Service.Restart", Value: "always"},
		},
	}
	all := map[string]string{"bind-address": address, "leader-elect": "true", "kubeconfig": "/etc/kubernetes/controller-manager.conf"}
	for k, v := range flags {
		all[k] = v
	}
	for k, v := range all {
		f := review.Flag{Name: k, Value: v, Origin: review.ByDefault, Field: "cluster.flags." + k}
		if flags[k] != "" {
			f.Origin, f.At = review.ByFlag, "cue/prod/cluster.cue:31:3"
		}
		n.Flags = append(n.Flags, f)
	}
	slices.SortFunc(n.Flags, func(a, b review.Flag) int { return strings.Compare(a.Name, b.Name) })
	n.Text = unit(name, "", n.Flags)
	return n
}

func oldCluster() *review.Cluster {
	flags := map[string]string{"cluster-cidr": "10.200.0.0/16", "node-monitor-grace-period": "40s", "controllers": "*,bootstrapsigner"}
	c := &review.Cluster{
		Name: "prod", Dir: "cue/prod", Kubernetes: "v1.36.1",
		Settings: []review.Setting{
			{Kind: review.OfCluster, Name: "layout", Value: "systemd"},
			{Kind: review.OfDeploy, Name: "deploy.soak", Value: "30s", At: "cue/prod/cluster.cue:50:3"},
		},
		Ranges: []review.Range{
			{Use: "pods", Prefix: "10.200.0.0/16", Mask: 24, Planned: 200, At: "cue/prod/cluster.cue:18:3"},
			{Use: "services", Prefix: "10.32.0.0/24", Planned: 150, At: "cue/prod/cluster.cue:19:3"},
			{Use: "nodes", Prefix: "10.0.0.0/24", At: "cue/prod/cluster.cue:20:3"},
		},
		Certificates: []review.Certificate{
			{ID: "ca", Kind: "ca", Subject: "CN=prod-ca", Key: "ecdsa-256", Lifetime: "87600h0m0s", Nodes: []string{"cp-1", "cp-2", "cp-3"}},
			{ID: "front-proxy-ca", Kind: "ca", Given: true, Nodes: []string{"cp-1"}, PublicKey: "sha256:6f1c", Ends: time.Date(2029, 3, 1, 0, 0, 0, 0, time.UTC)},
			{ID: "kube-controller-manager-cp-1", Kind: "leaf", Subject: "CN=system:kube-controller-manager", Names: []string{"cp-1", "10.0.0.11"}, Usages: []string{"server auth"}, Key: "ecdsa-256", Lifetime: "8760h0m0s", Nodes: []string{"cp-1"}},
			{ID: "service-account", Kind: "key pair", Key: "rsa-2048", Nodes: []string{"cp-1", "cp-2", "cp-3"}},
		},
		Files: []review.File{{Path: "pki/ca.crt", Mode: "0644", Sum: strings.Repeat("cd", 32)}},
	}
	for i := 1; i <= 3; i++ {
		c.Nodes = append(c.Nodes, node(fmt.Sprintf("cp-%d", i), fmt.Sprintf("10.0.0.1%d", i), "https://10.0.0.100:6443", flags))
	}
	return c
}

func newState() *review.Cluster {
	c := oldCluster()
	c.Settings[1].Value = "2m"
	c.Ranges[0] = review.Range{Use: "pods", Prefix: "10.192.0.0/12", Mask: 24, Planned: 200, At: "cue/prod/cluster.cue:18:3"}
	c.Ranges[1] = review.Range{Use: "services", Prefix: "10.200.4.0/22", Planned: 150, At: "cue/prod/cluster.cue:19:3"}
	c.Certificates[2].Lifetime = "17520h0m0s"
	flags := map[string]string{"cluster-cidr": "10.192.0.0/12", "node-monitor-grace-period": "20s", "controllers": "*,bootstrapsigner", "kube-api-qps": "50"}
	c.Nodes = []review.Node{
		node("cp-1", "10.0.0.11", "https://10.0.0.100:6443", flags),
		node("cp-2", "10.0.0.12", "https://10.0.0.12:6443", flags),
		node("cp-4", "10.0.0.14", "https://10.0.0.100:6443", flags),
	}
	c.Nodes[1].Layout = "staticPod"
	c.Nodes[1].Settings[1].Value = "on-failure"
	return c
}

// sample returns a difference with one of each.
func sample() *review.Difference {
	all := []string{"cp-1", "cp-2"}
	change := func(kind, name, old, new, risk, class, text string) review.Change {
		return review.Change{
			Kind: kind, Name: name, Nodes: all,
			Old:    &review.Value{Text: old, Origin: review.ByFlag, At: "cue/prod/cluster.cue:18:3"},
			New:    &review.Value{Text: new, Origin: review.ByFlag, At: "cue/prod/cluster.cue:18:3"},
			Effect: review.Effect{Classes: []string{class}, Risk: risk, Part: "node-lifecycle-controller", Text: text, Source: "https://kubernetes.io/docs/reference/"},
		}
	}
	cidr := change(review.OfFlag, "cluster-cidr", "10.200.0.0/16", "10.192.0.0/12", "high", "bootstrap", "Nodes keep the ranges that they have. New ones get theirs from the new range.")
	grace := change(review.OfFlag, "node-monitor-grace-period", "40s", "20s", "medium", "eviction", "Nodes that don't answer are marked sooner, and their pods are evicted sooner.")
	qps := change(review.OfFlag, "kube-api-qps", "20", "50", "low", "load", "The apiserver gets up to 50 requests in a second.")
	qps.Old.Origin, qps.Old.At = review.ByKubernetes, ""
	cidr.Way = review.Grown
	soak := change(review.OfDeploy, "deploy.soak", "30s", "2m", "low", "deploy", "The next host follows later.")
	soak.Nodes = nil
	own := change(review.OfUnit, "Service.Restart", "always", "on-failure", "low", "restart", "The process starts again.")
	own.Own, own.Nodes = true, []string{"cp-2"}
	gone := change(review.OfMembership, "cp-3", "", "", "high", "member", "The host keeps running what it has: type kcmgen retire cp-3.")
	gone.Old, gone.New, gone.Nodes = &review.Value{Text: "10.0.0.13"}, nil, nil
	leaf := change(review.OfCertificate, "kube-controller-manager-cp-1", "8760h0m0s", "17520h0m0s", "low", "certificates", "The process starts again with another certificate.")
	leaf.Nodes, leaf.Export, leaf.Reason = []string{"cp-1"}, review.Makes, "its lifetime is another"
	return &review.Difference{
		Base: review.Side{Name: "main", Commit: "3f2a9c1"}, Head: review.Side{Name: "wider-pods", Commit: "b07d44e"},
		Clusters: []review.ClusterDifference{
			{
				Name: "prod", State: review.Changed, Changes: []review.Change{cidr, gone, grace, leaf, qps, soak, own},
				Come: []finding.Finding{{
					Rule: "ranges-overlap", Severity: finding.Error, Field: "cluster.networks.pods", Pos: finding.Pos{File: "cue/prod/cluster.cue", Line: 18, Col: 3},
					Message: "the pods' range 10.192.0.0/12 overlaps the services' range 10.200.4.0/22", Expected: "ranges without a common address", Hint: "choose another range for services",
				}},
				Gone: []finding.Finding{{Rule: "soak-short", Severity: finding.Warning, Message: "a soak of 30s is shorter than a lease"}},
				Nodes: []review.NodeDifference{
					{Name: "cp-1", State: review.Changed},
					{Name: "cp-2", State: review.Changed},
					{Name: "cp-3", State: review.Removed},
					{Name: "cp-4", State: review.Added},
				},
				Old: oldCluster(), New: newState(),
			},
			{
				Name: "test", State: review.Faulty,
				Come: []finding.Finding{{Rule: "cue", Severity: finding.Error, Message: "conflicting values 1 and 2", Pos: finding.Pos{File: "cue/test/cluster.cue", Line: 9, Col: 1}}},
			},
		},
		Untouched: []string{"lab", "stage"},
		Shared:    []review.SharedFile{{File: "cue/base/base.cue", Clusters: []string{"prod", "test"}}},
		Notes:     []string{"The clone is shallow: main is taken as it was fetched."},
	}
}

// large returns a difference of a cluster with n nodes, half of which get another flag.
func large(n int) *review.Difference {
	build := func(period string) *review.Cluster {
		c := oldCluster()
		c.Nodes = nil
		for i := range n {
			flags := map[string]string{"node-monitor-grace-period": "40s"}
			if i%2 == 1 {
				flags["node-monitor-grace-period"] = period
			}
			for j := range 60 {
				flags[fmt.Sprintf("concurrent-number-%02d-syncs", j)] = fmt.Sprint(j)
			}
			addr := fmt.Sprintf("10.%d.%d.%d", 1+i/62500, i/250%250, i%250+1)
			c.Nodes = append(c.Nodes, node(fmt.Sprintf("node-%04d", i+1), addr, "https://"+addr+":6443", flags))
			c.Certificates = append(c.Certificates, review.Certificate{
				ID: fmt.Sprintf("kube-controller-manager-node-%04d", i+1), Kind: "leaf", Subject: "CN=system:kube-controller-manager",
				Names: []string{fmt.Sprintf("node-%04d", i+1), addr}, Usages: []string{"server auth"}, Key: "ecdsa-256", Lifetime: "8760h0m0s",
				Nodes: []string{fmt.Sprintf("node-%04d", i+1)},
			})
		}
		return c
	}
	d := &review.Difference{Base: review.Side{Name: "main"}, Head: review.Side{Name: "head"}}
	cd := review.ClusterDifference{Name: "prod", State: review.Changed, Old: build("40s"), New: build("20s")}
	c := review.Change{
		Kind: review.OfFlag, Name: "node-monitor-grace-period", Old: &review.Value{Text: "40s"}, New: &review.Value{Text: "20s"},
		Effect: review.Effect{Classes: []string{"eviction"}, Risk: "medium", Text: "Pods are evicted sooner."},
	}
	for i, n := range cd.New.Nodes {
		if i%2 == 1 {
			c.Nodes = append(c.Nodes, n.Name)
			cd.Nodes = append(cd.Nodes, review.NodeDifference{Name: n.Name, State: review.Changed})
		}
	}
	cd.Changes = []review.Change{c}
	d.Clusters = []review.ClusterDifference{cd}
	return d
}
