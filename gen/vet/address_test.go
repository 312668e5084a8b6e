package vet

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/kcmgen/kcmgen/gen/spec"
)

func podsAre(ss ...string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { c.Networks.Pods = cidrs(ss...) }
}

func servicesAre(s string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		c.Networks.Services = cidrs(s)
		if c.Networks.Services[0].Addr().Is6() {
			c.Networks.Pods = cidrs("fd01::/56")
		}
		c.APIServer.Flags[serviceRange] = spec.Setting{Value: s}
	}
}

// reach sets the address by which all nodes reach the apiserver.
func reach(endpoint spec.Endpoint, address string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { c.APIServer.Endpoint, c.APIServer.Address = endpoint, address }
}

func advertised(address string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { c.APIServer.Flags[advertise] = spec.Setting{Value: address} }
}

func nodeIs(address string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { c.Nodes[0].Addresses = []netip.Addr{netip.MustParseAddr(address)} }
}

func jump(list string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { c.Nodes[0].SSH.ProxyJump = list }
}

// called gives the first node a name that its certificate has.
func called(name string) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		c.Nodes[0].Name, c.Nodes[0].Hostname = name, name
		c.PKI.Serving.SANs = spec.SANs{Nodes: "own", Names: true}
	}
}

func each(nodes ...func(n *spec.Node)) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		for i, f := range nodes {
			f(&c.Nodes[i])
		}
	}
}

func flagOf(name, value string) func(n *spec.Node) {
	return func(n *spec.Node) { n.Flags[name] = spec.Setting{Value: value} }
}

func both(fs ...func(*spec.Cluster)) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		for _, f := range fs {
			f(c)
		}
	}
}

