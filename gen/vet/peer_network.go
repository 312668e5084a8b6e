package vet

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
)

var networkPeerRules = []Rule{
	{
		ID: "proxy-range-differs", Severity: isError, node: proxyRangeDiffers,
		Doc: "kube-proxy's clusterCIDR is --cluster-cidr, where it has one",
	},
	{
		ID: "network-pool-differs", Severity: isError, node: networkPoolDiffers,
		Doc: "the network add-on's pods are within --cluster-cidr, and it has the range of every node (a warning where it gives addresses by itself)",
	},
}

// podRanges returns the ranges of pods that kube-controller-manager knows, and the field.
func podRanges(v *view, n *nodeView) (ps []netip.Prefix, field string) {
	f, ok := n.flags.Get(clusterCIDR)
	if !ok || f.Value == "" {
		return v.Networks.Pods, "networks.pods"
	}
	ps, _ = prefixes(f.Value) // errors: cidr-invalid
	return ps, f.Field
}

func proxyRangeDiffers(v *view, n *nodeView) []fault {
	const name = "clusterCIDR"
	p := v.peer(KubeProxyFile)
	ours, field := podRanges(v, n)
	if p == nil || len(ours) == 0 {
		return nil
	}
	s := p.said(name)
	if s.Unknown {
		return p.unchecked(field, name, "the pod range "+text(ours))
	}
	if s.Value == "" {
		return nil // it then tells pods by other means, or doesn't
	}
	theirs, ok := prefixes(s.Value)
	if !ok {
		return one(fault{field: KubeProxyFile, at: s.At, message: fmt.Sprintf("%s of %s is %q, not a CIDR", name, p.File, s.Value), expected: text(ours)})
	}
	same := len(ours) == len(theirs) && !slices.ContainsFunc(ours, func(a netip.Prefix) bool {
		return !slices.ContainsFunc(theirs, func(b netip.Prefix) bool { return samePrefix(a, b) })
	})
	if same {
		return nil
	}
	return one(fault{
		field: field, also: []string{KubeProxyFile}, at: s.At,
		message:  fmt.Sprintf("the pod range is %s, and kube-proxy's %s in %s is %s", text(ours), name, p.File, s.Value),
		expected: "one range in both",
		hint:     "kube-proxy would take pods for strangers and hide their addresses from each other",
	})
}

// networkPoolDiffers compares the ranges of a network add-on.
func networkPoolDiffers(v *view, n *nodeView) []fault {
	p := v.peer(NetworkFile)
	if p == nil {
		return nil
	}
	out := v.hostScope(n, p)
	ours, field := podRanges(v, n)
	if len(ours) == 0 {
		return out
	}
	for _, pool := range p.Pools {
		f := fault{field: field, also: []string{NetworkFile}, at: pool.At}
		if pool.Unknown {
			f.severity, f.expected = finding.NotChecked, "a file with the range itself"
			f.message = fmt.Sprintf("the pod range %s was not compared with %s's %s, which %s leaves open", text(ours), pool.Addon, pool.Field, p.File)
			out = append(out, f)
			continue
		}
		theirs, err := netip.ParsePrefix(pool.CIDR)
		if err != nil {
			f.field, f.also = NetworkFile, nil
			f.message, f.expected = fmt.Sprintf("%s's %s in %s is %q, not a CIDR", pool.Addon, pool.Field, p.File, pool.CIDR), text(ours)
			out = append(out, f)
			continue
		}
		out = append(out, poolFaults(pool, theirs, ours, p.File, f)...)
	}
	return out
}

// poolFaults compares a pool with the ranges of its family. Flannel refuses a node whose
// range isn't in its Network (pkg/subnet/kube). Calico and Cilium give addresses by
// themselves; what is told by --cluster-cidr, such as kube-proxy's rules, then doesn't hold
// for pods outside it.
func poolFaults(pool Pool, theirs netip.Prefix, ours []netip.Prefix, file string, f fault) []fault {
	of := slices.DeleteFunc(slices.Clone(ours), func(p netip.Prefix) bool { return p.Addr().Is4() != theirs.Addr().Is4() })
	within := func(inner, outer netip.Prefix) bool {
		return outer.Bits() <= inner.Bits() && outer.Masked().Contains(inner.Addr())
	}
	f.expected = text(of)
	switch {
	case len(of) == 0:
		f.message = fmt.Sprintf("the pod range %s has no range of the family of %s's %s %s in %s", text(ours), pool.Addon, pool.Field, theirs, file)
		f.expected = "one range of each family that pods have"
	case pool.OfNodes && !within(of[0], theirs):
		f.message = fmt.Sprintf("the pod range is %s, and %s's %s in %s is %s: it refuses nodes whose range isn't in it", text(of), pool.Addon, pool.Field, file, theirs)
	case !pool.OfNodes && !within(theirs, of[0]):
		f.severity = finding.Warning
		f.message = fmt.Sprintf("the pod range is %s, and %s's %s in %s is %s: pods get addresses outside of it", text(of), pool.Addon, pool.Field, file, theirs)
		f.expected = "a pool within " + text(of)
	default:
		return nil
	}
	return one(f)
}

// hostScope: in Cilium's mode "kubernetes", pods get addresses of their node's range only.
func (v *view) hostScope(n *nodeView, p *Peer) []fault {
	s := p.said(IPAMSetting)
	_, allocates := allocationOf(n)
	f := fault{field: v.flagField(n, allocate), also: []string{NetworkFile}, at: s.At}
	switch {
	case s.Unknown:
		return p.unchecked(f.field, IPAMSetting, "--"+allocate)
	case s.Value != "kubernetes" || allocates:
		return nil
	}
	f.message = fmt.Sprintf("ipam is kubernetes in %s, and kube-controller-manager gives nodes no range: Cilium's agents would wait for one for ever", p.File)
	f.expected = "networks: pods, or --allocate-node-cidrs with --cluster-cidr"
	return one(f)
}
