package vet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// flagConflict reports values that are valid alone, and that
// kube-controller-manager's own validation refuses together.
func flagConflict(v *view, n *nodeView) []fault {
	if v.minor == nil {
		return nil
	}
	var out []fault
	for _, check := range []func(*view, *nodeView) []fault{logging, klog, metrics, requestHeaders, connection, leaderMigration, dualStack, emulation, storageMigration} {
		out = append(out, check(v, n)...)
	}
	return out
}

// logging: component-base/logs/api/v1 Validate.
func logging(v *view, n *nodeView) []fault {
	var out []fault
	if f, ok := n.flags.Get("vmodule"); ok && f.Value != "" && n.value("logging-format") != "text" {
		out = append(out, fault{field: f.Field, message: "--vmodule goes with --logging-format=text only", expected: "no such flag, or the other format"})
	}
	if f, ok := n.flags.Get("log-flush-frequency"); ok {
		if d, err := time.ParseDuration(f.Value); err == nil && d <= 0 {
			out = append(out, fault{field: f.Field, message: valueMessage(f), expected: "more than 0s"})
		}
	}
	for _, name := range []string{"log-text-split-stream", "log-text-info-buffer-size", "log-json-split-stream", "log-json-info-buffer-size"} {
		f, ok := n.flags.Get(name)
		_, gated := v.minor.Gate(loggingGate)
		if ok && gated && !isDefault(f.Value) && !n.gateOn(loggingGate) {
			out = append(out, fault{field: f.Field, message: fmt.Sprintf("--%s needs feature gate %s", name, loggingGate), expected: "the gate, or no such flag"})
		}
	}
	return out
}

// klogFlags are those that v1.23 to v1.25 refuse with another format than text, unless they
// have their defaults: component-base/logs UnsupportedLoggingFlags. v1.26 has none of them.
var klogFlags = []string{
	"add-dir-header", "alsologtostderr", "log-backtrace-at", "log-dir", "log-file", "log-file-max-size", "logtostderr", "one-output", "skip-headers",
	"skip-log-headers", "stderrthreshold",
}

func klog(v *view, n *nodeView) []fault {
	format, given := n.flags.Get("logging-format")
	if v.Version.Minor < 23 || !given || format.Value == "text" || format.Value == "" {
		return nil
	}
	var out []fault
	for _, k := range n.known {
		same := k.Value == k.def.Default || isTrue(k.def.Default) && isTrue(k.Value) || isFalse(k.def.Default) && isFalse(k.Value)
		if slices.Contains(klogFlags, k.Name) && !same && (k.Name != "stderrthreshold" || k.Value != "ERROR") {
			out = append(out, fault{
				field: k.Field, also: alsoField(format), expected: "no such flag, or the other format",
				message: fmt.Sprintf("--%s goes with --logging-format=text only", k.Name),
			})
		}
	}
	return out
}

// isDefault reports whether a bool or a quantity has its default: false, or 0.
func isDefault(value string) bool {
	digits := strings.TrimRight(value, "KMGTPEinumk")
	return value == "" || isFalse(value) || strings.Contains(digits, "0") && strings.Trim(digits, "+-0.") == ""
}

const loggingGate = "LoggingAlphaOptions"