var addressCases = map[string]testCase{
	"a virtual IP":                        {reach("vip", "10.0.0.100"), nil},
	"a load balancer's name":              {reach("loadBalancer", "api.example.com"), nil},
	"a load balancer on each host":        {reach("loadBalancer", "127.0.0.1"), nil},
	"a virtual IP inside the pods":        {reach("vip", "10.200.5.5"), []string{"networks-overlap"}},
	"a mapped address inside the pods":    {reach("vip", "::ffff:10.200.5.5"), []string{"networks-overlap"}},
	"a load balancer inside the services": {reach("loadBalancer", "10.32.0.9"), []string{"networks-overlap"}},
	"a virtual IP inside a pod flag": {
		both(reach("vip", "10.201.5.5"), func(c *spec.Cluster) { set(c, clusterCIDR, "10.201.0.0/16") }), []string{"networks-overlap", "said-twice"},
	},
	"a virtual IP inside the apiserver's services": {
		func(c *spec.Cluster) {
			reach("vip", "10.77.5.5")(c)
			c.Networks.Pods, c.Networks.Services = nil, nil
			c.APIServer.Flags[serviceRange] = spec.Setting{Value: "10.77.0.0/16"}
		}, []string{"networks-overlap"},
	},
	"a node inside the apiserver's services": {
		func(c *spec.Cluster) {
			c.Networks = spec.Networks{}
			c.APIServer.Flags[serviceRange] = spec.Setting{Value: "10.0.0.0/16"}
		}, []string{"networks-overlap"},
	},
	"an address that is published from the pods": {advertised("10.200.0.1"), []string{"networks-overlap"}},
	"an address that is published":               {advertised("10.0.0.11"), nil},
	"any address that is published":              {advertised("0.0.0.0"), nil},
	"loopback that is published":                 {advertised("127.0.0.1"), []string{"apiserver-address"}},
	"link-local that is published":               {advertised("fe80::1"), []string{"apiserver-address", "service-family-apiserver"}},
	"an address that no node uses":               {reach("node", "10.0.0.100"), []string{"apiserver-address"}},
	"an address that no node uses, locally":      {reach("local", "api.example.com"), []string{"apiserver-address"}},
	"a virtual IP that is none":                  {reach("vip", "0.0.0.0"), []string{"apiserver-address"}},
	"a virtual IP to many":                       {reach("vip", "ff02::1"), []string{"apiserver-address"}},
	"a virtual IP without its zone":              {reach("vip", "fe80::100"), []string{"apiserver-address"}},
	"a virtual IP that is a node's":              {reach("vip", "10.0.0.12"), []string{"apiserver-address"}},
	"the only node's address for all": {
		both(reach("loadBalancer", "10.0.0.11"), func(c *spec.Cluster) { c.Nodes = c.Nodes[:1] }), nil,
	},

	"a link-local node":                    {nodeIs("fe80::11"), []string{"node-address-kind"}},
	"a link-local node with its apiserver": {nodeIs("169.254.0.11"), []string{"node-address-kind"}},
	"a link-local node without apiserver":  {both(nodeIs("169.254.0.11"), reach("vip", "10.0.0.100")), []string{"node-network"}},
	"a node at the broadcast address":      {nodeIs("255.255.255.255"), []string{"node-address-kind"}},
	"a node network that holds no node":    {func(c *spec.Cluster) { c.Networks.Nodes = cidrs("10.1.0.0/24") }, []string{"node-network"}},
	"a second, unused node network":        {func(c *spec.Cluster) { c.Networks.Nodes = cidrs("10.1.0.0/24", "10.0.0.0/24") }, nil},
	"a node outside the node networks":     {nodeIs("10.9.0.11"), []string{"node-network"}},
	"a node inside with its second address": {func(c *spec.Cluster) {
		c.Nodes[0].Addresses = slices.Insert(c.Nodes[0].Addresses, 0, netip.MustParseAddr("fd09::1"))
	}, nil},

	"a name like an address of its own":  {called("10.0.0.11"), nil},
	"a name like an address that isn't":  {called("10.0.0.300"), []string{"node-name-address"}},
	"a name like an octal address":       {called("010.0.0.11"), []string{"node-name-address"}},
	"a name like another host's address": {called("10.0.0.99"), []string{"node-name-address"}},
	"such a name in no certificate":      {both(called("10.0.0.300"), func(c *spec.Cluster) { c.PKI.Serving.SANs.Names = false }), nil},
	"such a name and one certificate for both": {
		both(called("10.0.0.300"), func(c *spec.Cluster) {
			c.PKI.Separate, c.PKI.Serving.SANs, c.PKI.Combined.SANs = false, spec.SANs{}, c.PKI.Serving.SANs
		}),
		[]string{"certificate-combined", "node-name-address"},
	},

	"a jump host":                {jump("ops@bastion.example:2222,10.9.0.1"), nil},
	"no jump host":               {jump("none"), nil},
	"a jump host of digits":      {jump("ops@10.0.0.300"), []string{"ssh-jump"}},
	"a jump host without a port": {jump("bastion:"), []string{"ssh-jump"}},
	"a jump host that is a URL":  {jump("https://bastion"), []string{"ssh-jump"}},

	"loopback pods":              {podsAre("127.0.0.0/16"), []string{"range-refused"}},
	"link-local pods":            {podsAre("169.254.0.0/16"), []string{"range-refused"}},
	"multicast pods":             {podsAre("224.0.0.0/8"), []string{"range-refused"}},
	"pods of the whole internet": {func(c *spec.Cluster) { podsAre("0.0.0.0/0")(c); c.Networks.Nodes = nil }, []string{"networks-overlap", "node-mask-kubeadm", "range-refused"}},
	"pods around loopback":       {podsAre("126.0.0.0/7"), []string{"node-mask-kubeadm", "range-refused"}},
	"this host's pods":           {podsAre("0.0.0.0/8"), []string{"range-public"}},
	"public pods":                {podsAre("44.0.0.0/16"), []string{"range-public"}},
	"half public pods":           {podsAre("172.0.0.0/9"), []string{"range-public"}},
	"documentation pods":         {podsAre("198.51.100.0/24"), []string{"pod-capacity", "range-public"}},
	"carrier-grade pods":         {podsAre("100.64.0.0/10"), nil},
	"benchmark pods":             {podsAre("198.18.0.0/15"), nil},
	"pods of a later time":       {podsAre("240.0.0.0/8"), nil},
	"pods in a flag":             {func(c *spec.Cluster) { set(c, clusterCIDR, "127.0.0.0/16") }, []string{"range-refused", "said-twice"}},
	"public pods in a flag":      {func(c *spec.Cluster) { set(c, clusterCIDR, "8.0.0.0/16") }, []string{"range-public", "said-twice"}},
	"link-local IPv6 pods":       {both(servicesAre("fd00::/112"), podsAre("fe80::/56")), []string{"range-refused"}},
	"multicast IPv6 pods":        {both(servicesAre("fd00::/112"), podsAre("ff00::/56")), []string{"range-refused"}},
	"documentation IPv6 pods":    {both(servicesAre("fd00::/112"), podsAre("2001:db8::/56")), []string{"range-public"}},
	"site-local IPv6 pods":       {both(servicesAre("fd00::/112"), podsAre("fec0::/56")), []string{"range-public"}},
	"global IPv6 pods":           {both(servicesAre("fd00::/112"), podsAre("2a00:1450::/56")), nil},
	"mapped pods":                {both(servicesAre("fd00::/112"), podsAre("::ffff:10.9.0.0/112")), []string{"cidr-host-bits", "node-mask-size"}},
	"loopback services":          {servicesAre("127.5.0.0/16"), []string{"range-refused"}},
	"link-local services":        {servicesAre("169.254.0.0/16"), []string{"range-public"}},
	"link-local IPv6 services":   {servicesAre("fe80::/112"), []string{"range-refused"}},
	"multicast services":         {servicesAre("239.0.0.0/16"), []string{"range-refused"}},
	"public services":            {servicesAre("11.0.0.0/16"), []string{"range-public"}},

	"loopback services of the apiserver": {
		func(c *spec.Cluster) {
			c.Networks = spec.Networks{}
			c.APIServer.Flags[serviceRange] = spec.Setting{Value: "127.0.0.0/16"}
		}, []string{"range-refused"},
	},
	"too few services":     {servicesAre("10.32.0.0/30"), []string{"range-refused"}},
	"just enough services": {servicesAre("10.32.0.0/29"), nil},
	"a whole /64 of services before v1.34": {
		both(at(32), servicesAre("fd00::/64"), func(c *spec.Cluster) { c.Networks.Pods = cidrs("fd01::/56") }), []string{"range-refused"},
	},
	"a whole /64 of services":                   {both(servicesAre("fd00::/64"), func(c *spec.Cluster) { c.Networks.Pods = cidrs("fd01::/56") }), nil},
	"a whole /64 of services, one minor before": {both(at(33), servicesAre("fd00::/64")), nil},
	"a whole /64 of services, said to be before": {
		both(at(33), servicesAre("fd00::/64"), func(c *spec.Cluster) { c.APIServer.Version = &spec.Version{Minor: 33} }), []string{"range-refused"},
	},
	"the largest range of services": {both(at(28), servicesAre("10.48.0.0/12")), nil},

	"one address a node":            {func(c *spec.Cluster) { c.Networks.MaskIPv4 = 32 }, []string{"node-range-small"}},
	"two addresses a node":          {func(c *spec.Cluster) { c.Networks.MaskIPv4 = 31 }, []string{"node-range-small"}},
	"one pod a node":                {func(c *spec.Cluster) { c.Networks.MaskIPv4 = 30 }, []string{"node-range-small"}},
	"five pods a node":              {func(c *spec.Cluster) { c.Networks.MaskIPv4 = 29 }, nil},
	"one address a node, by a flag": {func(c *spec.Cluster) { set(c, mask, "32") }, []string{"node-range-small"}},
	"one IPv6 address a node": {
		func(c *spec.Cluster) { dual(c); c.Networks.Pods[1] = cidrs("fd01::/112")[0]; set(c, mask6, "128") }, []string{"node-range-small"},
	},

	"one order of ranges, in two spellings": {
		both(dual, each(flagOf(clusterCIDR, "10.200.0.0/16,fd01::/56"), flagOf(clusterCIDR, "10.200.0.0/16,fd01:0::/56"))), nil,
	},
	"another order of pod ranges": {
		both(dual, each(flagOf(clusterCIDR, "10.200.0.0/16,fd01::/56"), flagOf(clusterCIDR, "fd01::/56,10.200.0.0/16"))), []string{"allocation-differs"},
	},
	"second pod ranges swapped": {
		both(dual, each(flagOf(clusterCIDR, "10.200.0.0/16,fd01::/56"), flagOf(clusterCIDR, "10.200.0.0/16,fd02::/56"))), []string{"allocation-differs"},
	},
	"second service ranges swapped": {
		both(dual, each(flagOf(serviceRange, "10.32.0.0/16,fd0a::/112"), flagOf(serviceRange, "10.32.0.0/16,fd0b::/112")), func(c *spec.Cluster) { c.APIServer.Flags = nil }),
		[]string{"allocation-differs", "service-range-differs not checked"},
	},
	"another order of service ranges": {
		both(dual, each(flagOf(serviceRange, "fd00::/112,10.32.0.0/16")), func(c *spec.Cluster) { c.APIServer.Flags = nil }),
		[]string{"service-range-differs not checked"},
	},
	"a mask that is the default, said and not said": {
		func(c *spec.Cluster) { c.Nodes[0].Flags[mask] = spec.Setting{Omit: true} }, nil,
	},
	"a bool in two spellings":   {each(flagOf(allocate, "1")), nil},
	"one node doesn't allocate": {each(flagOf("controllers", "*,-node-ipam-controller")), []string{"allocation-differs"}},
}

