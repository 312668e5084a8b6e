package vet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

// flagIgnored reports the user's flags that kube-controller-manager accepts and
// ignores because of another flag. Flags that kcmgen adds itself are left out.
func flagIgnored(v *view, n *nodeView) []fault {
	if v.minor == nil {
		return nil
	}
	var out []fault
	for _, f := range n.flags {
		if _, known := v.minor.Flag(f.Name); !known || !written(f) {
			continue
		}
		why, by := v.ignored(n, f)
		if why == "" {
			continue
		}
		x := fault{field: f.Field, message: fmt.Sprintf("--%s has no effect: %s", f.Name, why), expected: "no such flag"}
		if by != "" {
			x.expected += ", or another --" + by
		}
		if at := n.flags.Field(by); at != "" {
			x.also = []string{at}
		}
		out = append(out, x)
	}
	return out
}

// ignored says why a flag has no effect, and which other flag decides that; "" if it
// has one.
func (v *view) ignored(n *nodeView, f spec.Flag) (why, by string) {
	for _, c := range causes {
		if !c.flags(f.Name) {
			continue
		}
		if why, by := c.why(v, n, f); why != "" {
			return why, by
		}
	}
	return v.controllerOff(n, f)
}

// controllerOff: the flag belongs to a controller that doesn't run.
func (v *view) controllerOff(n *nodeView, f spec.Flag) (why, by string) {
	d, ok := v.minor.Flag(f.Name)
	if !ok || slices.Contains(rangeFlags, f.Name) {
		return "", "" // network-flags-ignored
	}
	c, ok := v.minor.ControllerOf(d)
	if !ok {
		return "", ""
	}
	if gate := n.missingGate(c); gate != "" {
		return fmt.Sprintf("%s doesn't start while feature gate %s is off", c.Name, gate), featureGates
	}
	if v.minor.Runs(c, n.controllers) {
		return "", ""
	}
	return fmt.Sprintf("%s doesn't run by --controllers", c.Name), "controllers"
}

// cause is a reason why some flags have no effect.
type cause struct {
	flags func(name string) bool
	// why returns the reason, if it applies, and the flag that decides.
	why func(v *view, n *nodeView, f spec.Flag) (reason, by string)
}

func named(names ...string) func(string) bool {
	return func(name string) bool { return slices.Contains(names, name) }
}

func starting(prefixes ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
	}
}

// whenFlag is a cause: another flag has a value for which holds is true.
func whenFlag(other string, holds func(value string) bool, reason string) func(*view, *nodeView, spec.Flag) (string, string) {
	return func(_ *view, n *nodeView, _ spec.Flag) (string, string) {
		if !holds(n.value(other)) {
			return "", ""
		}
		return reason, other
	}
}

func isTrue(value string) bool  { return spec.Flag{Value: value}.Bool() }
func isEmpty(value string) bool { return value == "" }
func isZero(value string) bool  { n, err := strconv.ParseInt(value, 0, 64); return err == nil && n == 0 }

func isFalse(value string) bool {
	on, err := strconv.ParseBool(value)
	return err == nil && !on
}

// causes come from kube-controller-manager's source and from runs of it.
var causes = []cause{
	{starting("leader-elect-"), whenFlag("leader-elect", isFalse, "leader-elect is false")},
	{named("enable-leader-migration"), whenFlag("leader-elect", isFalse, "leader-elect is false")},
	{named("leader-migration-config"), whenFlag("enable-leader-migration", isFalse, "enable-leader-migration is not true")},
	{named("cluster-signing-duration", "experimental-cluster-signing-duration"), noSigner},
	{servingFlags, whenFlag("secure-port", isZero, "secure-port is 0: nothing is served")},
	{named("cert-dir"), whenFlag("tls-cert-file", func(s string) bool { return s != "" }, "tls-cert-file is given")},
	{named("tls-cipher-suites"), whenFlag("tls-min-version", func(s string) bool { return s == "VersionTLS13" }, "TLS 1.3 chooses its own suites, and tls-min-version allows nothing else")},
	{named("contention-profiling"), func(_ *view, n *nodeView, f spec.Flag) (string, string) {
		if p, ok := n.flags.Get("profiling"); !f.Bool() || !ok || p.Bool() {
			return "", ""
		}
		return "profiling is false", "profiling"
	}},
	{named("authentication-tolerate-lookup-failure"), whenFlag("authentication-skip-lookup", isTrue, "authentication-skip-lookup is true")},
	{
		named("authentication-token-webhook-cache-ttl", "authentication-skip-lookup", "authentication-tolerate-lookup-failure"),
		whenFlag("authentication-kubeconfig", isEmpty, "without authentication-kubeconfig no apiserver is asked"),
	},
	{
		named("authorization-webhook-cache-authorized-ttl", "authorization-webhook-cache-unauthorized-ttl"),
		whenFlag("authorization-kubeconfig", isEmpty, "without authorization-kubeconfig no apiserver is asked"),
	},
	{named("kube-api-burst"), whenFlag("kube-api-qps", func(s string) bool { return strings.HasPrefix(s, "-") }, "kube-api-qps is below 0: there is no limit")},
	{named("concurrent-serviceaccount-token-syncs"), whenFlag("service-account-private-key-file", isEmpty, "without service-account-private-key-file its controller doesn't start")},
	{named("attach-detach-reconcile-sync-period"), whenFlag("disable-attach-detach-reconcile-sync", isTrue, "disable-attach-detach-reconcile-sync is true")},
	{named("log-json-split-stream", "log-json-info-buffer-size"), whenFlag("logging-format", func(s string) bool { return s != "json" }, "logging-format is not json")},
	{named("log-text-split-stream", "log-text-info-buffer-size"), whenFlag("logging-format", func(s string) bool { return s == "json" }, "logging-format is json")},
	{named("concurrent-gc-syncs"), whenFlag("enable-garbage-collector", isFalse, "enable-garbage-collector is false")},
	{named("pod-eviction-timeout"), whenFlag("enable-taint-manager", isTrue, "pods are evicted by taints (enable-taint-manager), after their own tolerationSeconds")},
	{named("cloud-config", "configure-cloud-routes", "route-reconciliation-period", "external-cloud-volume-plugin", "concurrent-service-syncs", "allow-untagged-cloud", "node-sync-period"), noCloud},
}

