package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// PodUser is the user that a pod runs as by default. Debian reserves the numbers from
// 65520 to 65533, and systemd leaves them alone. 65532 is none to take: images of other
// programs run as it, and a process that escaped from one could read the keys.
const PodUser = 65520

// Security is the security context of a node's pod: kcmgen's with the user's fields over
// it, in the form of JSON.
type Security struct {
	Pod, Container map[string]any
	// User and Group are the owner of the pod's files; 0 is root. Known is false if the
	// image decides about the user.
	User, Group int64
	Known       bool
	// Field is where the user is written; "" if it is kcmgen's choice.
	Field string
	// Obstacles are why kcmgen's choice is root; nil if it isn't.
	Obstacles []Obstacle
}

// Obstacle is a reason why a pod runs as root by default. It is certain if another user
// can't do at all what it says.
type Obstacle struct {
	Field, Message string
	Certain        bool
}

// PodSecurity returns the security context of a node's pod.
func PodSecurity(c *spec.Cluster, fs spec.Flags) Security {
	out := Security{Pod: map[string]any{}, Container: map[string]any{}}
	if c.Pod.Hardened {
		out.Pod["seccompProfile"] = map[string]any{"type": "RuntimeDefault"}
		out.Container["allowPrivilegeEscalation"] = false
		out.Container["readOnlyRootFilesystem"] = true
		out.Container["capabilities"] = map[string]any{"drop": []any{"ALL"}}
		out.asUser(c, fs)
	}
	out.Pod, out.Container = withContext(out.Pod, c.Pod.Spec), withContext(out.Container, c.Pod.Container)
	for _, m := range []map[string]any{out.Pod, out.Container} { // the container's wins
		if id, ok := spec.Int(m, "runAsUser"); ok {
			out.User, out.Known = id, true
		}
		if id, ok := spec.Int(m, "runAsGroup"); ok {
			out.Group = id
		}
	}
	return out
}

// asUser adds a user to the pod's context: the one that is written, or PodUser unless
// something needs root.
func (s *Security) asUser(c *spec.Cluster, fs spec.Flags) {
	user := s.written(&c.Pod)
	if s.Field == "" {
		if s.Obstacles = obstacles(c, fs); len(s.Obstacles) == 0 {
			user = PodUser
		}
	}
	if user == 0 {
		return
	}
	id := json.Number(strconv.FormatInt(user, 10))
	s.Pod["runAsUser"], s.Pod["runAsGroup"], s.Pod["runAsNonRoot"] = id, id, true
}

// written returns the user that is written in a security context, and notes where. It is
// 0 for null: the image decides, and may choose root.
func (s *Security) written(p *spec.Pod) (user int64) {
	const field = "securityContext"
	if v, said := p.Spec[field]; said && v == nil {
		s.Field = "pod.spec." + field
	}
	if m, _ := p.Spec[field].(map[string]any); m != nil {
		if _, said := m["runAsUser"]; said {
			user, _ = spec.Int(m, "runAsUser")
			s.Field = "pod.spec." + field + ".runAsUser"
		}
	}
	if m, _ := p.Container[field].(map[string]any); m["runAsUser"] != nil { // null takes nothing of kcmgen's away
		user, _ = spec.Int(m, "runAsUser")
		s.Field = "pod.container." + field + ".runAsUser"
	}
	return user
}

// withContext returns a security context with that of the user's fields over it.
func withContext(base, fields map[string]any) map[string]any {
	v, said := fields["securityContext"]
	if said && v == nil {
		return map[string]any{}
	}
	over, _ := v.(map[string]any)
	return Merge(base, over)
}

// Merge returns an object of JSON with another one over it: null takes a field away, an
// object is merged, and anything else replaces what is there.
func Merge(base, over map[string]any) map[string]any {
	out := map[string]any{}
	maps.Copy(out, base)
	for name, v := range over {
		switch v := v.(type) {
		case nil:
			delete(out, name)
		case map[string]any:
			was, _ := out[name].(map[string]any)
			out[name] = Merge(was, v)
		default:
			out[name] = v
		}
	}
	return out
}

// obstacles returns why a node's pod must run as root, as far as that is known: another
// user reads what kcmgen places for it and what everyone reads, and no more.
func obstacles(c *spec.Cluster, fs spec.Flags) []Obstacle {
	var out []Obstacle
	add := func(certain bool, field, format string, args ...any) {
		out = append(out, Obstacle{field, fmt.Sprintf(format, args...), certain})
	}
	if !c.Generations {
		add(false, "generations", "without generations its files lie where other programs use them, too")
	}
	var own []string
	for _, r := range Placed(c, fs) {
		own = append(own, c.Paths.Of(r))
		if c.Image.Copies(r) && r.Secret() {
			add(true, "image.copy", "%s belongs to root in the image", c.Paths.Of(r))
		}
	}
	for _, f := range fs {
		if harmless(c, fs, f) {
			continue
		}
		for _, p := range f.Paths(c.Pod.WorkingDir()) {
			if !slices.Contains(own, p) {
				add(false, f.Field, "--%s names %s, which another user may be unable to use", f.Name, p)
			}
		}
	}
	for _, m := range c.Pod.Mounts() {
		if m.Host != "" && !m.ReadOnly {
			add(false, m.Field, "another user may be unable to write to %s of the host", m.Host)
		}
	}
	port := fs.Value("secure-port", flags.Default(flags.Newest(), "secure-port"))
	if c.Pod.HostNetwork && Privileged(port) {
		add(true, fs.Field("secure-port"), "only root may listen on port %s", port)
	}
	return out
}

// harmless reports whether the paths in a flag need no other user's rights: KCM doesn't
// use them, goes on without them, or kcmgen makes them for it.
func harmless(c *spec.Cluster, fs spec.Flags, f spec.Flag) bool {
	use := spec.PathFlags[f.Name]
	switch f.Name {
	case "log-file", "log-dir":
		toStderr, ok := fs.Get("logtostderr")
		return !ok || toStderr.Bool()
	case "cert-dir":
		_, used := CertDir(c, fs)
		_, made := CertDirMade(c, fs)
		return !used || made
	}
	return use.Makes
}

// Privileged reports whether only root, or a process with a capability for it, may
// listen on a port of the host.
func Privileged(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n > 0 && n < 1024
}

// ReadOnlyRoot reports whether the container's root is read-only.
func (s Security) ReadOnlyRoot() bool { return s.Container["readOnlyRootFilesystem"] == true }

// Can reports whether the process has a capability: root has those that the container
// doesn't drop, another user none.
func (s Security) Can(capability string) bool {
	if s.Container["privileged"] == true {
		return s.User == 0
	}
	caps, _ := s.Container["capabilities"].(map[string]any)
	has := func(name string, wanted ...any) bool {
		all, _ := caps[name].([]any)
		return slices.ContainsFunc(all, func(c any) bool { return slices.Contains(wanted, c) })
	}
	return s.User == 0 && (has("add", capability, "ALL") || !has("drop", capability, "ALL"))
}

// Owner returns the owner of the files that a node's unit or pod reads, as chown takes
// it.
func Owner(c *spec.Cluster, fs spec.Flags) string {
	if c.Layout == spec.StaticPod {
		if s := PodSecurity(c, fs); s.User != 0 || s.Group != 0 {
			return fmt.Sprintf("%d:%d", s.User, s.Group)
		}
	}
	return "root:root"
}
