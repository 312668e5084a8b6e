package vet

import (
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// podMount is one mount of the pod's container.
type podMount struct {
	path     string
	file     bool // a file, not a directory
	readOnly bool
	field    string // of the user's volume; "" for kcmgen's own mounts
}

// podMounts returns the mounts of a node's pod: kcmgen's own and the user's.
func (v *view) podMounts(n *nodeView) []podMount {
	var out []podMount
	var placed []spec.Role
	for _, r := range policy.Placed(v.Cluster, n.flags) {
		if !v.Image.Copies(r) {
			placed = append(placed, r)
		}
	}
	if v.Generations && len(placed) > 0 && policy.InDir(v.Cluster, placed, n.flags) {
		out = append(out, podMount{path: v.Paths.Dir, readOnly: true})
		placed = nil
	}
	for _, r := range placed {
		if m := (podMount{path: v.Paths.Of(r), file: true, readOnly: true}); !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	if dir, ok := policy.CertDirMade(v.Cluster, n.flags); ok {
		out = append(out, podMount{path: path.Clean(dir)})
	}
	for _, m := range v.Pod.Mounts() {
		out = append(out, podMount{path: m.Path, file: m.File, readOnly: m.ReadOnly, field: m.Field})
	}
	return out
}

// podMountOf returns the innermost mount that holds a path of the container.
func podMountOf(mounts []podMount, p string) (podMount, bool) {
	var best podMount
	found := false
	for _, m := range mounts {
		if below(p, m.path) && (!found || len(m.path) > len(best.path)) {
			best, found = m, true
		}
	}
	return best, found
}

// published are the repositories of the images that Kubernetes publishes, and
// publishedRoots is the file in them that a flag may name.
var published = []string{"registry.k8s.io/kube-controller-manager", "k8s.gcr.io/kube-controller-manager"}

const publishedRoots = "/etc/ssl/certs/ca-certificates.crt"

// inImage reports whether the image holds a path, and whether that is known: the
// content of the user's own images isn't.
func (v *view) inImage(p string) (holds, known bool) {
	for _, r := range spec.Roles {
		if v.Image.Copies(r) && v.Paths.Of(r) == p {
			return true, true
		}
	}
	if v.Image != nil {
		return slices.Contains(v.Image.Directories, p), v.Image.Base == "scratch"
	}
	name, _, _ := strings.Cut(v.Pod.Image, "@")
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		name = name[:i]
	}
	return p == publishedRoots, slices.Contains(published, name)
}

// podClashes reports two mounts at one path, which the kubelet refuses.
func podClashes(v *view, n *nodeView) []fault {
	if v.Layout != spec.StaticPod {
		return nil
	}
	var out []fault
	mounts := v.podMounts(n)
	for i, m := range mounts {
		for _, o := range mounts[:i] {
			if m.path == o.path && m.field != "" && o.field == "" && m.path != v.Paths.Dir { // podInvalid
				out = append(out, fault{field: m.field, message: "it is mounted at " + m.path + ", where kcmgen mounts a file itself", expected: "another mountPath"})
			}
		}
	}
	return out
}
