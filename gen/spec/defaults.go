package spec

import (
	"net/netip"
	"strconv"
	"strings"
)

// derivedFlags are the flags that follow from the cluster's other fields, and
// the settings the benchmarks (CIS 1.3, STIG, NSA) ask for.
func (c *Cluster) derivedFlags() []Flag {
	p := "paths."
	fs := []Flag{
		{"authentication-kubeconfig", c.Paths.Kubeconfig, p + "kubeconfig"},
		{"authorization-kubeconfig", c.Paths.Kubeconfig, p + "kubeconfig"},
		{"bind-address", "127.0.0.1", "flagDefaults"},
		{"client-ca-file", c.Paths.CA, p + "ca"},
		{"cluster-signing-cert-file", c.Paths.CA, p + "ca"},
		{"cluster-signing-duration", "8760h", "flagDefaults"},
		{"cluster-signing-key-file", c.Paths.CAKey, p + "caKey"},
		{"kubeconfig", c.Paths.Kubeconfig, p + "kubeconfig"},
		{"leader-elect", "true", "flagDefaults"},
		{"profiling", "false", "flagDefaults"},
		{"root-ca-file", c.Paths.CA, p + "ca"},
		{"service-account-private-key-file", c.Paths.ServiceAccountKey, p + "serviceAccountKey"},
		{"terminated-pod-gc-threshold", "12500", "flagDefaults"},
		{"tls-cert-file", c.Paths.TLSCert, p + "tlsCert"},
		{"tls-min-version", "VersionTLS12", "flagDefaults"},
		{"tls-private-key-file", c.Paths.TLSKey, p + "tlsKey"},
		{"use-service-account-credentials", "true", "flagDefaults"},
	}
	if c.Version.Minor < 22 {
		// Before v1.22 this is plain HTTP for everybody, on by default; v1.24 has no
		// such flag.
		fs = append(fs, Flag{"port", "0", "flagDefaults"})
	}
	if c.PKI.FrontProxy != nil {
		fs = append(fs, Flag{"requestheader-client-ca-file", c.Paths.FrontProxyCA, p + "frontProxyCA"})
	} else {
		// Without that CA it is looked up in the apiserver, and a program that is started
		// while the apiserver is away ends by it. What goes on without it takes less, not
		// more: nobody's word for who a user is, and those it doesn't know are anonymous,
		// who may read /healthz. Client certificates are held to client-ca-file.
		fs = append(fs, Flag{"authentication-tolerate-lookup-failure", "true", "flagDefaults"})
	}
	if len(c.Networks.Pods) > 0 {
		fs = append(fs, c.networkFlags()...)
	}
	return fs
}

// networkFlags make KCM give every node a range of the pod networks. Without
// pod networks none of them has a meaning: KCM ignores the service range too.
func (c *Cluster) networkFlags() []Flag {
	n := c.Networks
	fs := []Flag{
		{"allocate-node-cidrs", "true", "networks.pods"},
		{"cluster-cidr", joinPrefixes(n.Pods), "networks.pods"},
	}
	if len(n.Services) > 0 {
		fs = append(fs, Flag{"service-cluster-ip-range", joinPrefixes(n.Services), "networks.services"})
	}
	// The generic mask stops KCM on dual stack.
	if len(n.Pods) == 1 {
		mask, field := n.MaskIPv4, "networks.nodeMask.ipv4"
		if n.Pods[0].Addr().Is6() {
			mask, field = n.MaskIPv6, "networks.nodeMask.ipv6"
		}
		return append(fs, Flag{"node-cidr-mask-size", strconv.Itoa(mask), field})
	}
	return append(fs,
		Flag{"node-cidr-mask-size-ipv4", strconv.Itoa(n.MaskIPv4), "networks.nodeMask.ipv4"},
		Flag{"node-cidr-mask-size-ipv6", strconv.Itoa(n.MaskIPv6), "networks.nodeMask.ipv6"})
}

// FieldFlags are the flags that say what other fields of the cluster say: the networks,
// the node masks and the profile. Paths aren't among them: they are where kcmgen puts
// files, and a flag may name another file of the host.
func (c *Cluster) FieldFlags() []Flag {
	out := c.profileFlags()
	n := c.Networks
	if len(n.Services) > 0 {
		out = append(out, Flag{"service-cluster-ip-range", joinPrefixes(n.Services), "networks.services"})
	}
	if len(n.Pods) == 0 {
		return out
	}
	out = append(out, Flag{"cluster-cidr", joinPrefixes(n.Pods), "networks.pods"})
	for _, p := range n.Pods {
		suffix, mask := "ipv4", n.MaskIPv4
		if p.Addr().Is6() {
			suffix, mask = "ipv6", n.MaskIPv6
		}
		field, size := "networks.nodeMask."+suffix, strconv.Itoa(mask)
		out = append(out, Flag{"node-cidr-mask-size-" + suffix, size, field})
		if len(n.Pods) == 1 {
			out = append(out, Flag{"node-cidr-mask-size", size, field})
		}
	}
	return out
}

// profileFlags are the leader-election times of a profile. KCM gives each
// attempt to renew half of the renew deadline, so these survive an apiserver
// that takes up to 30 seconds to answer, at the price of a takeover that takes
// up to 100 seconds after a crash.
func (c *Cluster) profileFlags() []Flag {
	if c.Profile != "slowBoards" {
		return nil
	}
	return []Flag{
		{"leader-elect-lease-duration", "90s", "profile"},
		{"leader-elect-renew-deadline", "60s", "profile"},
		{"leader-elect-retry-period", "10s", "profile"},
	}
}

func joinPrefixes(ps []netip.Prefix) string {
	s := make([]string, len(ps))
	for i, p := range ps {
		s[i] = p.String()
	}
	return strings.Join(s, ",")
}
