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

// pathUnreadable: kcmgen's files are root's, and its secrets root's alone.
func pathUnreadable(v *view, n *nodeView) []fault {
	if v.Layout != spec.Systemd {
		return nil
	}
	s := v.sandbox(n)
	if s.user.Name == "" || s.reads {
		return nil
	}
	placed := policy.Placed(v.Cluster, n.flags)
	whole := v.Generations && policy.InDir(v.Cluster, placed, n.flags) // in a directory that is root's alone
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
		message:  fmt.Sprintf("with %s=%s the process can't read %s: what kcmgen puts there is root's", s.user.Name, s.user.Value, what),
		expected: "no such line: the unit runs as root, without a single capability",
		hint:     "if it has to be another user, have something else put files of its own on the hosts: flagDefaults: \"none\", and their paths under flags",
	})
}

// probeUnreachable: a pod that hasn't the host's network is asked at its own address,
// and its loopback is its own.
func probeUnreachable(v *view, n *nodeView) []fault {
	if v.Layout != spec.StaticPod || v.Pod.HostNetwork {
		return nil
	}
	var out []fault
	bind, err := netip.ParseAddr(n.value("bind-address"))
	asked := v.Pod.Liveness != nil || v.Pod.Startup != nil
	serves := !isZero(n.value("secure-port"))
	f := fault{field: "pod.hostNetwork", also: []string{v.flagField(n, "bind-address")}, expected: `hostNetwork: true, or flags: "bind-address": "0.0.0.0"`}
	f.hint = `the address wants its reason, too: waivers: "bind-address-public": reason: "…"`
	switch {
	case err != nil || !serves || bind.Unmap().IsUnspecified():
	case bind.Unmap().IsLoopback() && asked:
		f.message = fmt.Sprintf("kube-controller-manager listens on %s, and without the host's network the probes ask the pod's own address", bind)
		out = append(out, f)
	case !bind.Unmap().IsLoopback():
		f.message = fmt.Sprintf("kube-controller-manager is to listen on %s, which a pod without the host's network doesn't have", bind)
		out = append(out, f)
	}
	host := v.APIServer.Address
	if v.APIServer.Endpoint == spec.EndpointLocal {
		host = "127.0.0.1"
	}
	if a, err := netip.ParseAddr(host); v.APIServer.Endpoint != spec.EndpointNode && (host == "localhost" || err == nil && a.Unmap().IsLoopback()) {
		out = append(out, fault{
			field: "pod.hostNetwork", also: []string{"apiserver.endpoint"},
			message:  fmt.Sprintf("the apiserver is looked for at %s, which without the host's network is the pod itself", host),
			expected: `hostNetwork: true, or apiserver: endpoint: "node"`,
		})
	}
	return out
}

// releases is the gate with which a leader that loses its lease ends with exit code
// 0, and with 1 without it.
const releases = "ControllerManagerReleaseLeaderElectionLockOnExit"

// releases reports whether it is on. Of a version that kcmgen doesn't know, what is
// said of it counts.
func (n *nodeView) releases() bool {
	if n.minor != nil {
		return n.gateOn(releases)
	}
	on := false
	for _, s := range n.gates {
		if s.Name == releases {
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
		f.message = fmt.Sprintf("Restart=%s leaves a host dead that lost the leader lease: with feature gate %s it ends with exit code 0", restart, releases)
	case !v.restartsOn(restart, 1):
		f.severity = isWarning
		f.message = fmt.Sprintf("Restart=%s leaves a host dead that lost the leader lease: it ends with exit code 1", restart)
	default:
		return nil
	}
	return one(f)
}

var restarts = []string{"no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"}

// restartsOn reports whether systemd starts a process again that ended with an exit
// code (systemd.service(5), the table below Restart=).
func (v *view) restartsOn(restart string, code int) bool {
	names := map[int][]string{0: {"0", "SUCCESS"}, 1: {"1", "FAILURE"}}[code]
	listed := func(name string) bool {
		words := strings.Fields(strings.Join(said(v.Unit.Service, name), " "))
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
