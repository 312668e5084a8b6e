package vet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// workersNone: a controller that is given no workers runs, and does nothing.
// Versions that refuse it have a range, which flag-value keeps.
func workersNone(v *view, n *nodeView) []fault {
	return v.defined(n, func(f spec.Flag, d flags.Def) []fault {
		count, err := strconv.ParseInt(f.Value, 0, 32)
		if err != nil || count > 0 || d.Min != nil || !strings.HasPrefix(f.Name, "concurrent-") || v.idle(n, f) {
			return nil
		}
		return one(fault{field: f.Field, message: fmt.Sprintf("%s is %s: the controller runs without a single worker", f.Name, f.Value), expected: "1 or more"})
	})
}

// periods that end the process, or stop what they time, where they aren't above 0.
var periods = map[string]string{
	"horizontal-pod-autoscaler-sync-period":        "kube-controller-manager panics",
	"legacy-service-account-token-clean-up-period": "the node that leads exits",
	"node-monitor-period":                          "nodes are looked at without a pause",
	"node-monitor-grace-period":                    "every node counts as gone",
}

func periodZero(v *view, n *nodeView) []fault {
	return v.defined(n, func(f spec.Flag, _ flags.Def) []fault {
		why, is := periods[f.Name]
		d, err := time.ParseDuration(f.Value)
		if !is || err != nil || d > 0 || v.idle(n, f) {
			return nil
		}
		return one(fault{field: f.Field, message: fmt.Sprintf("%s is %s: %s", f.Name, f.Value, why), expected: "more than 0s"})
	})
}

// idle reports whether nothing reads a flag, which flag-ignored says.
func (v *view) idle(n *nodeView, f spec.Flag) bool {
	why, _ := v.ignored(n, f)
	return why != ""
}

// heartbeat is how often a kubelet says that its node is alive, by default.
const heartbeat = 10 * time.Second

// nodeMonitorTiming: the grace period has to outlast some heartbeats that are late,
// and one look at the nodes.
func nodeMonitorTiming(v *view, n *nodeView) []fault {
	if v.minor == nil {
		return nil
	}
	read := func(name string) (spec.Flag, time.Duration, bool) {
		d, has := v.minor.Flag(name)
		f, _ := n.flags.Get(name)
		value, err := time.ParseDuration(n.flags.Value(name, d.Default))
		return f, value, has && err == nil && value > 0
	}
	graceFlag, grace, ok1 := read("node-monitor-grace-period")
	periodFlag, period, ok2 := read("node-monitor-period")
	switch {
	case !ok1 || !ok2 || graceFlag.Field == "" && periodFlag.Field == "":
		return nil
	case grace <= period:
		field := graceFlag.Field
		if field == "" {
			field = periodFlag.Field
		}
		return one(fault{
			field: field, message: fmt.Sprintf("node-monitor-grace-period is %s, and node-monitor-period %s: healthy nodes count as gone between two looks", grace, period),
			expected: "a grace period several times the period", severity: finding.Error,
		})
	case graceFlag.Field != "" && grace < 2*heartbeat:
		return one(fault{
			field: graceFlag.Field, message: fmt.Sprintf("node-monitor-grace-period is %s, and a kubelet reports every %s: one late report and the node counts as gone", grace, heartbeat),
			expected: "several times the kubelet's nodeStatusUpdateFrequency",
		})
	}
	return nil
}

// rates are what the node lifecycle controller reads without a look at them.
func rateInvalid(v *view, n *nodeView) []fault {
	return v.defined(n, func(f spec.Flag, _ flags.Def) []fault {
		rate, err := strconv.ParseFloat(f.Value, 64)
		want := ""
		switch f.Name {
		case "node-eviction-rate", "secondary-node-eviction-rate", "horizontal-pod-autoscaler-tolerance":
			if rate < 0 {
				want = "0 or more"
			}
		case "unhealthy-zone-threshold":
			if rate <= 0 || rate > 1 {
				want = "more than 0, and 1 at most"
			}
		}
		if err != nil || want == "" || v.idle(n, f) {
			return nil
		}
		return one(fault{field: f.Field, message: is(f) + ", which nothing checks when it starts", expected: want})
	})
}
