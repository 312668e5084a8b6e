// Package policy decides what kcmgen adds to a user's cluster: derived and hardened
// flags, which keys reach which host, the sandbox of a unit, and the user and the
// security context of a pod.
package policy

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// derivedFlags returns the flags that follow from the cluster's other fields, and the
// settings that the benchmarks (CIS 1.3, STIG, NSA) require.
func derivedFlags(c *spec.Cluster) []spec.Flag {
	p := "paths."
	fs := []spec.Flag{
		flag("authentication-kubeconfig", c.Paths.Kubeconfig, p+"kubeconfig"),
		flag("authorization-kubeconfig", c.Paths.Kubeconfig, p+"kubeconfig"),
		flag("bind-address", "127.0.0.1", "flagDefaults"),
		flag("client-ca-file", c.Paths.CA, p+"ca"),
		flag("cluster-signing-cert-file", c.Paths.CA, p+"ca"),
		flag(signingDuration, "8760h", "flagDefaults"),
		flag("cluster-signing-key-file", c.Paths.CAKey, p+"caKey"),
		flag("kubeconfig", c.Paths.Kubeconfig, p+"kubeconfig"),
		flag("leader-elect", "true", "flagDefaults"),
		flag("profiling", "false", "flagDefaults"),
		flag("root-ca-file", c.Paths.CA, p+"ca"),
		flag("service-account-private-key-file", c.Paths.ServiceAccountKey, p+"serviceAccountKey"),
		flag("terminated-pod-gc-threshold", "12500", "flagDefaults"),
		flag("tls-cert-file", c.Paths.TLSCert, p+"tlsCert"),
		flag("tls-min-version", "VersionTLS12", "flagDefaults"),
		flag("tls-private-key-file", c.Paths.TLSKey, p+"tlsKey"),
		flag("use-service-account-credentials", "true", "flagDefaults"),
	}
	if c.Version.Minor < 22 {
		// Before v1.22 this is plain HTTP without authentication, on by default; v1.24
		// has no such flag.
		fs = append(fs, flag("port", "0", "flagDefaults"))
	}
	if c.PKI.FrontProxy != nil {
		fs = append(fs, flag("requestheader-client-ca-file", c.Paths.FrontProxyCA, p+"frontProxyCA"))
	} else {
		// Without that CA, KCM looks it up in the apiserver when it starts, and exits if
		// the apiserver is down. With this flag it goes on without the CA, which is no
		// less secure: it trusts no request headers, and treats unknown users as
		// anonymous, who may read /healthz. Client certificates are still verified with
		// client-ca-file.
		fs = append(fs, flag("authentication-tolerate-lookup-failure", "true", "flagDefaults"))
	}
	if len(c.Networks.Pods) > 0 {
		fs = append(fs, networkFlags(c)...)
	}
	return fs
}

func flag(name, value, field string) spec.Flag {
	return spec.Flag{Name: name, Value: value, Field: field}
}

// networkFlags returns the flags that make KCM give every node a range of the pod
// networks. Without pod networks KCM ignores them all, the service range too.
func networkFlags(c *spec.Cluster) []spec.Flag {
	n := c.Networks
	fs := []spec.Flag{
		flag("allocate-node-cidrs", "true", "networks.pods"),
		flag("cluster-cidr", joinPrefixes(n.Pods), "networks.pods"),
	}
	if len(n.Services) > 0 {
		fs = append(fs, flag("service-cluster-ip-range", joinPrefixes(n.Services), "networks.services"))
	}
	// On dual stack KCM refuses the generic mask.
	if len(n.Pods) == 1 {
		mask, field := n.MaskIPv4, "networks.nodeMask.ipv4"
		if n.Pods[0].Addr().Is6() {
			mask, field = n.MaskIPv6, "networks.nodeMask.ipv6"
		}
		return append(fs, flag("node-cidr-mask-size", strconv.Itoa(mask), field))
	}
	return append(fs,
		flag("node-cidr-mask-size-ipv4", strconv.Itoa(n.MaskIPv4), "networks.nodeMask.ipv4"),
		flag("node-cidr-mask-size-ipv6", strconv.Itoa(n.MaskIPv6), "networks.nodeMask.ipv6"))
}

// FieldFlags returns the flags that must agree with other fields of the cluster: the
// networks, the node masks and the profile. Paths are left out: a flag may name another
// file than the one that kcmgen places.
func FieldFlags(c *spec.Cluster) []spec.Flag {
	out := profileFlags(c)
	n := c.Networks
	if len(n.Services) > 0 {
		out = append(out, flag("service-cluster-ip-range", joinPrefixes(n.Services), "networks.services"))
	}
	if len(n.Pods) == 0 {
		return out
	}
	out = append(out, flag("cluster-cidr", joinPrefixes(n.Pods), "networks.pods"))
	for _, p := range n.Pods {
		suffix, mask := "ipv4", n.MaskIPv4
		if p.Addr().Is6() {
			suffix, mask = "ipv6", n.MaskIPv6
		}
		field, size := "networks.nodeMask."+suffix, strconv.Itoa(mask)
		out = append(out, flag("node-cidr-mask-size-"+suffix, size, field))
		if len(n.Pods) == 1 {
			out = append(out, flag("node-cidr-mask-size", size, field))
		}
	}
	return out
}

// profileFlags returns the leader-election times of a profile. The timeout of a renewal
// is half the renew deadline, so these survive an apiserver that takes 30 seconds to
// answer. In return, a takeover after a crash takes up to 100 seconds.
func profileFlags(c *spec.Cluster) []spec.Flag {
	if c.Profile != spec.SlowBoards {
		return nil
	}
	return []spec.Flag{
		flag("leader-elect-lease-duration", "90s", "profile"),
		flag("leader-elect-renew-deadline", "60s", "profile"),
		flag("leader-elect-retry-period", "10s", "profile"),
	}
}

func joinPrefixes(ps []netip.Prefix) string {
	s := make([]string, len(ps))
	for i, p := range ps {
		s[i] = p.String()
	}
	return strings.Join(s, ",")
}

const signingDuration = "cluster-signing-duration"

// NodeFlags returns the command line of one node. Later sources win: derived flags and
// hardened defaults, the profile, the cluster's flags, the node's own.
func NodeFlags(c *spec.Cluster, n *spec.Node) spec.Flags {
	all := map[string]spec.Flag{}
	if c.Hardened {
		for _, f := range derivedFlags(c) {
			all[f.Name] = f
		}
	}
	for _, f := range profileFlags(c) {
		all[f.Name] = f
	}
	layer(all, c.Flags, "flags")
	layer(all, n.Flags, finding.Path("nodes", n.Name, "flags"))
	// Until v1.24 both names are one variable, of which the last on the line counts.
	if _, old := all["experimental-cluster-signing-duration"]; old && all[signingDuration].Field == "flagDefaults" {
		delete(all, signingDuration)
	}
	out := make(spec.Flags, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out
}

func layer(all map[string]spec.Flag, s spec.Settings, field string) {
	for name, v := range s {
		if v.Omit {
			delete(all, name)
			continue
		}
		all[name] = spec.Flag{Name: name, Value: v.Value, Field: field + "." + finding.Label(name)}
	}
}
