package vet

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// unitRules compare a unit with how kube-controller-manager behaves: it is one process
// that doesn't notify systemd, listens, and connects to the apiserver.
var unitRules = []Rule{
	{
		ID: "unit-type", Severity: isError, Unit: true, node: unitType,
		Doc: "systemd counts the process as started: Type= is simple or exec",
	},
	{
		ID: "start-limit", Severity: isWarning, Unit: true, node: startLimit,
		Doc: "systemd keeps restarting a process that exits at once: RestartSec= is long enough for the start limit",
	},
	{
		ID: "network-hidden", Severity: isError, Fixed: true, Unit: true, node: networkHidden,
		Doc: "the process can listen and reach the apiserver: nothing in the unit takes its network away",
	},
}

// effective returns the lines of a directive that have an effect, in order: an empty
// value resets what comes before it. A directive can have several names.
func effective(ds []spec.Directive, names ...string) []spec.Directive {
	var out []spec.Directive
	for _, d := range ds {
		switch {
		case !slices.Contains(names, d.Name):
		case strings.TrimSpace(d.Value) == "":
			out = nil
		default:
			out = append(out, d)
		}
	}
	return out
}

// values returns the values of the lines that effective returns.
func values(ds []spec.Directive, names ...string) []string {
	var out []string
	for _, d := range effective(ds, names...) {
		out = append(out, strings.TrimSpace(d.Value))
	}
	return out
}

// lastValue returns the value of a directive that takes a single one, or other.
func lastValue(ds []spec.Directive, other string, names ...string) string {
	if all := values(ds, names...); len(all) > 0 {
		return all[len(all)-1]
	}
	return other
}

// unitTypes are the types for which a running process isn't enough, with what systemd
// waits for (systemd.service(5)).
var unitTypes = map[string]string{
	"notify":        "waits for a notification that kube-controller-manager never sends, and stops it",
	"notify-reload": "waits for a notification that kube-controller-manager never sends, and stops it",
	"forking":       "waits for the process to fork and exit, which kube-controller-manager never does, and stops it",
	"dbus":          "waits for a bus name that kube-controller-manager never takes, and stops it",
	"oneshot":       "waits for the process to exit, and the unit never finishes starting",
}

func unitType(v *view, n *nodeView) []fault {
	if v.Layout != spec.Systemd {
		return nil
	}
	kind := lastValue(policy.Service(v.Cluster, n.flags), "simple", "Type")
	waits, ok := unitTypes[kind]
	if !ok {
		return nil
	}
	return one(fault{field: finding.Path("unit", "Service", "Type"), message: fmt.Sprintf("with Type=%s systemd %s", kind, waits), expected: `"exec" or "simple"`, hint: "waive this if paths.binary is a program that does that for it"})
}

// systemd's defaults for the start limit and for RestartSec (systemd-system.conf(5),
// systemd.service(5)).
const (
	startInterval = 10 * time.Second
	startBurst    = 5
	restartPause  = 100 * time.Millisecond
)

func startLimit(v *view, n *nodeView) []fault {
	service := policy.Service(v.Cluster, n.flags)
	restart := lastValue(service, "no", "Restart")
	if v.Layout != spec.Systemd || restart == "no" || len(values(service, "RestartSteps", "RestartMaxDelaySec")) > 0 {
		return nil
	}
	all := slices.Concat(v.Unit.Unit, service) // older units have it in [Service]
	interval, ok1 := span(lastValue(all, "", "StartLimitIntervalSec", "StartLimitInterval"), startInterval)
	pause, ok2 := span(lastValue(service, "", "RestartSec"), restartPause)
	burst := startBurst
	if s := lastValue(all, "", "StartLimitBurst"); s != "" {
		b, err := strconv.Atoi(s)
		if err != nil {
			return nil
		}
		burst = b
	}
	if !ok1 || !ok2 || interval == 0 || burst <= 0 || pause >= interval/time.Duration(burst) {
		return nil
	}
	return one(fault{
		field: finding.Path("unit", "Service", "RestartSec"),
		message: fmt.Sprintf("systemd gives up on a process that exits at once: %v apart, it is started more than %d times in %v",
			pause, burst, interval),
		expected: fmt.Sprintf("RestartSec of %v or more, or unit: Unit: StartLimitIntervalSec: 0", interval/time.Duration(burst)),
	})
}

