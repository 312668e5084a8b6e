package vet

import (
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// security returns the security context of a node's pod, with the user's fields.
func (v *view) security(n *nodeView) policy.Security {
	if n.alike.secured == nil {
		s := policy.PodSecurity(v.Cluster, n.flags)
		n.alike.secured = &s
	}
	return *n.alike.secured
}

// securityInvalid reports contexts that the kubelet refuses.
func securityInvalid(v *view, n *nodeView) []fault {
	if v.Layout != spec.StaticPod {
		return nil
	}
	s := v.security(n)
	nonRoot, field := s.Pod["runAsNonRoot"], "pod.spec.securityContext.runAsNonRoot"
	if own, said := s.Container["runAsNonRoot"]; said {
		nonRoot, field = own, "pod.container.securityContext.runAsNonRoot"
	}
	var out []fault
	if nonRoot == true && s.Known && s.User == 0 {
		out = append(out, fault{field: field, also: []string{s.Field}, message: "the pod runs as root, and with runAsNonRoot the kubelet doesn't start it", expected: "another runAsUser, or no runAsNonRoot"})
	}
	caps, _ := s.Container["capabilities"].(map[string]any)
	added, _ := caps["add"].([]any)
	if s.Container["allowPrivilegeEscalation"] == false && (s.Container["privileged"] == true || slices.Contains(added, any("SYS_ADMIN"))) {
		out = append(out, fault{
			field: "pod.container.securityContext", message: "a container that is privileged or has SYS_ADMIN can't forbid privilege escalation",
			expected: "allowPrivilegeEscalation: true, or neither of the two",
		})
	}
	return out
}

// podRoot says what keeps a pod from running as another user.
func podRoot(v *view, n *nodeView) []fault {
	if v.Layout != spec.StaticPod || !v.Pod.Hardened { // sandbox-off
		return nil
	}
	s := v.security(n)
	switch {
	case s.User != 0:
		return nil
	case len(s.Obstacles) > 0:
		f := fault{
			field: s.Obstacles[0].Field, message: "the pod runs as root: " + s.Obstacles[0].Message,
			expected: "files that kcmgen places on the host",
			hint:     fmt.Sprintf("if user %d can use what it needs, write: pod: spec: securityContext: runAsUser: %[1]d", policy.PodUser),
		}
		if slices.ContainsFunc(s.Obstacles, func(o policy.Obstacle) bool { return o.Certain }) {
			f.hint = ""
		}
		for _, o := range s.Obstacles[1:] {
			f.also = append(f.also, o.Field)
		}
		if more := len(s.Obstacles) - 1; more > 0 {
			f.message += fmt.Sprintf(" (and %d more)", more)
		}
		return one(f)
	}
	message := "the pod runs as root"
	if !s.Known {
		message = "the pod runs as its image says, which may be root"
	}
	return one(fault{field: s.Field, message: message, expected: fmt.Sprintf("no such line: kcmgen's pods run as user %d", policy.PodUser)})
}

// unreadableInImage reports private keys in the image of a pod that isn't root's.
func (v *view) unreadableInImage(n *nodeView) []fault {
	s := v.security(n)
	if s.User == 0 {
		return nil
	}
	var out []fault
	for _, r := range policy.Placed(v.Cluster, n.flags) {
		if v.Image.Copies(r) && r.Secret() {
			out = append(out, fault{
				field: s.Field, also: []string{"image.copy"}, message: fmt.Sprintf("user %d can't read %s, which belongs to root in the image", s.User, v.Paths.Of(r)),
				expected: "runAsUser: 0, or an image without keys",
			})
		}
	}
	return out
}

// portPrivileged: a container has no capability that its user isn't given.
func portPrivileged(v *view, n *nodeView) []fault {
	port := n.value("secure-port")
	if v.Layout != spec.StaticPod || !v.Pod.HostNetwork || !policy.Privileged(port) || v.security(n).Can("NET_BIND_SERVICE") {
		return nil
	}
	return one(fault{
		field: v.flagField(n, "secure-port"), message: fmt.Sprintf("the pod may not listen on port %s of the host", port), expected: "a port from 1024 on",
		hint: `or root with the capability: pod: spec: securityContext: runAsUser: 0, and pod: container: securityContext: capabilities: add: ["NET_BIND_SERVICE"]`,
	})
}

// bindsOmitted reports that the user takes the mounts of the generation away.
func (v *view) bindsOmitted(n *nodeView) []fault {
	if !v.Generations || !slices.Contains(v.Unit.Omitted.Service, "BindReadOnlyPaths") || len(policy.Placed(v.Cluster, n.flags)) == 0 {
		return nil
	}
	return one(fault{
		field: "unit.Service.BindReadOnlyPaths", also: []string{"generations"}, message: "without BindReadOnlyPaths the process doesn't see the files of its generation",
		expected: "no such line, or generations: false",
	})
}