var (
	metricName  = lazy.Regexp(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)
	metricLabel = lazy.Regexp(`^[a-zA-Z_:][a-zA-Z0-9_:]*,[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// strictMetrics is the first minor that validates the names of metrics, and refuses
// labels from two sources.
const strictMetrics = 36

// metrics: component-base/metrics Validate.
func metrics(v *view, n *nodeView) []fault {
	var out []fault
	previous := fmt.Sprintf("1.%d", v.Version.Minor-1)
	if f, ok := n.flags.Get("show-hidden-metrics-for-version"); ok && f.Value != "" && f.Value != previous {
		out = append(out, fault{field: f.Field, message: valueMessage(f), expected: fmt.Sprintf("%q, the minor version before %s, and no other", previous, v.Version)})
	}
	if f, ok := n.flags.Get("allow-metric-labels"); ok {
		bad := func(pair string) bool {
			key, _, given := strings.Cut(pair, "=")
			return given && !metricLabel().MatchString(key)
		}
		if slices.ContainsFunc(flags.Pairs(f.Value), bad) {
			out = append(out, fault{field: f.Field, message: valueMessage(f), expected: `"METRIC,LABEL=VALUE,…"`})
		}
		manifest, both := n.flags.Get("allow-metric-labels-manifest")
		if both && v.Version.Minor >= strictMetrics && manifest.Value != "" && f.Value != "" {
			out = append(out, fault{
				field: f.Field, also: []string{manifest.Field},
				message: "--allow-metric-labels and --allow-metric-labels-manifest exclude each other", expected: "one of them",
			})
		}
	}
	if f, ok := n.flags.Get("disabled-metrics"); ok && f.Value != "" && v.Version.Minor >= strictMetrics {
		for _, name := range flags.Elements(f.Value) {
			if !metricName().MatchString(name) {
				out = append(out, fault{field: f.Field, message: fmt.Sprintf("disabled-metrics names %.80q", name), expected: "whole names of metrics"})
			}
		}
	}
	return out
}

// requestHeaders: apiserver/pkg/server/options RequestHeaderAuthenticationOptions.
func requestHeaders(_ *view, n *nodeView) []fault {
	var out []fault
	for _, name := range []string{"username-headers", "group-headers", "extra-headers-prefix", "uid-headers", "allowed-names"} {
		f, ok := n.flags.Get("requestheader-" + name)
		blank := func(s string) bool { return strings.TrimSpace(s) == "" }
		if ok && f.Value != "" && slices.ContainsFunc(strings.Split(f.Value, ","), blank) {
			out = append(out, fault{field: f.Field, message: valueMessage(f), expected: "no empty name in it"})
		}
	}
	f, ok := n.flags.Get("requestheader-uid-headers")
	const gate, header = "RemoteRequestHeaderUID", "X-Remote-Uid"
	switch {
	case !ok || f.Value == "":
	case !n.gateOn(gate):
		out = append(out, fault{field: f.Field, message: fmt.Sprintf("--%s needs feature gate %s", f.Name, gate), expected: "the gate, or no such flag"})
	case !slices.ContainsFunc(strings.Split(f.Value, ","), func(s string) bool { return strings.EqualFold(s, header) }):
		out = append(out, fault{field: f.Field, message: valueMessage(f), expected: header + " among them"})
	}
	return out
}

// connection: client-go's kubernetes.NewForConfig.
func connection(_ *view, n *nodeView) []fault {
	qps, err1 := strconv.ParseFloat(n.value("kube-api-qps"), 32)
	burst, err2 := strconv.ParseInt(n.value("kube-api-burst"), 0, 32)
	if err1 != nil || err2 != nil || qps <= 0 || burst >= 1 {
		return nil
	}
	f, _ := n.flags.Get("kube-api-burst")
	return one(fault{field: f.Field, message: fmt.Sprintf("kube-api-burst is %s with a kube-api-qps of %v", f.Value, qps), expected: "at least 1"})
}

// leaderMigration: v1.21 has no default configuration for it.
func leaderMigration(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("enable-leader-migration")
	const gate = "ControllerManagerLeaderMigration"
	if !ok || !f.Bool() || v.Version.Minor != 21 || n.gateOn(gate) && n.flags.Value("leader-migration-config", "") != "" {
		return nil
	}
	return one(fault{
		field: f.Field, message: "--enable-leader-migration in v1.21 needs --leader-migration-config and feature gate " + gate,
		expected: "both of them",
	})
}

// dualStack: before v1.23, two pod networks need feature gates, one of which v1.20 has off.
func dualStack(v *view, n *nodeView) []fault {
	al, ok := allocationOf(n)
	if !ok || len(al.pods) < 2 || v.Version.Minor >= 23 {
		return nil
	}
	for _, gate := range []string{"IPv6DualStack", "EndpointSlice"} {
		if !n.gateOn(gate) {
			return one(fault{
				field: al.field, message: fmt.Sprintf("two pod networks in v1.%d need feature gate %s, which is off", v.Version.Minor, gate),
				expected: fmt.Sprintf(`flags: "feature-gates": "%s=true", or one pod network`, gate), hint: "the node that leads would exit at once",
			})
		}
	}
	return nil
}

// emulation: a version emulates itself and the three minors before it.
func emulation(v *view, n *nodeView) []fault {
	emulated, floor := v.Version.Minor, max(v.Version.Minor-3, firstEmulated)
	f, ok := n.flags.Get("emulated-version")
	if ok && f.Value != "" {
		minor, valid := componentMinor(f.Value)
		if !valid || minor > v.Version.Minor || minor < floor {
			return one(fault{
				field: f.Field, message: valueMessage(f),
				expected: fmt.Sprintf("a minor version from 1.%d to 1.%d", floor, v.Version.Minor),
			})
		}
		emulated = minor
	}
	c, ok := n.flags.Get("min-compatibility-version")
	if !ok || c.Value == "" {
		return nil
	}
	if minor, valid := componentMinor(c.Value); !valid || minor > emulated || minor < floor {
		return one(fault{field: c.Field, also: alsoField(f), message: valueMessage(c), expected: fmt.Sprintf("a minor version from 1.%d to 1.%d", floor, emulated)})
	}
	return nil
}

// firstEmulated is the oldest minor that any version emulates.
const firstEmulated = 31

// storageMigration: the controller that moves objects to other storage versions
// ends the process where the garbage collector is off.
func storageMigration(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("enable-garbage-collector")
	c, migrates := v.minor.Controller(flags.StorageMigrator)
	if !ok || !isFalse(f.Value) || !migrates || !v.minor.Runs(c, n.controllers) ||
		!n.gateOn("StorageVersionMigrator") || !n.gateOn("InformerResourceVersion") {
		return nil
	}
	return one(fault{
		field:    f.Field,
		message:  fmt.Sprintf("--enable-garbage-collector is false, and %s doesn't start without", c.Name),
		expected: fmt.Sprintf("true, or controllers with %q", "-"+c.Name), hint: "the node that leads would exit at once",
	})
}

func alsoField(f spec.Flag) []string {
	if f.Field == "" {
		return nil
	}
	return []string{f.Field}
}

// emulated returns the minor that a node's process emulates, and the oldest that it
// stays compatible with. ok is false if no flag sets either.
func (v *view) emulated(n *nodeView) (minor, least int, ok bool) {
	if v.minor == nil {
		return 0, 0, false
	}
	minor, emulates := componentMinor(n.flags.Value("emulated-version", ""))
	if !emulates {
		minor = v.Version.Minor
	}
	least, limited := componentMinor(n.flags.Value("min-compatibility-version", ""))
	if !limited {
		least = minor - 1
	}
	return minor, least, emulates || limited
}

// version is a component's version as apimachinery's version.Parse reads it; a patch
// must be 0.
var version = lazy.Regexp(`^v?1\.([0-9]+)(\.0)?$`)

// componentMinor reads "1.36", or "kube=1.36".
func componentMinor(s string) (int, bool) {
	if component, rest, ok := strings.Cut(s, "="); ok {
		if strings.TrimSpace(component) != "kube" {
			return 0, false
		}
		s = rest
	}
	m := version().FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, false
	}
	minor, err := strconv.Atoi(m[1])
	return minor, err == nil
}
