package vet

import (
	"fmt"
	"strconv"
	"time"

	"github.com/kcmgen/kcmgen/gen/spec"
)

func leaderElectOff(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("leader-elect")
	if !ok || f.Bool() || len(v.nodes) < 2 {
		return nil
	}
	if _, err := strconv.ParseBool(f.Value); err != nil && v.minor != nil {
		return nil // flag-type
	}
	return one(fault{
		field: f.Field, message: fmt.Sprintf("leader-elect is %s with %d nodes: every one of them would act", f.Value, len(v.nodes)),
		expected: "true",
	})
}

// election are the flags of the three durations.
var election = []string{"leader-elect-lease-duration", "leader-elect-renew-deadline", "leader-elect-retry-period"}

// jitter is client-go's JitterFactor for the retry period.
const jitter = 1.2

func leaderElectTiming(v *view, n *nodeView) []fault {
	if f, ok := n.flags.Get("leader-elect"); ok && !f.Bool() {
		return nil
	}
	var t [3]time.Duration
	field := "flags"
	for i, name := range election {
		f, given := n.flags.Get(name)
		value := n.value(name)
		if given {
			field = f.Field
		}
		d, err := time.ParseDuration(value)
		if err != nil && v.minor != nil {
			return nil // flag-type
		}
		if err != nil || d <= 0 {
			return one(fault{field: f.Field, message: fmt.Sprintf("%s is %q", name, value), expected: `a duration above zero, with its unit, such as "15s"`})
		}
		t[i] = d
	}
	lease, renew, retry := t[0], t[1], t[2]
	bad := ""
	switch {
	case lease <= renew:
		bad = fmt.Sprintf("the lease duration %s is not longer than the renew deadline %s", lease, renew)
	case float64(renew) <= jitter*float64(retry):
		bad = fmt.Sprintf("the renew deadline %s is not longer than 1.2 × the retry period %s", renew, retry)
	default:
		return nil
	}
	return one(fault{
		field: field, message: bad, expected: "lease duration > renew deadline > 1.2 × retry period",
		hint: "kube-controller-manager panics otherwise; the defaults are 15s, 10s and 2s",
	})
}

func leaderElectDiffers(v *view) []fault {
	var out []fault
	for _, n := range v.nodes {
		for _, name := range []string{"leader-elect-resource-name", "leader-elect-resource-namespace"} {
			if f, ok := n.flags.Get(name); ok && f.Value == "" {
				out = append(out, fault{field: f.Field, message: name + " is empty: the lease can never be taken", expected: "a name, or no such flag"})
			}
		}
	}
	for _, name := range []string{"leader-elect-resource-lock", "leader-elect-resource-name", "leader-elect-resource-namespace"} {
		first := v.nodes[0]
		want := first.value(name)
		for _, n := range v.nodes[1:] {
			if got := n.value(name); got != want {
				out = append(out, fault{
					field: v.flagField(n, name), also: []string{v.flagField(first, name)},
					message:  fmt.Sprintf("%s is %q on node %s and %q on node %s: both would lead", name, want, first.Name, got, n.Name),
					expected: "one value on all nodes",
				})
			}
		}
	}
	return out
}

// leaseAndLimit: a throttled process renews late, and loses the lease.
func leaseAndLimit(v *view, n *nodeView) []fault {
	limit, ok := v.Pod.Limits["cpu"]
	if v.Layout != spec.StaticPod || !ok {
		return nil
	}
	cores, err1 := quantity(limit)
	renew, err := time.ParseDuration(n.value("leader-elect-renew-deadline"))
	if err1 != nil || err != nil || cores >= 1 || renew > 20*time.Second {
		return nil
	}
	return one(fault{
		field:    "pod.resources.limits.cpu",
		message:  fmt.Sprintf("a CPU limit of %s with a renew deadline of %s: throttling costs the lease", limit, renew),
		expected: `no CPU limit, or profile: "slowBoards"`,
	})
}