// TestRefusedEndpoint compares refusedEndpoint with Kubernetes' ValidateEndpointIP,
// rewritten from the source of v1.37.1 with package net, at the edges of every special
// range and at random.
func TestRefusedEndpoint(t *testing.T) {
	kubernetes := func(ip net.IP) bool {
		return ip.IsUnspecified() || ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsLinkLocalMulticast()
	}
	for _, a := range addresses(5_000) {
		if got, want := refusedEndpoint(a) != "", kubernetes(net.ParseIP(a.String())); got != want {
			t.Errorf("%s: refused %v, Kubernetes %v", a, got, want)
		}
	}
}

// TestRefusedRanges: Kubernetes accepts every address of an accepted pod range, and all
// are unicast; that isn't so for a refused range.
func TestRefusedRanges(t *testing.T) {
	usable := func(ip net.IP) bool {
		return !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast()
	}
	r := rand.New(rand.NewPCG(13, 37))
	for _, a := range addresses(1_500) {
		if a.Is4In6() {
			continue // cidr-host-bits
		}
		p := netip.PrefixFrom(a, r.IntN(a.BitLen()+1)).Masked()
		good, bad := true, false
		inside := []netip.Addr{p.Addr().Next(), a}
		for _, b := range refusedBlocks {
			inside = append(inside, b.Addr(), b.Addr().Next())
		}
		for range 20 {
			inside = append(inside, within16(r, p))
		}
		for _, x := range inside {
			// The first address of a range is the network's, not a host's.
			if !p.Contains(x) || x == p.Addr() && p.Bits() < a.BitLen() || x.IsUnspecified() {
				continue
			}
			good = good && usable(net.ParseIP(x.String()))
			bad = bad || !usable(net.ParseIP(x.String()))
		}
		refused := len(refusedRange(network{Prefix: p, kind: "pods"})) > 0
		if !refused && !good || refused && !bad {
			t.Errorf("%s: refused %v, all good %v, some bad %v", p, refused, good, bad)
		}
		if refused && len(publicRange(network{Prefix: p, kind: "pods"})) > 0 {
			t.Errorf("%s is refused, and public too", p)
		}
	}
}

