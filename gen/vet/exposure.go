package vet

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// exposureRules are about flags with which the process works, and shows or may do more than
// it needs to.
var exposureRules = []Rule{
	{
		ID: "master-plain", Severity: isError, Flags: true, node: masterPlain,
		Doc: "--master is unset, or begins with https: it wins over the server in --kubeconfig (a warning where it only does that)",
	},
	{
		ID: "kubeconfig-admin", Severity: isError, Practice: true, node: kubeconfigAdmin,
		Doc: "--kubeconfig is kube-controller-manager's own, not an administrator's or a node's",
	},
	{
		ID: "service-range-unset", Severity: isWarning, Flags: true, node: serviceRangeUnset,
		Doc: "--allocate-node-cidrs comes with --service-cluster-ip-range, whose addresses no node may get",
	},
	{
		ID: "hostpath-provisioner", Severity: isWarning, Practice: true, node: hostPathProvisioner,
		Doc: "--enable-hostpath-provisioner is off: it makes volumes in a directory of the leader's host, for tests on one host",
	},
	{
		ID: "verbosity-bodies", Severity: isWarning, Practice: true, node: verbosityBodies,
		Doc: "--v is below 8, from where on the log has the bodies of responses, with secrets in them",
	},
	{
		ID: "metrics-open", Severity: isWarning, Practice: true, node: metricsOpen,
		Doc: "--authorization-always-allow-paths has nothing but health checks: the rest needs a user's rights",
	},
	{
		ID: "tls-suite-weak", Severity: isWarning, Practice: true, node: tlsSuiteWeak,
		Doc: "--tls-cipher-suites has no suite with a known weakness",
	},
}

func masterPlain(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("master")
	if !ok || f.Value == "" {
		return nil
	}
	x := fault{field: f.Field, message: fmt.Sprintf("--master=%s wins over the server in the kubeconfig", f.Value), expected: "no such flag, and the server in the kubeconfig"}
	if strings.HasPrefix(f.Value, "https://") {
		x.severity = isWarning
		return one(x)
	}
	x.message = fmt.Sprintf("--master=%s is plain HTTP: anyone on the way reads and changes everything, and no apiserver since v1.24 answers there", f.Value)
	if a, err := netip.ParseAddrPort(strings.TrimPrefix(f.Value, "http://")); err == nil && a.Addr().IsLoopback() {
		x.message = fmt.Sprintf("--master=%s is plain HTTP, which no apiserver since v1.24 serves", f.Value)
	}
	return one(x)
}

// otherUsers are names of kubeconfigs that kubeadm and others give to other users.
var otherUsers = map[string]string{
	"admin.conf": "an administrator", "super-admin.conf": "an administrator whom no policy binds", "admin.kubeconfig": "an administrator",
	"kubelet.conf": "a node", "kubelet.kubeconfig": "a node", "scheduler.conf": "kube-scheduler", "kube-scheduler.kubeconfig": "kube-scheduler",
}

func kubeconfigAdmin(_ *view, n *nodeView) []fault {
	var out []fault
	for _, name := range []string{"kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"} {
		f, ok := n.flags.Get(name)
		if who := otherUsers[path.Base(f.Value)]; ok && who != "" {
			out = append(out, fault{
				field: f.Field, message: fmt.Sprintf("--%s names %s: with its usual contents the process would be %s", name, f.Value, who),
				expected: "a kubeconfig of system:kube-controller-manager",
			})
		}
	}
	return out
}

func serviceRangeUnset(v *view, n *nodeView) []fault {
	al, ok := allocationOf(n)
	if _, given := n.flags.Get(serviceRange); !ok || given || len(v.APIServer.Flags) > 0 { // then service-range-differs compares
		return nil
	}
	return one(fault{
		field: al.field, message: "nodes get ranges of " + text(al.pods) + " without regard to the services' range, which is not given",
		expected: `networks: services, or flags: "service-cluster-ip-range": what the apiserver has`,
	})
}

func hostPathProvisioner(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("enable-hostpath-provisioner")
	if !ok || !f.Bool() {
		return nil
	}
	return one(fault{field: f.Field, message: "volumes are made in /tmp/hostpath_pv of the leader's host, and are lost with it", expected: "false, and a storage class with a provisioner of its own"})
}

func verbosityBodies(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("v")
	if level, err := strconv.Atoi(f.Value); !ok || err != nil || level < 8 {
		return nil
	}
	return one(fault{field: f.Field, message: fmt.Sprintf("with --v=%s the log has the bodies of the apiserver's responses, with secrets in them", f.Value), expected: "2, or up to 7 for a while"})
}

func metricsOpen(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("authorization-always-allow-paths")
	if !ok {
		return nil
	}
	var out []fault
	for p := range strings.SplitSeq(f.Value, ",") {
		if clean := strings.TrimSuffix(strings.TrimSpace(p), "*"); !slices.Contains([]string{"/healthz", "/healthz/", "/readyz", "/livez", ""}, clean) || strings.TrimSpace(p) == "*" || strings.TrimSpace(p) == "/*" {
			out = append(out, fault{field: f.Field, message: fmt.Sprintf("%.80s is open to everyone who reaches the port", p), expected: "/healthz,/readyz,/livez, and rights for who reads the rest"})
		}
	}
	return out
}

func tlsSuiteWeak(v *view, n *nodeView) []fault {
	f, names, ok := v.suitesOf(n)
	if !ok {
		return nil
	}
	var weak []string
	for _, s := range tls.InsecureCipherSuites() {
		if slices.Contains(names, s.Name) {
			weak = append(weak, s.Name)
		}
	}
	if len(weak) == 0 {
		return nil
	}
	return one(fault{field: f.Field, message: "suites with a known weakness: " + strings.Join(weak, ", "), expected: "suites with ECDHE, and GCM or CHACHA20"})
}

// serviceAccountKeyIsCAInFlags: on a command line, the same file is the same key.
func serviceAccountKeyIsCAInFlags(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("service-account-private-key-file")
	if n.line == nil || !ok || f.Value == "" {
		return nil
	}
	for _, other := range n.flags {
		if !strings.HasSuffix(other.Name, "-key-file") || other.Name == f.Name || other.Value != f.Value {
			continue
		}
		return one(fault{
			field: f.Field, also: []string{other.Field},
			message:  fmt.Sprintf("--service-account-private-key-file and --%s name one key", other.Name),
			expected: "a separate key pair: anyone who can sign tokens could sign certificates too",
		})
	}
	return nil
}
