package vet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

var rangeRules = []Rule{
	{
		ID: "range-refused", Severity: isError, Fixed: true, Flags: true, cluster: rangeRefused, node: rangeRefusedInFlags,
		Doc: "pod and service networks hold no addresses that Kubernetes refuses or other hosts can't reach, and service networks are of a size that the apiserver accepts",
	},
	{
		ID: "range-public", Severity: isWarning, Flags: true, cluster: rangePublic, node: rangePublicInFlags,
		Doc: "pod and service networks are private ranges, not the internet's or those for documentation",
	},
	{
		ID: "node-range-small", Severity: isError, Flags: true, node: nodeRangeSmall,
		Doc: "a node's range holds addresses for pods (a warning where it is one)",
	},
}

// block is a range of addresses that pods or services can't use.
type block struct {
	netip.Prefix
	what           string
	pods, services string // why not; "" if they can
}

// refusedBlocks are those of ValidateEndpointIP, with which the apiserver refuses an
// EndpointSlice, and all of multicast, of which it refuses a part. A service is no
// endpoint: what matters is whether a pod can connect to its address.
var refusedBlocks = []block{
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback", noEndpoint, ownHost},
	{netip.MustParsePrefix("::1/128"), "loopback", noEndpoint, ownHost},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local", noEndpoint, ""},
	{netip.MustParsePrefix("fe80::/10"), "link-local", noEndpoint, "no pod can connect to such an address without a zone"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast", noUnicast, noUnicast},
	{netip.MustParsePrefix("ff00::/8"), "multicast", noUnicast, noUnicast},
}

const (
	noEndpoint = "the apiserver refuses endpoints with such addresses"
	ownHost    = "each pod would connect to itself"
	noUnicast  = "nothing can connect to such an address"
)

// documentation are the ranges of RFC 5737, RFC 3849 and RFC 9637.
var documentation = cidrList("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")

// private are the ranges that hide no host of the internet: RFC 1918, RFC 6598 and RFC
// 4193; those for benchmarks and future use, which clouds give to pods; and IPv6's
// global unicast, where pods have public addresses by design.
var private = cidrList("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "240.0.0.0/4", "fc00::/7", "2000::/3")

func cidrList(ss ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(ss))
	for i, s := range ss {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// ranges returns the pod and service networks of all fields and flags, each once.
func (v *view) ranges() []network {
	out := slices.DeleteFunc(v.networks(), func(n network) bool { return n.kind == "nodes" })
	add := func(more []network) {
		for _, n := range more {
			if !slices.ContainsFunc(out, func(o network) bool { return o.kind == n.kind && o.Masked() == n.Masked() }) {
				out = append(out, n)
			}
		}
	}
	for _, n := range v.nodes {
		add(n.ranges())
	}
	if s, ok := v.APIServer.Flags[serviceRange]; ok {
		add(flagRanges(spec.Flag{Value: s.Value, Field: finding.Path("apiserver", "flags", serviceRange)}, "services"))
	}
	return out
}

// ranges returns those that a node's own flags set.
func (n *nodeView) ranges() []network {
	var out []network
	for _, f := range []struct{ name, kind string }{{clusterCIDR, "pods"}, {serviceRange, "services"}} {
		if flag, ok := n.flags.Get(f.name); ok && !strings.HasPrefix(flag.Field, "networks.") {
			out = append(out, flagRanges(flag, f.kind)...)
		}
	}
	return out
}

func flagRanges(f spec.Flag, kind string) []network {
	var out []network
	ps, _ := prefixes(f.Value) // errors: cidr-invalid
	for _, p := range ps {
		out = append(out, network{Prefix: p, field: f.Field, kind: kind, flag: true})
	}
	return out
}

// statedRanges returns the cluster's networks, and the apiserver's service ranges that no
// other field has.
func (v *view) statedRanges() []network {
	apiserver := finding.Path("apiserver", "flags", serviceRange)
	return append(v.networks(), slices.DeleteFunc(v.ranges(), func(n network) bool { return n.field != apiserver })...)
}

func rangeRefused(v *view) []fault {
	var out []fault
	for _, r := range v.statedRanges() {
		out = append(out, v.rangeFaults(r)...)
	}
	return out
}

func rangeRefusedInFlags(v *view, n *nodeView) []fault {
	var out []fault
	for _, r := range n.ranges() {
		out = append(out, v.rangeFaults(r)...)
	}
	return out
}

func (v *view) rangeFaults(r network) []fault {
	if out := refusedRange(r); len(out) > 0 || r.kind != "services" || r.Addr().Is4In6() {
		return out
	}
	return v.serviceRangeSize(r)
}

const (
	minServiceBits = 3  // eight addresses
	maxServiceBits = 20 // of an apiserver that keeps service addresses in a bitmap
)

// serviceRangeSize checks what the apiserver checks when it starts: ServiceIPRange and
// validateMaxCIDRRange of Kubernetes. Since v1.34 there is no upper bound.
func (v *view) serviceRangeSize(r network) []fault {
	bits := r.Addr().BitLen() - r.Bits()
	minor := v.Version.Minor + 1 // it may be one ahead
	if v.APIServer.Version != nil {
		minor = v.APIServer.Version.Minor
	}
	_, gates := v.APIServer.Flags[featureGates] // MultiCIDRServiceAllocator may be among them
	gates = gates || v.peer(APIServerFile) != nil && !v.stated(featureGates)
	x := fault{field: r.field}
	switch {
	case bits < minServiceBits:
		x.message = fmt.Sprintf("the service range %s has %d addresses: the apiserver exits with fewer than eight", r.Prefix, 1<<bits)
		x.expected = fmt.Sprintf("/%d or shorter", r.Addr().BitLen()-minServiceBits)
	case bits > maxServiceBits && minor < 34 && !gates:
		x.message = fmt.Sprintf("the service range %s is too large for an apiserver before v1.34, which exits", r.Prefix)
		x.expected = fmt.Sprintf("/%d or longer", r.Addr().BitLen()-maxServiceBits)
	default:
		return nil
	}
	return one(x)
}

// refusedRange: a range may hold no address of a block, since any may be assigned.
func refusedRange(r network) []fault {
	for _, b := range refusedBlocks {
		why := map[string]string{"pods": b.pods, "services": b.services}[r.kind]
		if why == "" || !r.Overlaps(b.Prefix) {
			continue
		}
		return one(fault{
			field:    r.field,
			message:  fmt.Sprintf("the %s range %s %s, %s: %s", strings.TrimSuffix(r.kind, "s"), r.Prefix, within(r.Prefix, b.Prefix), b.what, why),
			expected: privateRanges(r.Prefix),
		})
	}
	return nil
}

// within says which of two overlapping ranges holds the other.
func within(p, b netip.Prefix) string {
	if p.Bits() >= b.Bits() {
		return "lies in " + b.String()
	}
	return "holds " + b.String()
}

func privateRanges(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "a range in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
	}
	return "a range in fd00::/8, or one that is yours"
}

func rangePublic(v *view) []fault {
	var out []fault
	for _, r := range v.statedRanges() {
		out = append(out, publicRange(r)...)
	}
	return out
}

func rangePublicInFlags(_ *view, n *nodeView) []fault {
	var out []fault
	for _, r := range n.ranges() {
		out = append(out, publicRange(r)...)
	}
	return out
}

func publicRange(r network) []fault {
	// The hosts' network is given; cidr-host-bits reports an IPv4 range in IPv6.
	if r.kind == "nodes" || r.Addr().Is4In6() || len(refusedRange(r)) > 0 {
		return nil
	}
	lies := func(in []netip.Prefix) int {
		return slices.IndexFunc(in, func(p netip.Prefix) bool { return p.Bits() <= r.Bits() && p.Overlaps(r.Prefix) })
	}
	why := "is no private range: hosts of the internet with these addresses can't be reached any more"
	switch i := lies(documentation); {
	case i >= 0:
		why = within(r.Prefix, documentation[i]) + ", which is for documentation"
	case lies(private) >= 0:
		return nil
	case r.Addr().Is6():
		why = "is no range for hosts: neither unique local nor global unicast"
	case r.Addr().IsLinkLocalUnicast():
		why = "lies in 169.254.0.0/16, link-local: routers drop such addresses, and clouds have their metadata there"
	case r.Addr().As4()[0] == 0:
		why = within(r.Prefix, netip.MustParsePrefix("0.0.0.0/8")) + ", which stands for the host itself: not every system sends to such addresses"
	}
	return one(fault{
		field:    r.field,
		message:  fmt.Sprintf("the %s range %s %s", strings.TrimSuffix(r.kind, "s"), r.Prefix, why),
		expected: privateRanges(r.Prefix),
	})
}

// nodeRangeSmall: in a node's range the network address, the gateway and IPv4's
// broadcast are not for pods; CNI's host-local refuses ranges smaller than /30.
func nodeRangeSmall(_ *view, n *nodeView) []fault {
	al, ok := allocationOf(n)
	if !ok {
		return nil
	}
	var out []fault
	for i, p := range al.pods {
		f, _ := maskOf(n, p, len(al.pods) == 2)
		m, full := al.masks[i], p.Addr().BitLen()
		x := fault{field: f.Field, expected: fmt.Sprintf("a shorter one: /%d has room for a node's usual 110 pods", full-8)}
		switch {
		case m < p.Bits() || m > full || m < full-2:
			continue // node-mask-size, or fine
		case m == full:
			x.message = fmt.Sprintf("a node's range /%d is one address a node: no pod gets one", m)
		case m == full-1:
			x.message = fmt.Sprintf("a node's range /%d is two addresses a node: none is left for a pod", m)
		default:
			x.message, x.severity = fmt.Sprintf("a node's range /%d has room for one pod besides the gateway", m), finding.Warning
		}
		out = append(out, x)
	}
	return out
}