// noSigner: nothing is signed without a CA's certificate and key.
func noSigner(_ *view, n *nodeView, _ spec.Flag) (string, string) {
	for _, signer := range []string{"", "kubelet-serving-", "kubelet-client-", "kube-apiserver-client-", "legacy-unknown-"} {
		if n.flags.Value("cluster-signing-"+signer+"cert-file", "") != "" && n.flags.Value("cluster-signing-"+signer+"key-file", "") != "" {
			return "", ""
		}
	}
	return "no cluster-signing-cert-file and cluster-signing-key-file are given: nothing is signed", ""
}

// servingFlags are about the secure port.
var servingFlags = starting("bind-address", "cert-dir", "tls-", "client-ca-file", "authentication-", "authorization-", "requestheader-", "http2-", "disable-http2-", "permit-")

// noCloud: no in-tree cloud provider is configured, or the version has none.
func noCloud(v *view, n *nodeView, f spec.Flag) (string, string) {
	provider := n.flags.Value("cloud-provider", "")
	if f.Name == "external-cloud-volume-plugin" {
		if provider != "external" {
			return "cloud-provider is not external", "cloud-provider"
		}
		return "", ""
	}
	if provider == "external" && (f.Name == "cloud-config" || f.Name == "allow-untagged-cloud") {
		provider = n.flags.Value("external-cloud-volume-plugin", "") // the cloud of volumes
	}
	routes := f.Name == "configure-cloud-routes" || f.Name == "route-reconciliation-period"
	switch {
	case v.Version.Minor >= noCloudsFrom:
		return fmt.Sprintf("v1.%d has no cloud provider in it", v.Version.Minor), ""
	case provider == "" || provider == "external":
		return "it is for a cloud provider in the tree, and cloud-provider names none", "cloud-provider"
	case f.Name == "allow-untagged-cloud" && provider != taggedCloud:
		return fmt.Sprintf("a cluster in %s always has an id", provider), "cloud-provider"
	case routes && !isTrue(n.value(allocate)):
		return allocate + " is not true", allocate
	}
	return "", ""
}

// noCloudsFrom is the first minor without any cloud provider.
const noCloudsFrom = 31

// rangeFlags have an effect only where node ranges are allocated.
var rangeFlags = []string{clusterCIDR, serviceRange, mask, mask4, mask6, "cidr-allocator-type"}

// unallocatedWhy reports whether no node ranges are allocated, and why.
func unallocatedWhy(n *nodeView) (why string, off bool) {
	switch a, ok := n.flags.Get(allocate); {
	case !ok || !a.Bool():
		return allocate + " is not true", true
	case ipamOff(n):
		return "node-ipam-controller doesn't run by --controllers", true
	}
	return "", false
}

// networkFlagsIgnored reports range flags where no node ranges are allocated.
func networkFlagsIgnored(v *view, n *nodeView) []fault {
	why, idle := unallocatedWhy(n)
	if !idle {
		return nil
	}
	a, _ := n.flags.Get(allocate)
	off := a.Bool()
	want := `flags: "allocate-node-cidrs": true, or no such flag`
	if off {
		want = "the controller, or no such flag"
	}
	var out []fault
	for _, name := range rangeFlags {
		// A network add-on may read the networks of the cluster, which is reason enough.
		if f, ok := n.flags.Get(name); ok && (!off || written(f)) {
			out = append(out, fault{field: f.Field, message: fmt.Sprintf("--%s has no effect: %s", name, why), expected: want})
		}
	}
	return out
}
