package vet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/spec"
)

var today = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// exist makes nodes n0, n1 …, a year old, each with the ranges of one argument, by commas.
func exist(ranges ...string) *Existing {
	out := &Existing{Given: "nodes.json", File: "nodes.json"}
	for i, r := range ranges {
		e := ExistingNode{Name: fmt.Sprintf("n%d", i), Created: today.AddDate(-1, 0, 0), Minor: 37}
		e.CIDRs, _ = prefixes(r)
		out.Nodes = append(out.Nodes, e)
	}
	return out
}

// many makes nodes with the first ranges /24 of 10.200.0.0/16; the last of them are of this
// month.
func many(n, joined int) *Existing {
	var ranges []string
	for i := range n {
		ranges = append(ranges, fmt.Sprintf("10.200.%d.0/24", i))
	}
	out := exist(ranges...)
	for i := n - joined; i < n; i++ {
		out.Nodes[i].Created = today.AddDate(0, 0, -20)
	}
	return out
}

func kubelets(minors ...int) *Existing {
	out := exist(make([]string, len(minors))...)
	for i, m := range minors {
		out.Nodes[i].Minor = m
	}
	return out
}

func at10(address string) *Existing {
	out := exist("10.200.1.0/24")
	out.Nodes[0].Addresses = []netip.Addr{netip.MustParseAddr("10.0.0.11"), netip.MustParseAddr(address)}
	return out
}

func nothing(*spec.Cluster) {}

func mask25(c *spec.Cluster) { c.Networks.MaskIPv4 = 25 }

func noneHandedOut(c *spec.Cluster) {
	c.Networks.Pods = nil
	c.Networks.Services = nil
	c.APIServer.Flags = nil
}

// TestExisting: nodes that exist, and the rules that a cluster breaks with them. "outside" is
// what happened in kubernetes/kubernetes#75461, "more wait than there are" in #103898.
func TestExisting(t *testing.T) {
	broken := map[string]bool{}
	for name, tc := range map[string]struct {
		change func(*spec.Cluster)
		nodes  *Existing
		want   []string
	}{
		"they fit":                   {nothing, exist("10.200.0.0/24", "10.200.255.0/24"), nil},
		"not given":                  {nothing, nil, nil},
		"outside":                    {nothing, exist("10.200.0.0/24", "10.201.0.0/24"), []string{"node-cidr-outside"}},
		"another family":             {nothing, exist("fd01::/64"), []string{"node-cidr-outside"}},
		"a second range":             {nothing, exist("10.200.0.0/24,fd01::/64"), []string{"node-cidr-outside"}},
		"swapped":                    {dual, exist("fd01::/64,10.200.0.0/24"), []string{"node-cidr-outside"}},
		"both fit":                   {dual, exist("10.200.0.0/24,fd01::/64", "10.200.1.0/24,fd01:0:0:1::/64"), nil},
		"the second outside":         {dual, exist("10.200.0.0/24,fd02::/64"), []string{"node-cidr-outside"}},
		"one of two":                 {dual, exist("10.200.0.0/24"), []string{"node-cidr-family"}},
		"one of two, the second":     {dual, exist("fd01::/64"), []string{"node-cidr-outside"}},
		"a mask that got shorter":    {nothing, exist("10.200.0.0/25"), []string{"node-cidr-mask"}},
		"a mask that got longer":     {mask25, exist("10.200.0.0/24"), []string{"node-cidr-mask"}},
		"a range around the network": {nothing, exist("10.200.0.0/15"), []string{"node-cidr-left", "node-cidr-mask"}},
		"two nodes, one range":       {nothing, exist("10.200.0.0/24", "10.200.0.0/24"), []string{"node-cidr-overlap"}},
		"a range in another":         {nothing, exist("10.200.0.0/23", "10.200.4.0/24", "10.200.1.0/24"), []string{"node-cidr-mask", "node-cidr-overlap"}},
		"in the service range":       {func(c *spec.Cluster) { c.Networks.Services = cidrs("10.200.8.0/24") }, exist("10.200.8.0/24"), []string{"networks-overlap", "node-cidr-service", "service-range-differs"}},
		"a few left":                 {nothing, many(250, 0), []string{"node-cidr-left"}},
		"a few left, and enough":     {func(c *spec.Cluster) { c.Networks.MaxNodes = 256 }, many(250, 0), nil},
		"a quarter left":             {nothing, many(192, 0), nil},
		"a quarter left, soon gone":  {nothing, many(192, 64), []string{"node-cidr-left"}},
		"a third left, soon gone":    {nothing, many(180, 80), nil},
		"all of them new":            {nothing, many(192, 192), nil},
		"one waits for a range":      {nothing, exist(""), nil},
		"more wait than there are":   {func(c *spec.Cluster) { c.Networks.MaskIPv4 = 17 }, exist("", "", "10.200.0.0/17"), []string{"node-cidr-left", "pod-capacity"}},
		"no ranges handed out":       {noneHandedOut, exist("10.200.0.0/24", ""), []string{"node-cidr-unallocated"}},
		"no ranges at all":           {noneHandedOut, exist("", ""), nil},
		"the controller is off":      {func(c *spec.Cluster) { set(c, "controllers", "*,-node-ipam-controller") }, exist("10.1.0.0/24"), []string{"node-cidr-unallocated"}},
		"another allocator": {func(c *spec.Cluster) {
			c.Version = spec.Version{Minor: 30}
			set(c, "cidr-allocator-type", "CloudAllocator")
		}, exist("10.1.0.0/24"), []string{"kubelet-skew"}},
		"an address among the pods": {nothing, at10("10.200.7.7"), []string{"node-address-in-range"}},
		"an address of a service":   {nothing, at10("10.32.0.10"), []string{"node-address-in-range"}},
		"an address elsewhere":      {nothing, at10("10.201.0.1"), nil},
		"pods share the hosts' range": {func(c *spec.Cluster) {
			set(c, clusterCIDR, "10.201.0.0/16")
			c.Networks.Pods = nil
			set(c, allocate, "false")
		}, at10("10.201.0.1"), []string{"network-flags-ignored", "node-cidr-unallocated"}},
		"more nodes than stated":    {func(c *spec.Cluster) { c.Networks.MaxNodes = 3 }, exist("10.200.0.0/24", "10.200.1.0/24", "10.200.2.0/24", "10.200.3.0/24"), []string{"node-count"}},
		"kubelets that fit":         {nothing, kubelets(34, 35, 36, 37, 38, 0), nil},
		"a kubelet too new":         {nothing, kubelets(39), []string{"kubelet-skew"}},
		"a kubelet too old":         {nothing, kubelets(33), []string{"kubelet-skew"}},
		"newer than the apiserver":  {func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: 37} }, kubelets(38), []string{"kubelet-skew"}},
		"as new as the apiserver":   {func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: 38} }, kubelets(38, 35), nil},
		"too old for the apiserver": {func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: 38} }, kubelets(34), []string{"kubelet-skew"}},
		"another cluster's":         {pods, exist("10.200.1.0/24"), []string{"nodes-foreign"}},
		"the cluster's, by address": {pods, at10("10.0.0.12"), nil},
		"a waiver of such a rule":   {func(c *spec.Cluster) { waiver(c, "node-cidr-mask") }, nil, nil},
		"a waiver, and the nodes":   {func(c *spec.Cluster) { waiver(c, "node-cidr-mask") }, exist("10.200.0.0/25"), []string{"node-cidr-mask waived"}},
		"a waiver of nothing":       {func(c *spec.Cluster) { waiver(c, "node-cidr-mask") }, exist("10.200.0.0/24"), []string{"waiver"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			tc.change(c)
			got := ids(Check(c, Facts{Now: today, Existing: tc.nodes}))
			before := ids(Check(c, Facts{Now: today}))
			added := slices.DeleteFunc(slices.Clone(got), func(id string) bool { return slices.Contains(before, id) && !slices.Contains(tc.want, id) })
			if diff := cmp.Diff(tc.want, added); diff != "" {
				t.Errorf("broken rules (-want +got):\n%s", diff)
			}
			for _, id := range got {
				broken[id] = true
			}
			for _, r := range existingRules {
				if slices.Contains(before, r.ID) {
					t.Errorf("%s reports something without nodes", r.ID)
				}
			}
		})
	}
	for _, r := range existingRules {
		if !broken[r.ID] {
			t.Errorf("no case breaks rule %s", r.ID)
		}
	}
}

