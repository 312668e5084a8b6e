package vet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// saidTwice: a flag contradicts the field that it derives from. The process uses the
// flag; other rules and files use the field.
func saidTwice(v *view, n *nodeView) []fault {
	var out []fault
	for _, said := range policy.FieldFlags(v.Cluster) {
		f, ok := n.flags.Get(said.Name)
		if !ok || !written(f) || said.Field == "profile" {
			continue
		}
		if _, wrote := v.Source.Exact(said.Field); strings.HasPrefix(said.Field, "networks.nodeMask.") && !wrote {
			continue // a default, which a flag may override
		}
		if v.sameValue(n, f, said) {
			continue
		}
		out = append(out, fault{
			field: f.Field, also: []string{said.Field},
			message:  fmt.Sprintf("%s is %s, and --%s is %s: they set the same thing", said.Field, said.Value, f.Name, f.Value),
			expected: fmt.Sprintf("no such flag: %s sets it", said.Field),
		})
	}
	return append(out, profileUndone(v, n)...)
}

// sameValue reports whether a flag agrees with its field, or another rule reports the
// difference.
func (v *view) sameValue(n *nodeView, f, said spec.Flag) bool {
	if f.Value == said.Value || f.Value == "" {
		return true
	}
	if said.Name != clusterCIDR && said.Name != serviceRange {
		return isZero(f.Value) // 0 counts as not set
	}
	ours, ok := prefixes(f.Value)
	want, _ := prefixes(said.Value)
	switch {
	case !ok || families(ours) != "":
		return true // cidr-invalid
	case slices.ContainsFunc(v.nodes, func(o *nodeView) bool { return o.flags.Value(f.Name, "") != f.Value }):
		return true // allocation-differs
	case said.Name == serviceRange && v.apiserverDiffers(ours):
		return true // service-range-differs
	}
	return slices.EqualFunc(ours, want, samePrefix)
}

func samePrefix(a, b netip.Prefix) bool { return a.Masked() == b.Masked() }

// apiserverDiffers reports whether the apiserver is stated to have another service range.
func (v *view) apiserverDiffers(ours []netip.Prefix) bool {
	theirs, stated := v.APIServer.Flags[serviceRange]
	want, ok := prefixes(theirs.Value)
	return stated && ok && !slices.EqualFunc(ours, want, samePrefix)
}

// profileUndone: a flag shortens an election time that the profile makes long.
func profileUndone(v *view, n *nodeView) []fault {
	var out []fault
	for _, said := range policy.FieldFlags(v.Cluster) {
		f, ok := n.flags.Get(said.Name)
		if !ok || said.Field != "profile" {
			continue
		}
		ours, err1 := time.ParseDuration(f.Value)
		want, err2 := time.ParseDuration(said.Value)
		if err1 != nil || err2 != nil || ours >= want {
			continue
		}
		out = append(out, fault{
			field: f.Field, also: []string{"profile"}, severity: finding.Warning,
			message:  fmt.Sprintf("--%s is %s, and profile %q makes it %s: the profile is for an apiserver that answers late", f.Name, f.Value, v.Profile, said.Value),
			expected: "no such flag, or no profile",
		})
	}
	return out
}

// negative are durations that nothing validates, and what happens if one is below 0.
var negative = map[string]string{
	"controller-shutdown-timeout": "kube-controller-manager panics when its controllers have to stop, and keeps the lease",
}

func durationNegative(v *view, n *nodeView) []fault {
	var out []fault
	for _, k := range n.known {
		why, is := negative[k.Name]
		if d, err := time.ParseDuration(k.Value); is && err == nil && d < 0 {
			out = append(out, fault{field: k.Field, message: fmt.Sprintf("%s is %s: %s", k.Name, k.Value, why), expected: "0s or more"})
		}
	}
	return out
}
