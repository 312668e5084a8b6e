package vet

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	serviceRange = "service-cluster-ip-range"
	clusterCIDR  = "cluster-cidr"
	allocate     = "allocate-node-cidrs"
	mask         = "node-cidr-mask-size"
	mask4        = "node-cidr-mask-size-ipv4"
	mask6        = "node-cidr-mask-size-ipv6"
	// the apiserver's default
	defaultServiceRange = "10.0.0.0/24"
)

// prefixes parses a flag's list of CIDRs; ok is false if one is invalid.
func prefixes(s string) (out []netip.Prefix, ok bool) {
	if s == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(s, ",") {
		p, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, false
		}
		out = append(out, p)
	}
	return out, true
}

func text(ps []netip.Prefix) string {
	s := make([]string, len(ps))
	for i, p := range ps {
		s[i] = p.String()
	}
	return strings.Join(s, ",")
}

func serviceRangeDiffers(v *view, n *nodeView) []fault {
	flag, given := n.flags.Get(serviceRange)
	if !given {
		flag = spec.Flag{Value: text(v.Networks.Services), Field: "networks.services"}
	}
	theirs, ok := v.APIServer.Flags[serviceRange]
	field, whose := finding.Path("apiserver", "flags", serviceRange), "the apiserver's"
	var at finding.Pos
	switch {
	case flag.Value == "":
		return unknownRange(v, n, theirs)
	case v.peer(APIServerFile) != nil && !v.stated(serviceRange):
		return v.peer(APIServerFile).unchecked(flag.Field, serviceRange, "the service range "+flag.Value)
	case !ok && !v.stated(serviceRange):
		return one(fault{
			field: "apiserver.flags", severity: finding.NotChecked,
			message:  fmt.Sprintf("the service range %s was not compared with the apiserver's", flag.Value),
			expected: `apiserver: flags: "service-cluster-ip-range": what the apiserver runs with`,
		})
	case !ok:
		theirs.Value = defaultServiceRange
		whose = "the apiserver's default"
		if p := v.peer(APIServerFile); p != nil {
			at, whose = p.said(serviceRange).At, fmt.Sprintf("%s has no --%s, and its default", p.File, serviceRange)
		}
	}
	ours, ok1 := prefixes(flag.Value)
	want, ok2 := prefixes(theirs.Value)
	same := func(a, b netip.Prefix) bool { return a.Masked() == b.Masked() }
	if !ok1 || !ok2 || slices.EqualFunc(ours, want, same) {
		return nil // cidr-invalid and cidr-host-bits report the rest
	}
	return one(fault{
		field: flag.Field, also: []string{field}, at: at,
		message:  fmt.Sprintf("the service range is %s, %s is %s", flag.Value, whose, theirs.Value),
		expected: theirs.Value,
		hint:     "make both equal: nodes would get pod ranges inside the service range, and nothing would say so",
	})
}

// unknownRange: a KCM that doesn't know the service range could allocate node ranges
// inside it.
func unknownRange(v *view, n *nodeView, theirs spec.Setting) []fault {
	al, ok := allocationOf(n)
	if !ok {
		return nil
	}
	if p := v.peer(APIServerFile); p != nil && theirs.Value == "" && p.said(serviceRange).Default {
		theirs.Value = defaultServiceRange
	}
	services, _ := prefixes(theirs.Value)
	for _, p := range al.pods {
		for _, s := range services {
			if p.Overlaps(s) {
				return one(fault{
					field: al.field, also: []string{finding.Path("apiserver", "flags", serviceRange)},
					message:  fmt.Sprintf("the pod range %s overlaps the apiserver's service range %s, which kube-controller-manager doesn't know", p, s),
					expected: fmt.Sprintf("networks: services: [%q]", s),
				})
			}
		}
	}
	return nil
}