// TestExistingMessages: what is said of nodes has their number, and names the first.
func TestExistingMessages(t *testing.T) {
	for name, tc := range map[string]struct {
		change     func(*spec.Cluster)
		nodes      *Existing
		rule, want string
	}{
		"many outside": {
			nothing, exist("10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24", "10.1.4.0/24"), "node-cidr-outside",
			"5 nodes have a podCIDR outside the pod networks 10.200.0.0/16: the node that leads exits, and so does the next | pod networks that hold n0 (10.1.0.0/24), n1 (10.1.1.0/24), n2 (10.1.2.0/24) and 2 more",
		},
		"swapped": {
			dual, exist("fd01::/64,10.200.0.0/24"), "node-cidr-outside",
			"1 node has podCIDRs in another order than the pod networks 10.200.0.0/16,fd01::/56: the node that leads exits, and so does the next | fd01::/56,10.200.0.0/16, as on n0 (fd01::/64,10.200.0.0/24)",
		},
		"shared": {
			nothing, exist("10.200.0.0/25", "10.200.0.128/25", "10.200.1.0/25"), "node-cidr-mask",
			"3 nodes have a smaller range than /24, which new nodes get, and in 1 of these there are several: when one of its nodes goes, a new node may get it while the others still use it | a mask as on n0 (10.200.0.0/25), n1 (10.200.0.128/25) and n2 (10.200.1.0/25)",
		},
		"left": {
			nothing, many(200, 100), "node-cidr-left",
			"the pod network 10.200.0.0/16 has 56 of 256 ranges of /24 left; 100 nodes joined in the last 90 days, at which rate they end about 2027-01-20 if none leaves | a pod network that holds this one and is larger: nodes keep their ranges",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := base()
			tc.change(c)
			var got []string
			for _, f := range Check(c, Facts{Now: today, Existing: tc.nodes}) {
				if f.Rule == tc.rule {
					got = append(got, f.Message+" | "+f.Expected)
				}
			}
			if diff := cmp.Diff([]string{tc.want}, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestManyExisting: 10,000 nodes that are all wrong give as few findings as one.
func TestManyExisting(t *testing.T) {
	e := &Existing{File: "nodes.json"}
	for i := range 10_000 {
		e.Nodes = append(e.Nodes, ExistingNode{
			Name: fmt.Sprintf("n%d", i), Minor: 10, CIDRs: cidrs("10.1.0.0/24"), Created: today,
			Addresses: []netip.Addr{netip.MustParseAddr("10.32.0.1")},
		})
	}
	got := Check(base(), Facts{Now: today, Existing: e})
	if len(got) > 10 {
		t.Errorf("%d findings", len(got))
	}
	for _, f := range got {
		if len(f.Message)+len(f.Expected) > 500 {
			t.Errorf("a long finding: %s %s", f.Message, f.Expected)
		}
	}
	if !strings.Contains(strings.Join(ids(got), " "), "node-cidr-overlap") {
		t.Errorf("findings: %v", ids(got))
	}
}
