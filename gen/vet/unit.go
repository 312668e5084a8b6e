package vet

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// unitRules hold what a unit says of the process against what kube-controller-manager
// is: one process that says nothing to systemd, listens, and asks the apiserver.
var unitRules = []Rule{
	{
		ID: "unit-type", Severity: isError, node: unitType,
		Doc: "systemd takes the process for started: Type= is simple or exec",
	},
	{
		ID: "start-limit", Severity: isWarning, node: startLimit,
		Doc: "systemd goes on starting a process that ends at once: RestartSec= is longer than the limit of starts allows for",
	},
	{
		ID: "network-hidden", Severity: isError, Fixed: true, node: networkHidden,
		Doc: "the process has the network that it listens in and in which the apiserver is: nothing in the unit takes it away",
	},
}

// holding are the lines of a directive that hold, in the order of the unit: an empty one
// takes back what comes before it. A directive can have several names.
func holding(ds []spec.Directive, names ...string) []spec.Directive {
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

// said are the values of such lines.
func said(ds []spec.Directive, names ...string) []string {
	var out []string
	for _, d := range holding(ds, names...) {
		out = append(out, strings.TrimSpace(d.Value))
	}
	return out
}

// lastSaid is the value that counts of a directive that has one, or other.
func lastSaid(ds []spec.Directive, other string, names ...string) string {
	if all := said(ds, names...); len(all) > 0 {
		return all[len(all)-1]
	}
	return other
}

// unitTypes are what systemd waits for where it isn't content with a running process
// (systemd.service(5)).
var unitTypes = map[string]string{
	"notify":        "waits for a word that kube-controller-manager never says, and ends it",
	"notify-reload": "waits for a word that kube-controller-manager never says, and ends it",
	"forking":       "waits until the process has ended in favour of a child, which kube-controller-manager never does, and ends it",
	"dbus":          "waits for a name on the bus that kube-controller-manager never takes, and ends it",
	"oneshot":       "waits until the process has ended, and takes the unit for one that starts for ever",
}

func unitType(v *view, n *nodeView) []fault {
	if v.Layout != spec.Systemd {
		return nil
	}
	kind := lastSaid(policy.Service(v.Cluster, n.flags), "simple", "Type")
	waits, ok := unitTypes[kind]
	if !ok {
		return nil
	}
	return one(fault{field: finding.Path("unit", "Service", "Type"), message: fmt.Sprintf("with Type=%s systemd %s", kind, waits), expected: `"exec" or "simple"`, hint: "waive this if paths.binary is a program that does that for it"})
}

// The limits of a manager whose system.conf says nothing, and the pause of a unit that
// doesn't (systemd-system.conf(5), systemd.service(5)).
const (
	startInterval = 10 * time.Second
	startBurst    = 5
	restartPause  = 100 * time.Millisecond
)

func startLimit(v *view, n *nodeView) []fault {
	service := policy.Service(v.Cluster, n.flags)
	restart := lastSaid(service, "no", "Restart")
	if v.Layout != spec.Systemd || restart == "no" || len(said(service, "RestartSteps", "RestartMaxDelaySec")) > 0 {
		return nil
	}
	all := slices.Concat(v.Unit.Unit, service) // older units have it in [Service]
	interval, ok1 := span(lastSaid(all, "", "StartLimitIntervalSec", "StartLimitInterval"), startInterval)
	pause, ok2 := span(lastSaid(service, "", "RestartSec"), restartPause)
	burst := startBurst
	if s := lastSaid(all, "", "StartLimitBurst"); s != "" {
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
		message: fmt.Sprintf("systemd gives a process up that ends at once: %v apart, it is started more than %d times in %v",
			pause, burst, interval),
		expected: fmt.Sprintf("RestartSec of %v or more, or unit: Unit: StartLimitIntervalSec: 0", interval/time.Duration(burst)),
	})
}

var spanPart = regexp.MustCompile(`^\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zµμ]*)`)

// span reads a span of time as systemd.time(7) has it; nothing is other. A part of more
// than a year isn't ok.
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
		m := spanPart.FindStringSubmatch(s)
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
	shared := len(said(service, "NetworkNamespacePath")) > 0 || len(said(v.Unit.Unit, "JoinsNamespaceOf")) > 0
	if isYes(lastSaid(service, "", "PrivateNetwork")) && !shared {
		hidden("PrivateNetwork", "PrivateNetwork leaves the process a loopback of its own: it reaches no apiserver, and nothing reaches it", "no such line")
	}
	if denied := said(service, "IPAddressDeny"); slices.Contains(strings.Fields(strings.Join(denied, " ")), "any") && len(said(service, "IPAddressAllow")) == 0 {
		hidden("IPAddressDeny", "IPAddressDeny=any lets the process reach no apiserver", `IPAddressAllow with its address, "localhost" and whoever may ask`)
	}
	bind, err := netip.ParseAddr(n.value("bind-address"))
	serves := err == nil && !isZero(n.value("secure-port"))
	if denied := strings.Fields(strings.Join(said(service, "SocketBindDeny"), " ")); serves && len(said(service, "SocketBindAllow")) == 0 &&
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
		if families[f] && !restricted(said(service, "RestrictAddressFamilies")).has(f) {
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

// familyList is what RestrictAddressFamilies leaves: those named, or all but them.
type familyList struct {
	named  map[string]bool
	others bool
}

func (f familyList) has(name string) bool { return f.named[name] != f.others }

// restricted reads the lines of RestrictAddressFamilies, of which the first says what
// holds for what none names (systemd.exec(5)).
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
