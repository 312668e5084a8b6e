package adopt

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// podVolumes writes the volumes of a pod.
type podVolumes struct {
	*podWriter
	byName map[string]*yamltext.Node // as messages show names
	names  map[*yamltext.Node]string // of the volumes in spec
	taken  map[string]bool
	used   map[*yamltext.Node]bool
	// volumes and mounts are those that need all fields of the API.
	volumes, mounts []string
}

// writeVolumes writes the volumes that hold more than the files that kcmgen puts there.
func (p *podWriter) writeVolumes() {
	v := podVolumes{podWriter: p, byName: map[string]*yamltext.Node{}, names: map[*yamltext.Node]string{}, taken: map[string]bool{}, used: map[*yamltext.Node]bool{}}
	all := p.spec.Get("volumes").List()
	for _, n := range all {
		v.byName[p.w.Set.Show(n.Get("name").Value())] = n
	}
	for _, m := range p.container.Get("volumeMounts").List() {
		v.mount(m)
	}
	for _, n := range all {
		if !v.used[n] && !v.inSpec(n) {
			p.left("spec.volumes", n)
		}
	}
	if len(v.volumes) > 0 {
		p.w.line("spec: volumes: [\n%s,\n]", strings.Join(v.volumes, ",\n"))
	}
	if len(v.mounts) > 0 {
		p.w.line("container: volumeMounts: [\n%s,\n]", strings.Join(v.mounts, ",\n"))
	}
}

// mount writes a mount with its volume.
func (v *podVolumes) mount(m *yamltext.Node) {
	n := v.byName[v.w.Set.Show(m.Get("name").Value())]
	switch {
	case n == nil:
		v.left("container.volumeMounts", m)
		return
	case n.Get("hostPath") != nil && v.placed(path.Clean(m.Get("mountPath").Str())):
		v.used[n] = true
		return
	}
	if v.short(n, m) {
		v.used[n] = true
		return
	}
	at, ok := v.path(m.Get("mountPath"))
	if !ok || !only(m, "name", "mountPath", "readOnly", "recursiveReadOnly", "subPath", "mountPropagation") || !v.inSpec(n) {
		v.left("container.volumeMounts", m)
		return
	}
	parts := []string{"name: " + quote(v.names[n]), "mountPath: " + at}
	for _, field := range []string{"readOnly", "recursiveReadOnly", "subPath", "mountPropagation"} {
		if value := m.Get(field); !value.Is(yamltext.Null) {
			parts = append(parts, field+": "+v.cue("container.volumeMounts."+field, value))
		}
	}
	v.mounts = append(v.mounts, "{"+strings.Join(parts, ", ")+"}")
}

// shortMount reports whether pod.volumes has all fields of a volume and its mount.
func shortMount(n, m *yamltext.Node) bool {
	host := n.Get("hostPath")
	kinds := []string{"", "Directory", "DirectoryOrCreate", "File", "FileOrCreate"}
	return host != nil && only(m, "name", "mountPath", "readOnly") && only(host, "path", "type") &&
		(slices.Contains(kinds, host.Get("type").Str()) || !host.Get("type").Value().Known())
}

// short writes a volume under pod.volumes, with its mount. Each mount has its own there.
func (v *podVolumes) short(n, m *yamltext.Node) bool {
	host := n.Get("hostPath")
	from, ok := v.path(host.Get("path"))
	at, also := v.path(m.Get("mountPath"))
	if !ok || !also || !shortMount(n, m) {
		return false
	}
	lines := []string{"hostPath: " + from}
	if at != from {
		lines = append(lines, "mountPath: "+at)
	}
	if kind := host.Get("type"); kind.Value().Len() > 0 {
		lines = append(lines, "type: "+v.w.holes.expression(kind.Value()))
	}
	if ro := m.Get("readOnly"); !isOn(ro) {
		lines = append(lines, "readOnly: "+v.onOff(ro))
	}
	v.w.line("volumes: %s: {\n%s\n}", label(v.name(n)), strings.Join(lines, "\n"))
	return true
}

// inSpec writes a volume under pod.spec, once, and reports whether the vocabulary has it.
func (v *podVolumes) inSpec(n *yamltext.Node) bool {
	if v.names[n] != "" {
		return true
	}
	host, empty := n.Get("hostPath"), n.Get("emptyDir")
	var what string
	switch {
	case host != nil && only(n, "name", "hostPath") && only(host, "path", "type"):
		from, ok := v.path(host.Get("path"))
		if !ok {
			return false
		}
		what = "hostPath: {path: " + from
		if kind := host.Get("type"); kind.Value().Len() > 0 {
			what += ", type: " + v.w.holes.expression(kind.Value())
		}
		what += "}"
	case empty != nil && only(n, "name", "emptyDir") && only(empty, "medium", "sizeLimit"):
		what = "emptyDir: {"
		if medium := empty.Get("medium"); medium.Value().Len() > 0 {
			what += "medium: " + v.w.holes.expression(medium.Value()) + ", "
		}
		if limit := empty.Get("sizeLimit"); limit.Value().Len() > 0 {
			what += "sizeLimit: " + v.asText(limit)
		}
		what = strings.TrimSuffix(what, ", ") + "}"
	default:
		return false
	}
	v.used[n] = true
	v.names[n] = v.name(n)
	v.volumes = append(v.volumes, fmt.Sprintf("{name: %s, %s}", quote(v.names[n]), what))
	return true
}

// only reports whether a map has no other keys with values.
func only(n *yamltext.Node, keys ...string) bool {
	for key, value := range n.Each() {
		if !slices.Contains(keys, key.String()) && !value.Is(yamltext.Null) {
			return false
		}
	}
	return true
}

// path writes a path of a host; false if the vocabulary has no such path.
func (p *podWriter) path(n *yamltext.Node) (string, bool) {
	t := n.Value()
	if t.Known() {
		at := path.Clean(t.String())
		return quote(at), t.Len() > 0 && isPath(at)
	}
	if !isPath(t.String()) {
		return "", false
	}
	return p.w.holes.expression(t), true
}

// name returns a name for a volume that no other one has, and kcmgen's neither.
func (v *podVolumes) name(n *yamltext.Node) string {
	base := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(v.w.Set.Show(n.Get("name").Value())))
	base = strings.Trim(base[:min(len(base), 50)], "-")
	if base == "" {
		base = "volume"
	}
	if strings.HasPrefix(base, "kcmgen") { // its own are named so
		base = "host-" + base
	}
	name := base
	for i := 2; v.taken[name]; i++ {
		name = fmt.Sprintf("%s-%d", base, i)
	}
	v.taken[name] = true
	return name
}

// placed reports whether a mount holds files that kcmgen puts there, and nothing else that
// flags name.
func (p *podWriter) placed(at string) bool {
	m := p.w.model.Paths
	inside := func(file string) bool { return file == at || strings.HasPrefix(file, strings.TrimSuffix(at, "/")+"/") }
	found := false
	for _, n := range p.w.nodes {
		for _, v := range n.flags {
			if !strings.HasPrefix(v.String(), "/") || !inside(v.String()) {
				continue
			}
			if !slices.ContainsFunc(roleFlags, func(r roleFlag) bool { return m.Of(r.role) == v.String() }) {
				return false
			}
			found = true
		}
	}
	return found
}
