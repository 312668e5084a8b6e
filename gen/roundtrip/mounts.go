package roundtrip

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// podMount is what a container sees at a path.
type podMount struct {
	from    string // the volume without its name, in words
	host    string // the host's path; "" if the volume isn't one of the host
	volume  string // its name
	options string // of the mount
}

// mountsOf returns the mounts of the program's container by their path, and the volumes that it
// doesn't mount. wrong is what can't be read.
func mountsOf(pod map[string]any) (mounts map[string]podMount, apart []string, wrong []string) {
	mounts = map[string]podMount{}
	s, _ := pod["spec"].(map[string]any)
	volumes := map[string]map[string]any{}
	for _, v := range objects(s, "volumes", &wrong) {
		volumes[fmt.Sprint(v["name"])] = v
	}
	mounted := map[string]bool{}
	for _, m := range objects(programOf(pod), "volumeMounts", &wrong) {
		name := fmt.Sprint(m["name"])
		mounted[name] = true
		at := path.Clean(fmt.Sprint(m["mountPath"]))
		out := podMount{volume: name, from: "a volume that isn't declared"}
		if v, ok := volumes[name]; ok {
			out.from, out.host = volumeSource(v)
		}
		for _, field := range slices.Sorted(maps.Keys(m)) {
			value := m[field]
			switch {
			case field == "name" || field == "mountPath" || value == nil || value == "" || value == false:
			case field == "recursiveReadOnly" && value == "Disabled", field == "mountPropagation" && value == "None": // as without them
			default:
				out.options += fmt.Sprintf(", %s: %v", field, value)
			}
		}
		mounts[at] = out
	}
	for _, name := range slices.Sorted(maps.Keys(volumes)) {
		if !mounted[name] {
			from, _ := volumeSource(volumes[name])
			apart = append(apart, from)
		}
	}
	return mounts, apart, wrong
}

// objects returns the elements of a list of objects.
func objects(in map[string]any, field string, wrong *[]string) []map[string]any {
	var out []map[string]any
	list, ok := in[field].([]any)
	if !ok && in[field] != nil {
		*wrong = append(*wrong, field+" is no list")
	}
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			*wrong = append(*wrong, "an element of "+field+" is no object")
			continue
		}
		out = append(out, m)
	}
	return out
}

// volumeSource is what a volume holds, and the host's path of it.
func volumeSource(v map[string]any) (words, host string) {
	if h, ok := v["hostPath"].(map[string]any); ok {
		host = path.Clean(fmt.Sprint(h["path"]))
		words = "the host's " + host
		if kind := h["type"]; kind != nil && kind != "" {
			words += fmt.Sprintf(" (%v)", kind)
		}
		return words, host
	}
	for _, key := range slices.Sorted(maps.Keys(v)) {
		if key == "name" {
			continue
		}
		data, err := json.Marshal(v[key])
		if err != nil || string(data) == "{}" || string(data) == "null" {
			return key, ""
		}
		return key + " " + string(data), ""
	}
	return "an empty directory", "" // as the kubelet reads a volume without a source
}

// compareMounts compares what is seen at each path that the pod mounts. A file that kcmgen puts
// there comes from its generation instead.
func (r *Comparison) compareMounts(c *spec.Cluster, want, got map[string]any, form render.Form) {
	asked, unmounted, wrong := mountsOf(want)
	have, exported, _ := mountsOf(got)
	for _, w := range wrong {
		r.Fields.Of++
		r.differs("%s, so it isn't compared", w)
	}
	for _, at := range slices.Sorted(maps.Keys(asked)) {
		r.Fields.Of++
		m, ok := have[at]
		a := asked[at]
		switch {
		case ok && m.from == a.from && m.options == a.options, a.host != "" && placedBelow(at, form):
			r.Fields.Equal++
		case ok && strings.HasPrefix(m.host, c.Paths.Generations+"/"): // kcmgen's own copy
			r.Fields.Equal++
		case !ok:
			r.differs("volume at %s: %s isn't exported", at, a.from+a.options)
		default:
			r.differs("volume at %s: %s is exported as %s", at, a.from+a.options, m.from+m.options)
		}
	}
	for _, at := range slices.Sorted(maps.Keys(have)) {
		m := have[at]
		if _, ok := asked[at]; !ok && m.volume != "kcmgen" && !strings.HasPrefix(m.volume, "kcmgen-") {
			r.differs("volume at %s: %s is exported, and isn't in the files", at, m.from+m.options)
		}
	}
	for _, from := range unmounted {
		r.Fields.Of++
		if i := slices.Index(exported, from); i >= 0 {
			exported = slices.Delete(exported, i, i+1)
			r.Fields.Equal++
			continue
		}
		r.differs("a volume that isn't mounted: %s isn't exported", from)
	}
}

// placedBelow reports whether kcmgen puts files at a path or below it.
func placedBelow(at string, form render.Form) bool {
	return slices.ContainsFunc(form.Files, func(f render.FormFile) bool {
		return f.Path == at || strings.HasPrefix(f.Path, strings.TrimSuffix(at, "/")+"/")
	})
}