// within16 returns a random address of a range.
func within16(r *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		free := byte(0xff)
		if n := p.Bits() - 8*i; n >= 8 {
			free = 0
		} else if n > 0 {
			free >>= n
		}
		b[i] |= byte(r.UintN(256)) & free
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// addresses returns the edges of the special ranges, and n random ones.
func addresses(n int) []netip.Addr {
	var out []netip.Addr
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
		"::/128", "::1/128", "::ffff:0:0/96", "::ffff:127.0.0.0/104", "::ffff:169.254.0.0/112", "64:ff9b::/96", "100::/64", "2000::/3", "2001:db8::/32", "fc00::/7", "fe80::/10", "fec0::/10",
		"ff00::/8", "ff01::/16", "ff02::/16", "ff12::/16", "ff32::/16",
	} {
		p := netip.MustParsePrefix(s)
		last := p.Addr().AsSlice()
		for i := range last {
			if n := p.Bits() - 8*i; n < 8 {
				last[i] |= 0xff >> max(n, 0)
			}
		}
		end, _ := netip.AddrFromSlice(last)
		for _, a := range []netip.Addr{p.Addr(), p.Addr().Prev(), p.Addr().Next(), end, end.Prev(), end.Next()} {
			if a.IsValid() {
				out = append(out, a)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		b := make([]byte, 4+12*(i%2))
		for j := range b {
			b[j] = byte(r.UintN(256))
		}
		a, _ := netip.AddrFromSlice(b)
		out = append(out, a)
	}
	return out
}

// TestPrivateRanges: the example ranges of the documentation and the schema pass.
func TestPrivateRanges(t *testing.T) {
	for _, s := range []string{"10.200.0.0/16", "10.32.0.0/16", "10.0.0.0/24", "172.16.0.0/12", "192.168.5.0/24", "fd00:10::/56", "fc00::/7", "2a02::/32", "100.64.0.0/16"} {
		for _, kind := range []string{"pods", "services"} {
			n := network{Prefix: netip.MustParsePrefix(s), kind: kind}
			if fs := slices.Concat(refusedRange(n), publicRange(n)); len(fs) > 0 {
				t.Error(fmt.Sprint(kind, s, fs))
			}
		}
	}
}
