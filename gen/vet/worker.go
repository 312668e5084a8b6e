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

// workersNone: a controller without workers runs, and does nothing. flag-value reports
// it for versions that refuse it.
func workersNone(v *view, n *nodeView) []fault {
	return v.eachKnown(n, func(f spec.Flag, d flags.Def) []fault {
		count, err := strconv.ParseInt(f.Value, 0, 32)
		if err != nil || count > 0 || d.Min != nil || !strings.HasPrefix(f.Name, "concurrent-") || v.idle(n, f) {
			return nil
		}
		return one(fault{field: f.Field, message: fmt.Sprintf("%s is %s: the controller runs without a single worker", f.Name, f.Value), expected: "1 or more"})
	})
}

// periods are the periods that break the process where they aren't above 0, and how.
var periods = map[string]string{
	"horizontal-pod-autoscaler-sync-period":        "kube-controller-manager panics",
	"legacy-service-account-token-clean-up-period": "the node that leads exits",
	"node-monitor-period":                          "nodes are looked at without a pause",
	"node-monitor-grace-period":                    "every node counts as gone",
}

func periodZero(v *view, n *nodeView) []fault {
	return v.eachKnown(n, func(f spec.Flag, _ flags.Def) []fault {
		why, is := periods[f.Name]
		d, err := time.ParseDuration(f.Value)
		if !is || err != nil || d > 0 || v.idle(n, f) {
			return nil
		}
		return one(fault{field: f.Field, message: fmt.Sprintf("%s is %s: %s", f.Name, f.Value, why), expected: "more than 0s"})
	})
}

// idle reports whether nothing reads a flag; flag-ignored reports that.
func (v *view) idle(n *nodeView, f spec.Flag) bool {
	why, _ := v.ignored(n, f)
	return why != ""
}

// heartbeat is how often a kubelet updates its node's status, by default.
const heartbeat = 10 * time.Second

// nodeMonitorTiming: the grace period must outlast a few late heartbeats, and the time
// between two checks.
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
			field: field, message: fmt.Sprintf("node-monitor-grace-period is %s, and node-monitor-period %s: healthy nodes count as gone between two checks", grace, period),
			expected: "a grace period several times the period", severity: finding.Error,
		})
	case graceFlag.Field != "" && grace < 2*heartbeat:
		return one(fault{
			field: graceFlag.Field, message: fmt.Sprintf("node-monitor-grace-period is %s, and a kubelet reports every %s: one late report and the node counts as gone", grace, heartbeat),
			expected: "several times the kubelet's nodeStatusUpdateFrequency",
		})
	case graceFlag.Field != "" && v.Version.Minor >= 32 && grace <= deadConnection:
		return one(fault{
			field: graceFlag.Field, message: fmt.Sprintf("node-monitor-grace-period is %s: a kubelet whose connection broke takes up to %s to notice it, and its node counts as gone by then", grace, deadConnection),
			expected: "50s or more",
		})
	}
	return nil
}

// deadConnection is how long a client waits for an answer on a broken connection with HTTP/2:
// 30 s until a ping, and 15 s for its answer.
const deadConnection = 45 * time.Second

// rateInvalid checks rates that nothing validates when the process starts.
func rateInvalid(v *view, n *nodeView) []fault {
	return v.eachKnown(n, func(f spec.Flag, _ flags.Def) []fault {
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
		return one(fault{field: f.Field, message: valueMessage(f) + ", which nothing checks when it starts", expected: want})
	})
}
