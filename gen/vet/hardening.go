package vet

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// notSet is the fault of a required flag that is missing.
func (v *view) notSet(n *nodeView, name, want string) []fault {
	return one(fault{field: v.flagField(n, name), message: fmt.Sprintf("--%s is not set", name), expected: want})
}

func profilingOn(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("profiling")
	if !ok {
		return v.notSet(n, "profiling", "flags: profiling: false (it is on by default)")
	}
	if f.Bool() {
		return one(fault{field: f.Field, message: "profiling is on: /debug/pprof exposes the process and slows it", expected: "false"})
	}
	return nil
}

func podGCThreshold(v *view, n *nodeView) []fault {
	if f, ok := n.flags.Get("terminated-pod-gc-threshold"); ok {
		if most, err := strconv.Atoi(f.Value); err != nil || most > 0 {
			return nil
		}
		return one(fault{field: f.Field, message: fmt.Sprintf("with --terminated-pod-gc-threshold=%s pods that have ended are never collected", f.Value), expected: "12500, or another number above 0"})
	}
	return v.notSet(n, "terminated-pod-gc-threshold", `flags: "terminated-pod-gc-threshold": 12500`)
}

func controllerCredentials(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("use-service-account-credentials")
	if ok && f.Bool() {
		return nil
	}
	return one(fault{
		field:   v.flagField(n, "use-service-account-credentials"),
		message: "the controllers share kube-controller-manager's own rights", expected: `flags: "use-service-account-credentials": true`,
	})
}

func tokenKeyUnset(v *view, n *nodeView) []fault {
	if n.flags.Value("service-account-private-key-file", "") != "" {
		return nil
	}
	return v.notSet(n, "service-account-private-key-file", fmt.Sprintf(`flags: "service-account-private-key-file": %q`, v.Paths.ServiceAccountKey))
}

func rootCAUnset(v *view, n *nodeView) []fault {
	if n.flags.Value("root-ca-file", "") != "" {
		return nil
	}
	return v.notSet(n, "root-ca-file", fmt.Sprintf(`flags: "root-ca-file": %q`, v.Paths.CA))
}

func bindAddressPublic(v *view, n *nodeView) []fault {
	if n.value("secure-port") == "0" {
		return nil // it serves nothing
	}
	f, ok := n.flags.Get("bind-address")
	if !ok {
		return v.notSet(n, "bind-address", `flags: "bind-address": "127.0.0.1" (it is 0.0.0.0 by default)`)
	}
	if a, err := netip.ParseAddr(f.Value); f.Value == "" || err == nil && !a.Unmap().IsLoopback() {
		x := fault{
			field: f.Field, message: fmt.Sprintf("kube-controller-manager listens on %s", cmp.Or(f.Value, "all addresses")), expected: "127.0.0.1",
			hint: "if something outside the host must scrape it, waive this and say what the firewall lets through",
		}
		if v.Layout == spec.StaticPod && !v.Pod.HostNetwork { // where the probes need it
			x.expected, x.hint = "pod: hostNetwork: true, and 127.0.0.1", "without the host's network the pod must, for the probes: waive this and say what reaches it"
		}
		return one(x)
	}
	return nil
}

func tlsMinVersion(v *view, n *nodeView) []fault {
	if n.value("secure-port") == "0" {
		return nil // it serves nothing
	}
	f, ok := n.flags.Get("tls-min-version")
	if !ok {
		return v.notSet(n, "tls-min-version", `flags: "tls-min-version": "VersionTLS12"`)
	}
	if slices.Contains([]string{"VersionTLS12", "VersionTLS13"}, f.Value) {
		return nil
	}
	return one(fault{field: f.Field, message: fmt.Sprintf("tls-min-version is %q", f.Value), expected: "VersionTLS12 or VersionTLS13"})
}

func delegatedAuth(v *view, n *nodeView) []fault {
	var out []fault
	if n.value("secure-port") == "0" {
		return nil // it serves nothing
	}
	for _, name := range []string{"authentication-kubeconfig", "authorization-kubeconfig"} {
		if n.flags.Value(name, "") == "" {
			out = append(out, v.notSet(n, name, fmt.Sprintf("flags: %q: %q; without it, scrapes of /metrics are refused", name, v.Paths.Kubeconfig))...)
		}
	}
	return out
}

func insecurePort(v *view, n *nodeView) []fault {
	if v.Version.Minor >= 22 || n.value("port") == "0" {
		return nil
	}
	return one(fault{
		field: v.flagField(n, "port"), message: fmt.Sprintf("kube-controller-manager %s serves plain HTTP to everyone on port %s", v.Version, n.value("port")),
		expected: "flags: port: 0",
	})
}

func securePortLegacy(_ *view, n *nodeView) []fault {
	if f, ok := n.flags.Get("secure-port"); ok && f.Value == "10252" {
		return one(fault{field: f.Field, message: "the secure port is 10252, where plain HTTP used to be", expected: "10257"})
	}
	return nil
}

func sandboxOff(v *view) []fault {
	switch {
	case v.Layout == spec.Systemd && !v.Unit.Hardened:
		message := "the unit runs as root without a sandbox"
		if user := lastValue(v.Unit.Service, "", "User"); user != "" && user != "root" {
			message = "the unit has no sandbox"
		}
		return one(fault{field: "unit.hardening", message: message, expected: `hardening: "strict"`})
	case v.Layout == spec.StaticPod && !v.Pod.Hardened:
		return one(fault{field: "pod.hardening", message: "the pod runs as root without a security context", expected: `hardening: "strict"`})
	}
	return nil
}
