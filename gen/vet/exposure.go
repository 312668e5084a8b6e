package vet

import (
	"crypto/tls"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/internal/lazy"
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
	{
		ID: "key-shared", Severity: isWarning, Practice: true, node: keyShared,
		Doc: "the key of the serving certificate signs nothing, and neither does another server's",
	},
	{
		ID: "kubelet-rotation-off", Severity: isError, Practice: true, node: rotateServerCertificate,
		Doc: "feature gate RotateKubeletServerCertificate isn't switched off (CIS 1.3.6)",
	},
	{
		ID: "gates-all-alpha", Severity: isWarning, Practice: true, node: allAlpha,
		Doc: "feature gate AllAlpha is off: an upgrade would turn on more with it",
	},
	{
		ID: "content-type", Severity: isError, Fixed: true, Flags: true, node: contentType,
		Doc: "--kube-api-content-type is one that the apiserver and the program both speak",
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
	x.message = fmt.Sprintf("--master=%s is plain HTTP: anyone on the way reads and changes everything, and no apiserver since v1.20 answers there", f.Value)
	host, _, _ := strings.Cut(strings.TrimPrefix(f.Value, "http://"), ":")
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && a.IsLoopback() {
		x.message = fmt.Sprintf("--master=%s is plain HTTP, which no apiserver since v1.20 serves", f.Value)
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
		who := otherUsers[path.Base(f.Value)]
		if strings.HasSuffix(f.Value, "/.kube/config") {
			who = "the person whose home it is in"
		}
		if ok && who != "" {
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
	if _, given := n.flags.Get(serviceRange); !ok || given || v.stated(serviceRange) { // then service-range-differs compares
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

// caKeyName matches the usual names of a CA's key.
var caKeyName = lazy.Regexp(`^(.*[-_.])?ca([-_.]?key)?\.(pem|key)$`)

// serviceAccountKeyIsCAInFlags: on a command line, the same file is the same key.
func serviceAccountKeyIsCAInFlags(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("service-account-private-key-file")
	if n.line == nil || !ok || f.Value == "" {
		return nil
	}
	x := fault{field: f.Field, expected: "a separate key pair: anyone who can sign tokens could sign certificates too"}
	for _, other := range n.flags {
		if strings.HasPrefix(other.Name, "cluster-signing-") && strings.HasSuffix(other.Name, "-key-file") && path.Clean(other.Value) == path.Clean(f.Value) {
			x.also, x.message = []string{other.Field}, fmt.Sprintf("--service-account-private-key-file and --%s name one key", other.Name)
			return one(x)
		}
	}
	if caKeyName().MatchString(path.Base(f.Value)) {
		x.message = fmt.Sprintf("--service-account-private-key-file names %s, a CA's key by its name", f.Value)
		return one(x)
	}
	return nil
}

// serverKeyName matches the usual names of the keys of servers.
var serverKeyName = lazy.Regexp(`^(kube-)?(apiserver|server|kubernetes)([-_.]?key)?\.(pem|key)$`)

// keyShared: a key that serves and signs is exposed to more than it needs to be.
func keyShared(_ *view, n *nodeView) []fault {
	serving, ok := n.flags.Get("tls-private-key-file")
	var out []fault
	for _, other := range n.flags {
		signs := strings.HasPrefix(other.Name, "cluster-signing-") && strings.HasSuffix(other.Name, "-key-file") || other.Name == "service-account-private-key-file"
		switch {
		case !signs || other.Value == "":
		case ok && path.Clean(other.Value) == path.Clean(serving.Value):
			out = append(out, fault{
				field: other.Field, also: []string{serving.Field}, message: fmt.Sprintf("--%s and --tls-private-key-file name one key", other.Name),
				expected: "a key for each purpose",
			})
		case serverKeyName().MatchString(path.Base(other.Value)):
			out = append(out, fault{
				field: other.Field, message: fmt.Sprintf("--%s names %s, a server's key by its name", other.Name, other.Value),
				expected: "a key for each purpose",
			})
		}
	}
	return out
}

func rotateServerCertificate(v *view, n *nodeView) []fault {
	for _, g := range n.gates {
		if g.Name == "RotateKubeletServerCertificate" && !g.On {
			return one(fault{field: n.flags.Field(featureGates), message: "feature gate RotateKubeletServerCertificate is off: kubelets keep serving certificates that have ended", expected: "no such gate: it is on by default"})
		}
	}
	if n.minor == nil || !v.demands(cis19, cis112) { // for others AllBeta=false is their own decision
		return nil
	}
	if _, known := n.minor.Gate("RotateKubeletServerCertificate"); known && !n.gateOn("RotateKubeletServerCertificate") {
		return one(fault{field: n.flags.Field(featureGates), message: "AllBeta=false turns RotateKubeletServerCertificate off, too: kubelets keep serving certificates that have ended", expected: "RotateKubeletServerCertificate=true beside it"})
	}
	return nil
}

// contentTypes are those that client-go has a serializer for; "" is its default.
var contentTypes = []string{"", "application/json", "application/yaml", "application/cbor", "application/vnd.kubernetes.protobuf"}

func contentType(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("kube-api-content-type")
	media, _, _ := strings.Cut(f.Value, ";")
	if !ok || slices.Contains(contentTypes, strings.TrimSpace(media)) {
		return nil
	}
	return one(fault{field: f.Field, message: fmt.Sprintf("kube-api-content-type is %q: every write fails, the lease's too, and the process waits for ever", f.Value), expected: "application/vnd.kubernetes.protobuf"})
}

func allAlpha(_ *view, n *nodeView) []fault {
	for _, g := range n.gates {
		if g.Name == "AllAlpha" && g.On {
			return one(fault{field: n.flags.Field(featureGates), message: "AllAlpha is on: an upgrade turns on further features that aren't tested, and may take them away", expected: "the feature gates by their names"})
		}
	}
	return nil
}
