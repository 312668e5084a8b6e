package vet

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// manifestDirectory: the kubelet skips dot files, and reads every other file in the
// directory as a pod.
func manifestDirectory(v *view) []fault {
	if v.Layout != spec.StaticPod {
		return nil
	}
	var out []fault
	if strings.HasPrefix(path.Base(v.Paths.Manifest), ".") {
		out = append(out, fault{field: "paths.manifest", message: fmt.Sprintf("the kubelet doesn't read %s: its name begins with a dot", v.Paths.Manifest), expected: "a name without a dot before it"})
	}
	directory := path.Dir(v.Paths.Manifest) + "/"
	if v.Generations {
		if strings.HasPrefix(v.Paths.Generations+"/", directory) {
			out = append(out, fault{field: "paths.generations", also: []string{"paths.manifest"}, message: "the generations are in the directory of manifests", expected: "a directory elsewhere"})
		}
		return out
	}
	for _, r := range policy.Placed(v.Cluster, v.own()[0].flags) {
		if strings.HasPrefix(v.Paths.Of(r), directory) {
			out = append(out, fault{field: "paths." + string(r), also: []string{"paths.manifest"}, message: fmt.Sprintf("%s is in the directory of manifests", v.Paths.Of(r)), expected: "a directory elsewhere"})
		}
	}
	return out
}

// podInvalid reports what the API refuses and the schema can't express.
func podInvalid(v *view) []fault {
	if v.Layout != spec.StaticPod {
		return nil
	}
	out := v.podFieldFaults()
	mounted := map[string]string{}
	for _, m := range v.Pod.Mounts() {
		other, twice := mounted[m.Path]
		switch {
		case twice:
			out = append(out, fault{field: m.Field, message: fmt.Sprintf("two volumes are mounted at %s", m.Path), expected: "a place of its own", also: []string{other}})
		case m.Path == v.Paths.Dir && v.mountsBelow(m.Path):
			out = append(out, fault{
				field: m.Field, also: []string{"paths.dir"}, message: fmt.Sprintf("it is mounted at %s, where kcmgen mounts its files", m.Path), expected: "another mountPath",
				hint: "or another paths.dir; with generations: false kcmgen's files lie in the host's own directory, and the volume may hold them",
			})
		}
		mounted[m.Path] = m.Field
	}
	for _, name := range slices.Sorted(maps.Keys(v.Pod.Limits)) {
		limit := v.Pod.Limits[name]
		request, ok := v.Pod.Requests[name]
		l, err1 := quantity(limit)
		r, err2 := quantity(request)
		if ok && err1 == nil && err2 == nil && l < r {
			out = append(out, fault{
				field: finding.Path("pod", "resources", "limits", name), also: []string{finding.Path("pod", "resources", "requests", name)},
				message: fmt.Sprintf("the limit of %s, %s, is below the request, %s", name, limit, request), expected: "a limit that is no less",
			})
		}
	}
	return out
}

// mountsBelow reports whether kcmgen mounts files of a generation below a path. Without
// generations they lie at their paths on the host, too, where the runtime can mount them.
func (v *view) mountsBelow(dir string) bool {
	return v.Generations && slices.ContainsFunc(policy.Placed(v.Cluster, v.own()[0].flags), func(r spec.Role) bool {
		return !v.Image.Copies(r) && below(v.Paths.Of(r), dir)
	})
}

// quantity parses a Kubernetes quantity that the schema allows.
func quantity(s string) (float64, error) {
	factor := map[string]float64{
		"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
		"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
	}
	number := strings.TrimRight(s, "mkMGTPEKi")
	f, err := strconv.ParseFloat(number, 64)
	return f * factor[s[len(number):]], err
}

func portInvalid(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("secure-port")
	if !ok || v.minor != nil {
		return nil
	}
	if port, err := strconv.ParseUint(f.Value, 10, 16); err != nil || port > 65535 {
		return one(fault{field: f.Field, message: fmt.Sprintf("secure-port is %q", f.Value), expected: "a port from 1 to 65535, or 0 for none"})
	}
	return nil
}
