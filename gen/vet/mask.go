package vet

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// allocation is how a node's KCM divides the pod networks.
type allocation struct {
	pods  []netip.Prefix
	masks []int // of each pod network
	field string
}

// maskOf returns the flag that sets the node mask of a pod network, and its value.
func maskOf(n *nodeView, p netip.Prefix, dual bool) (spec.Flag, string) {
	name, fallback := mask4, "24"
	if p.Addr().Is6() {
		name, fallback = mask6, "64"
	}
	if f, ok := maskFlag(n, mask); ok && !dual {
		return f, f.Value
	}
	if f, ok := maskFlag(n, name); ok {
		return f, f.Value
	}
	return spec.Flag{Name: name, Field: n.flags.Field(clusterCIDR)}, fallback
}

// maskFlag returns the flag of a node mask; 0 counts as not given.
func maskFlag(n *nodeView, name string) (spec.Flag, bool) {
	f, ok := n.flags.Get(name)
	return f, ok && !isZero(f.Value)
}

// allocationOf returns the pod networks, if KCM allocates from them.
func allocationOf(n *nodeView) (allocation, bool) {
	a, ok := n.flags.Get(allocate)
	c, given := n.flags.Get(clusterCIDR)
	if !ok || !a.Bool() || !given || ipamOff(n) {
		return allocation{}, false
	}
	pods, parsed := prefixes(c.Value)
	if !parsed || len(pods) == 0 || families(pods) != "" {
		return allocation{}, false
	}
	out := allocation{pods: pods, field: c.Field}
	for _, p := range pods {
		_, s := maskOf(n, p, len(pods) == 2)
		m, err := strconv.Atoi(s)
		if err != nil {
			m = -1
		}
		out.masks = append(out.masks, m)
	}
	return out, true
}

// nodeMaskSize checks what kube-controller-manager demands when its IPAM controller
// starts; there the leader exits.
func nodeMaskSize(v *view, n *nodeView) []fault {
	al, ok := allocationOf(n)
	if !ok {
		return nil
	}
	var out []fault
	generic, hasGeneric := maskFlag(n, mask)
	for _, name := range []string{mask4, mask6} {
		if f, ok := maskFlag(n, name); ok && hasGeneric {
			out = append(out, fault{
				field: f.Field, also: []string{generic.Field},
				message: fmt.Sprintf("both %s and %s are given", mask, name), expected: "one of them",
			})
		}
		if f, ok := maskFlag(n, name); ok && !hasFamily(al.pods, name == mask6) {
			out = append(out, fault{
				field: f.Field, message: fmt.Sprintf("%s is given and no pod network has that family", name),
				expected: "no such flag",
			})
		}
		if f, ok := maskFlag(n, name); ok && len(al.pods) == 1 && v.Version.Minor < 23 {
			out = append(out, fault{
				field: f.Field, message: fmt.Sprintf("%s with one pod network needs v1.23 or later", name),
				expected: mask,
			})
		}
	}
	if len(al.pods) == 2 && hasGeneric {
		out = append(out, fault{
			field: generic.Field, message: mask + " with two pod networks: kube-controller-manager exits",
			expected: mask4 + " and " + mask6,
		})
		return out
	}
	for i, p := range al.pods {
		f, s := maskOf(n, p, len(al.pods) == 2)
		out = append(out, maskFits(f, s, p, al.masks[i])...)
	}
	return out
}

func hasFamily(ps []netip.Prefix, six bool) bool {
	for _, p := range ps {
		if p.Addr().Is6() == six {
			return true
		}
	}
	return false
}

// maxMaskDiff is how many bits longer than an IPv6 pod network a node's range may be
// (the IPAM controller's clusterSubnetMaxDiff).
const maxMaskDiff = 16

func maskFits(f spec.Flag, value string, p netip.Prefix, m int) []fault {
	full := p.Addr().BitLen()
	switch {
	case m < 0 || m > full:
		return one(fault{
			field: f.Field, message: fmt.Sprintf("%s is %s", f.Name, value),
			expected: fmt.Sprintf("a prefix length from %d to %d", p.Bits(), full),
		})
	case m < p.Bits():
		return one(fault{
			field: f.Field, message: fmt.Sprintf("a node's range /%d is larger than the pod network %s", m, p),
			expected: fmt.Sprintf("/%d or longer", p.Bits()),
		})
	case p.Addr().Is6() && m-p.Bits() > maxMaskDiff:
		return one(fault{
			field: f.Field, message: fmt.Sprintf("node ranges /%d are more than %d bits longer than the pod network %s", m, maxMaskDiff, p),
			expected: fmt.Sprintf("/%d or shorter", p.Bits()+maxMaskDiff),
		})
	}
	return nil
}

// nodeMaskKubeadm: kube-controller-manager has this limit for IPv6 only, where node-mask-size
// reports it (kubeadm's ValidatePodSubnetNodeMask has it for both families).
func nodeMaskKubeadm(_ *view, n *nodeView) []fault {
	al, ok := allocationOf(n)
	if !ok {
		return nil
	}
	var out []fault
	for i, p := range al.pods {
		m := al.masks[i]
		if p.Addr().Is6() || m > p.Addr().BitLen() || m-p.Bits() <= maxMaskDiff {
			continue
		}
		f, _ := maskOf(n, p, len(al.pods) == 2)
		out = append(out, fault{
			field: f.Field, also: []string{al.field},
			message:  fmt.Sprintf("node ranges /%d are %d bits longer than the pod network %s: kubeadm refuses more than %d", m, m-p.Bits(), p, maxMaskDiff),
			expected: fmt.Sprintf("/%d or shorter, or a smaller pod network", p.Bits()+maxMaskDiff),
		})
	}
	return out
}

// podCapacity counts the node ranges without those that overlap a service range, which
// KCM never allocates.
func podCapacity(v *view, n *nodeView) []fault {
	al, ok := allocationOf(n)
	if !ok {
		return nil
	}
	need := max(len(v.Nodes), v.Networks.MaxNodes)
	services, _ := prefixes(n.flags.Value(serviceRange, ""))
	var out []fault
	for i, p := range al.pods {
		m := al.masks[i]
		if m < p.Bits() || m > p.Addr().BitLen() || m-p.Bits() > 30 {
			continue
		}
		have := 1 << (m - p.Bits())
		for _, s := range services {
			have -= shared(p, s, m)
		}
		if have < need {
			out = append(out, fault{
				field: al.field, also: []string{"networks.maxNodes"},
				message:  fmt.Sprintf("the pod network %s has room for %d node ranges of /%d, and %d nodes need one each", p, max(have, 0), m, need),
				expected: fmt.Sprintf("a larger pod network, or smaller node ranges than /%d (networks.nodeMask)", m),
			})
		}
	}
	return out
}

// shared is the number of /m ranges of p that overlap s.
func shared(p, s netip.Prefix, m int) int {
	if !p.Overlaps(s) {
		return 0
	}
	return 1 << max(0, m-max(p.Bits(), s.Bits()))
}