var spanPart = lazy.Regexp(`^\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµμ]*)`)

// span parses a time span of systemd.time(7); "" is other. It returns false for an
// invalid one, and for a part of more than a year.
func span(s string, other time.Duration) (time.Duration, bool) {
	if s == "" {
		return other, true
	}
	units := map[string]time.Duration{
		"": time.Second, "s": time.Second, "sec": time.Second, "second": time.Second, "seconds": time.Second,
		"m": time.Minute, "min": time.Minute, "minute": time.Minute, "minutes": time.Minute, "h": time.Hour, "hr": time.Hour, "hour": time.Hour, "hours": time.Hour,
		"ms": time.Millisecond, "msec": time.Millisecond, "us": time.Microsecond, "usec": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
		"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	}
	var sum time.Duration
	for strings.TrimSpace(s) != "" {
		m := spanPart().FindStringSubmatch(s)
		if m == nil {
			return 0, false
		}
		unit, ok := units[m[2]]
		x, err := strconv.ParseFloat(m[1], 64)
		if x *= float64(unit); !ok || err != nil || x > float64(365*24*time.Hour) {
			return 0, false
		}
		sum += time.Duration(x)
		s = s[len(m[0]):]
	}
	return sum, true
}

func networkHidden(v *view, n *nodeView) []fault {
	if v.Layout != spec.Systemd {
		return nil
	}
	service := policy.Service(v.Cluster, n.flags)
	var out []fault
	hidden := func(name, message, expected string) {
		out = append(out, fault{field: finding.Path("unit", "Service", name), message: message, expected: expected})
	}
	shared := len(values(service, "NetworkNamespacePath")) > 0 || len(values(v.Unit.Unit, "JoinsNamespaceOf")) > 0
	if isYes(lastValue(service, "", "PrivateNetwork")) && !shared {
		hidden("PrivateNetwork", "PrivateNetwork leaves the process a loopback of its own: it reaches no apiserver, and nothing reaches it", "no such line")
	}
	if denied := values(service, "IPAddressDeny"); slices.Contains(strings.Fields(strings.Join(denied, " ")), "any") && len(values(service, "IPAddressAllow")) == 0 {
		hidden("IPAddressDeny", "IPAddressDeny=any lets the process reach no apiserver", `IPAddressAllow with its address, "localhost" and the clients of /metrics`)
	}
	bind, err := netip.ParseAddr(n.value("bind-address"))
	serves := err == nil && !isZero(n.value("secure-port"))
	if denied := strings.Fields(strings.Join(values(service, "SocketBindDeny"), " ")); serves && len(values(service, "SocketBindAllow")) == 0 &&
		slices.ContainsFunc(denied, func(w string) bool { return w == "any" || w == "tcp" }) {
		hidden("SocketBindDeny", "with SocketBindDeny the process can't listen on its port", "SocketBindAllow with the port")
	}
	families := map[string]bool{}
	if serves {
		families[family(bind)] = true
	}
	if a, err := netip.ParseAddr(v.APIServer.Address); err == nil && v.APIServer.Endpoint != spec.EndpointNode && v.APIServer.Endpoint != spec.EndpointLocal {
		families[family(a)] = true
	}
	for _, f := range []string{"AF_INET", "AF_INET6"} {
		if families[f] && !restricted(values(service, "RestrictAddressFamilies")).has(f) {
			hidden("RestrictAddressFamilies", "RestrictAddressFamilies lets the process have no socket of "+f+", which it needs", "a list with "+f)
		}
	}
	return out
}

func family(a netip.Addr) string {
	if a.Unmap().Is4() {
		return "AF_INET"
	}
	return "AF_INET6"
}

// familyList is what RestrictAddressFamilies allows: the named families, or all others.
type familyList struct {
	named  map[string]bool
	others bool
}

func (f familyList) has(name string) bool { return f.named[name] != f.others }

// restricted reads the lines of RestrictAddressFamilies; the first decides about
// families that no line names (systemd.exec(5)).
func restricted(lines []string) familyList {
	f := familyList{map[string]bool{}, true}
	for i, line := range lines {
		list, denied := strings.CutPrefix(line, "~")
		if i == 0 {
			f.others = denied
		}
		if list == "none" {
			return familyList{map[string]bool{}, false}
		}
		for _, name := range strings.Fields(list) {
			f.named[name] = denied == f.others
		}
	}
	return f
}
