package vet

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// pathUnreadable: kcmgen's files belong to root, and only root can read its secrets. A
// pod's belong to its user, except those in its image.
func pathUnreadable(v *view, n *nodeView) []fault {
	if v.Layout != spec.Systemd {
		return v.unreadableInImage(n)
	}
	s := v.sandbox(n)
	if s.user.Name == "" || s.readsAll {
		return nil
	}
	placed := policy.Placed(v.Cluster, n.flags)
	whole := v.Generations && policy.InDir(v.Cluster, placed, n.flags) // in a directory of mode 0700
	var closed []string
	for _, r := range placed {
		if r.Secret() || whole {
			closed = append(closed, v.Paths.Of(r))
		}
	}
	if dir, ok := policy.CertDir(v.Cluster, n.flags); ok {
		closed = append(closed, dir)
	}
	if len(closed) == 0 {
		return nil
	}
	slices.Sort(closed)
	what := slices.Compact(closed)[0]
	if more := len(slices.Compact(closed)) - 1; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	return one(fault{
		field:    finding.Path("unit", "Service", s.user.Name),
		message:  fmt.Sprintf("with %s=%s the process can't read %s: what kcmgen puts there belongs to root", s.user.Name, s.user.Value, what),
		expected: "no such line: the unit runs as root, without a single capability",
		hint:     "for another user, put its files on the hosts by other means: flagDefaults: \"none\", and their paths under flags",
	})
}

// probeUnreachable: without the host's network, a pod is probed at its own address, and
// its loopback isn't the host's.
func probeUnreachable(v *view, n *nodeView) []fault {
	if v.Layout != spec.StaticPod || v.Pod.HostNetwork {
		return nil
	}
	var out []fault
	bind, err := netip.ParseAddr(n.value("bind-address"))
	asked := v.Pod.Liveness != nil || v.Pod.Startup != nil
	serves := !isZero(n.value("secure-port"))
	f := fault{field: "pod.hostNetwork", also: []string{v.flagField(n, "bind-address")}, expected: `hostNetwork: true, or flags: "bind-address": "0.0.0.0"`}
	f.hint = `the address needs its reason, too: waivers: "bind-address-public": reason: "…"`
	switch {
	case err != nil || !serves || bind.Unmap().IsUnspecified():
	case bind.Unmap().IsLoopback() && asked:
		f.message = fmt.Sprintf("kube-controller-manager listens on %s, and without the host's network the probes ask the pod's own address", bind)
		out = append(out, f)
	case !bind.Unmap().IsLoopback():
		f.message = fmt.Sprintf("kube-controller-manager would listen on %s, which a pod without the host's network doesn't have", bind)
		out = append(out, f)
	}
	host := v.APIServer.Address
	if v.APIServer.Endpoint == spec.EndpointLocal {
		host = "127.0.0.1"
	}
	if a, err := netip.ParseAddr(host); v.APIServer.Endpoint != spec.EndpointNode && (host == "localhost" || err == nil && a.Unmap().IsLoopback()) {
		out = append(out, fault{
			field: "pod.hostNetwork", also: []string{"apiserver.endpoint"},
			message:  fmt.Sprintf("the apiserver's address is %s, which without the host's network is the pod itself", host),
			expected: `hostNetwork: true, or apiserver: endpoint: "node"`,
		})
	}
	return out
}

// probeWithoutPort: with --secure-port=0 no probe is written into the pod.
func probeWithoutPort(v *view, n *nodeView) []fault {
	if v.Layout != spec.StaticPod || n.line != nil || !isZero(n.value("secure-port")) || v.Pod.Liveness == nil && v.Pod.Startup == nil {
		return nil
	}
	return one(fault{
		field: v.flagField(n, "secure-port"), also: []string{"pod.livenessProbe", "pod.startupProbe"},
		message:  "--secure-port is 0, so that the pod has no probe: a process that hangs is not restarted",
		expected: `flags: "secure-port": 10257, or pod: {livenessProbe: null, startupProbe: null}`,
	})
}

// releasesGate makes a leader that lost its lease exit with code 0 instead of 1.
const releasesGate = "ControllerManagerReleaseLeaderElectionLockOnExit"

// releases reports whether releasesGate is on. Without data of the version, only a
// setting turns it on.
func (n *nodeView) releases() bool {
	if n.minor != nil {
		return n.gateOn(releasesGate)
	}
	on := false
	for _, s := range n.gates {
		if s.Name == releasesGate {
			on = s.On
		}
	}
	return on
}

func restartPolicy(v *view, n *nodeView) []fault {
	if v.Layout != spec.Systemd {
		return nil
	}
	restart := "no"
	for _, d := range v.Unit.Service {
		if d.Name == "Restart" && slices.Contains(restarts, d.Value) {
			restart = d.Value
		}
	}
	elects := isTrue(n.value("leader-elect"))
	f := fault{field: "unit.Service.Restart", expected: `"always"`}
	switch {
	case elects && n.releases() && !v.restartsOn(restart, 0):
		if gates, ok := n.flags.Get(featureGates); ok {
			f.also = []string{gates.Field}
		}
		f.message = fmt.Sprintf("with Restart=%s a leader that lost its lease stays down: with feature gate %s it exits with code 0", restart, releasesGate)
	case !v.restartsOn(restart, 1):
		f.severity = isWarning
		f.message = fmt.Sprintf("with Restart=%s a leader that lost its lease stays down: it exits with code 1", restart)
	default:
		return nil
	}
	return one(f)
}

var restarts = []string{"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"}

// restartsOn reports whether systemd restarts a process that exited with a code
// (systemd.service(5), the table below Restart=).
func (v *view) restartsOn(restart string, code int) bool {
	names := map[int][]string{0: {"0", "SUCCESS"}, 1: {"1", "FAILURE"}}[code]
	listed := func(name string) bool {
		words := strings.Fields(strings.Join(values(v.Unit.Service, name), " "))
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(names, w) })
	}
	clean := code == 0 || listed("SuccessExitStatus")
	switch {
	case listed("RestartPreventExitStatus"):
		return false
	case listed("RestartForceExitStatus"), restart == "always":
		return true
	}
	return clean && restart == "on-success" || !clean && restart == "on-failure"
}