func cidrInvalid(v *view, n *nodeView) []fault {
	var out []fault
	flags := []spec.Flag{}
	_, off := unallocatedWhy(n)
	for _, name := range []string{serviceRange, clusterCIDR} {
		f, ok := n.flags.Get(name)
		if !ok || strings.HasPrefix(f.Field, "networks.") || off && (name == clusterCIDR || strings.Count(f.Value, ",") < 2) {
			continue // cidr-families or network-flags-ignored
		}
		flags = append(flags, f)
	}
	if s, ok := v.APIServer.Flags[serviceRange]; ok {
		flags = append(flags, spec.Flag{Name: "apiserver's " + serviceRange, Value: s.Value, Field: finding.Path("apiserver", "flags", serviceRange)})
	}
	for _, f := range flags {
		ps, ok := prefixes(f.Value)
		if !ok {
			out = append(out, fault{
				field: f.Field, message: fmt.Sprintf("%s is %q, not a CIDR", f.Name, f.Value),
				expected: "one CIDR, or two of different families with a comma between",
			})
			continue
		}
		if why := families(ps); why != "" {
			out = append(out, fault{
				field: f.Field, message: fmt.Sprintf("%s is %q: %s", f.Name, f.Value, why),
				expected: "one CIDR, or two of different families",
			})
		}
	}
	return out
}

// families says what is wrong with the number or families of ranges; "" if nothing.
func families(ps []netip.Prefix) string {
	switch {
	case len(ps) > 2:
		return fmt.Sprintf("%d ranges", len(ps))
	case len(ps) == 2 && ps[0].Addr().Is4() == ps[1].Addr().Is4():
		return "two ranges of one family"
	}
	return ""
}

func cidrFamilies(v *view) []fault {
	var out []fault
	for _, l := range []struct {
		field string
		ps    []netip.Prefix
	}{{"networks.pods", v.Networks.Pods}, {"networks.services", v.Networks.Services}} {
		if why := families(l.ps); why != "" {
			out = append(out, fault{
				field: l.field, message: fmt.Sprintf("%s has %s", l.field, why),
				expected: "one CIDR, or one IPv4 and one IPv6",
			})
		}
	}
	return out
}

// network is a range and the field that sets it.
type network struct {
	netip.Prefix
	field, kind string
	flag        bool // set by a flag only
}

func (v *view) networks() []network {
	var out []network
	for _, l := range []struct {
		kind string
		ps   []netip.Prefix
	}{{"pods", v.Networks.Pods}, {"services", v.Networks.Services}, {"nodes", v.Networks.Nodes}} {
		for i, p := range l.ps {
			out = append(out, network{Prefix: p, field: fmt.Sprintf("networks.%s[%d]", l.kind, i), kind: l.kind})
		}
	}
	return out
}

func hostBits(v *view) []fault {
	var out []fault
	for _, n := range v.networks() {
		out = append(out, prefixFaults(n.Prefix, n.field)...)
	}
	if s, ok := v.APIServer.Flags[serviceRange]; ok {
		ps, _ := prefixes(s.Value)
		for _, p := range ps {
			out = append(out, prefixFaults(p, finding.Path("apiserver", "flags", serviceRange))...)
		}
	}
	return out
}

func hostBitsInFlags(v *view, n *nodeView) []fault {
	var out []fault
	for _, name := range []string{serviceRange, clusterCIDR} {
		f, ok := n.flags.Get(name)
		if !ok || strings.HasPrefix(f.Field, "networks.") {
			continue
		}
		ps, _ := prefixes(f.Value)
		for _, p := range ps {
			out = append(out, prefixFaults(p, f.Field)...)
		}
	}
	return out
}

func prefixFaults(p netip.Prefix, field string) []fault {
	if p.Addr().Is4In6() {
		return one(fault{field: field, message: fmt.Sprintf("%s is an IPv4 range in IPv6 notation", p), expected: "an IPv4 CIDR such as 10.200.0.0/16"})
	}
	if p.Masked() == p {
		return nil
	}
	return one(fault{
		field: field, message: fmt.Sprintf("%s has bits set behind its prefix", p),
		expected: p.Masked().String(), hint: fmt.Sprintf("write %q, or a longer prefix if you meant a part of it", p.Masked()),
	})
}

func networksOverlap(v *view) []fault {
	var out []fault
	ns := v.networks()
	for i, a := range ns {
		for _, b := range ns[i+1:] {
			if a.kind == "nodes" && b.kind == "nodes" || !a.Overlaps(b.Prefix) {
				continue
			}
			out = append(out, fault{
				field: b.field, also: []string{a.field},
				message:  fmt.Sprintf("%s %s overlaps %s %s", b.field, b.Prefix, a.field, a.Prefix),
				expected: "ranges that keep clear of each other",
			})
		}
	}
	return append(out, v.hostsOverlap()...)
}

// flagsOverlap checks ranges that only flags set.
func flagsOverlap(v *view, n *nodeView) []fault {
	c, ok1 := n.flags.Get(clusterCIDR)
	s, ok2 := n.flags.Get(serviceRange)
	if !ok1 || !ok2 || c.Field == "networks.pods" && s.Field == "networks.services" {
		return nil
	}
	pods, _ := prefixes(c.Value)
	services, _ := prefixes(s.Value)
	if text(pods) == text(v.Networks.Pods) && text(services) == text(v.Networks.Services) {
		return nil // networksOverlap
	}
	var out []fault
	for _, a := range pods {
		for _, node := range v.Networks.Nodes {
			if a.Overlaps(node) && c.Field != "networks.pods" {
				out = append(out, fault{
					field: c.Field, also: []string{"networks.nodes"},
					message: fmt.Sprintf("the pod range %s overlaps the node network %s", a, node), expected: "ranges that keep clear of each other",
				})
			}
		}
		for _, b := range services {
			if a.Overlaps(b) {
				out = append(out, fault{
					field: s.Field, also: []string{c.Field},
					message:  fmt.Sprintf("the service range %s overlaps the pod range %s", b, a),
					expected: "ranges that keep clear of each other",
				})
			}
		}
	}
	return out
}

func serviceFamily(v *view) []fault {
	var out []fault
	if len(v.Networks.Pods) == 0 {
		return nil
	}
	for i, s := range v.Networks.Services {
		if !slices.ContainsFunc(v.Networks.Pods, func(p netip.Prefix) bool { return p.Addr().Is4() == s.Addr().Is4() }) {
			out = append(out, fault{
				field: fmt.Sprintf("networks.services[%d]", i), also: []string{"networks.pods"},
				message:  fmt.Sprintf("no pod network has the family of the service range %s", s),
				expected: "a pod network of the same family",
			})
		}
	}
	return out
}

// ipamOff reports whether --controllers turns the IPAM controller off: then nothing
// reads the ranges.
func ipamOff(n *nodeView) bool {
	star := false
	for name := range strings.SplitSeq(n.flags.Value("controllers", "*"), ",") {
		switch name {
		case "-node-ipam-controller", "-nodeipam":
			return true
		case "node-ipam-controller", "nodeipam":
			return false
		case "*":
			star = true
		}
	}
	return !star
}

func clusterCIDRMissing(_ *view, n *nodeView) []fault {
	a, ok := n.flags.Get(allocate)
	if !ok || !a.Bool() || ipamOff(n) || n.flags.Value(clusterCIDR, "") != "" {
		return nil
	}
	return one(fault{
		field: a.Field, message: "allocate-node-cidrs is true and there is no cluster-cidr",
		expected: `networks: pods: ["10.200.0.0/16"], or flags: "cluster-cidr"`,
		hint:     "the node that leads would exit at once",
	})
}

func versionSkew(v *view) []fault {
	api := v.APIServer.Version
	if api == nil {
		return nil
	}
	behind := api.Minor - v.Version.Minor
	if behind == 0 || behind == 1 {
		return nil
	}
	return one(fault{
		field: "version", also: []string{"apiserver.version"},
		message:  fmt.Sprintf("kube-controller-manager %s with an apiserver %s", v.Version, api),
		expected: fmt.Sprintf("v1.%d or v1.%s", api.Minor, strconv.Itoa(api.Minor-1)),
	})
}
