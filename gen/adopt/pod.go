package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// writePod writes the fields of the pod.
func (w *writer) writePod() {
	r := w.nodes[0].Read
	w.line("\npod: {")
	defer w.line("}")
	if r.Pod == nil {
		w.line("hardening: \"none\"")
		if r.Image.Len() > 0 {
			w.line("image: %s", w.holes.expression(r.Image))
		}
		return
	}
	p := podWriter{w: w, pod: r.Pod, container: r.Container}
	if spec := r.Pod.Get("spec"); spec != nil {
		p.spec = spec
	} else {
		p.spec = r.Pod
	}
	w.out.Expected[0].Pod = p.plain(r.Pod).(map[string]any)
	p.metadata()
	p.image()
	p.specFields()
	p.resources()
	p.probes()
	p.volumes()
	p.fields("spec", p.spec, specFields, append(ownSpec, "containers", "volumes", "priorityClassName", "hostNetwork"))
	p.fields("container", p.container, containerFields, []string{"name", "image", "imagePullPolicy", "command", "args", "resources", "livenessProbe", "startupProbe", "volumeMounts"})
	p.wrapper()
	if !p.secure {
		w.line("hardening: \"none\" // as it was: \"strict\" adds a security context")
	}
}

// The fields that the vocabulary takes as they are.
var (
	specFields = strings.Fields(`securityContext tolerations priority preemptionPolicy terminationGracePeriodSeconds restartPolicy dnsPolicy dnsConfig
		hostAliases runtimeClassName automountServiceAccountToken enableServiceLinks os`)
	containerFields = strings.Fields(`workingDir env ports securityContext terminationMessagePath terminationMessagePolicy`)
	// ownSpec are fields that mean nothing in a static pod, or that the kubelet sets.
	ownSpec = []string{"nodeName", "schedulerName"}
)

type podWriter struct {
	w                    *writer
	pod, spec, container *yamltext.Node
	secure               bool
}

func (p *podWriter) left(path string, n *yamltext.Node) {
	p.w.out.Left = append(p.w.out.Left, fmt.Sprintf("%s: %s: %s", place(p.w.Set.Pos(n.At)), path, p.cue(n)))
}

func (p *podWriter) metadata() {
	meta := p.pod.Get("metadata")
	if meta == nil {
		return
	}
	for _, f := range meta.Pairs {
		switch name := f.Key.String(); name {
		case "name", "creationTimestamp":
			if s := f.Value.Str(); name == "name" && s != "kube-controller-manager" {
				p.w.out.Notes = append(p.w.out.Notes, fmt.Sprintf("the pod is named %s, and kcmgen names it kube-controller-manager", p.w.Set.Show(f.Value.Value())))
			}
		case "namespace":
			if s := f.Value.Str(); s != "kube-system" {
				p.w.line("namespace: %s", p.w.holes.expression(f.Value.Value()))
			}
		case "labels", "annotations":
			p.w.line("%s: %s", name, p.cue(f.Value))
		default:
			p.left("metadata."+name, f.Value)
		}
	}
	if meta.Get("namespace") == nil {
		p.w.line(`namespace: "default"`)
	}
	p.absent("labels", meta.Get("labels"), "component", "tier")
}

// absent takes away defaults of the vocabulary that a map doesn't have.
func (p *podWriter) absent(field string, have *yamltext.Node, names ...string) {
	for _, name := range names {
		if have.Get(name) == nil {
			p.w.line("%s: %s: null", field, label(name))
		}
	}
}

func (p *podWriter) image() {
	image := p.container.Get("image")
	if image == nil {
		return
	}
	p.w.line("image: %s // %s", p.w.holes.expression(image.Value()), place(p.w.Set.Pos(image.At)))
	switch policy := p.container.Get("imagePullPolicy"); {
	case policy != nil && policy.Str() != "IfNotPresent":
		p.w.line("imagePullPolicy: %s", p.w.holes.expression(policy.Value()))
	case policy == nil && latest(image.Str()):
		p.w.line(`imagePullPolicy: "Always" // what Kubernetes does with this tag`)
	}
}

// latest reports whether Kubernetes pulls an image each time: it has the tag latest, or none.
func latest(image string) bool {
	if strings.Contains(image, "@") {
		return false
	}
	_, tag, ok := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return !ok || tag == "latest"
}

func (p *podWriter) specFields() {
	switch class := p.spec.Get("priorityClassName"); {
	case class == nil:
		p.w.line("priorityClassName: null")
	case class.Str() != "system-node-critical":
		p.w.line("priorityClassName: %s", p.w.holes.expression(class.Value()))
	}
	if host := p.spec.Get("hostNetwork"); host == nil || host.Str() != "true" {
		p.w.line("hostNetwork: false")
	}
}

func (p *podWriter) resources() {
	requests := p.container.Get("resources", "requests")
	var lines []string
	for _, kind := range []string{"requests", "limits"} {
		n := p.container.Get("resources", kind)
		if n == nil {
			continue
		}
		for _, f := range n.Pairs {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", kind, label(f.Key.String()), p.w.holes.expression(f.Value.Value())))
		}
	}
	for _, name := range []string{"cpu", "memory"} {
		if requests.Get(name) == nil {
			lines = append(lines, fmt.Sprintf("requests: %s: null", name))
		}
	}
	if len(lines) > 0 {
		p.w.line("resources: {\n%s\n}", strings.Join(lines, "\n"))
	}
}

func (p *podWriter) probes() {
	for _, name := range []string{"livenessProbe", "startupProbe"} {
		n := p.container.Get(name)
		if n == nil {
			p.w.line("%s: null", name)
			continue
		}
		if get := n.Get("httpGet"); get == nil || get.Get("path").Str() != "/healthz" {
			p.left("container."+name, n)
			p.w.line("%s: null", name)
			continue
		}
		var lines []string
		for _, f := range []struct{ name, kubernetes string }{{"initialDelaySeconds", "0"}, {"periodSeconds", "10"}, {"timeoutSeconds", "1"}, {"failureThreshold", "3"}} {
			value := f.kubernetes
			if v := n.Get(f.name); v != nil {
				value = v.Str()
			}
			lines = append(lines, f.name+": "+value)
		}
		p.w.line("%s: {\n%s\n}", name, strings.Join(lines, "\n"))
	}
	for _, f := range p.container.Pairs {
		if name := f.Key.String(); name == "readinessProbe" || name == "lifecycle" || name == "envFrom" {
			p.left("container."+name, f.Value)
		}
	}
}

// volumes writes the volumes that hold more than the files that kcmgen puts there.
func (p *podWriter) volumes() {
	byName := map[string]*yamltext.Node{}
	for _, v := range p.spec.Get("volumes").List() {
		byName[v.Get("name").Str()] = v
	}
	for _, m := range p.container.Get("volumeMounts").List() {
		v := byName[m.Get("name").Str()]
		at := m.Get("mountPath").Str()
		host := v.Get("hostPath")
		if v == nil || host == nil || m.Get("subPath") != nil {
			if v != nil {
				p.left("spec.volumes", v)
			}
			continue
		}
		if p.placed(at) {
			continue
		}
		lines := []string{"hostPath: " + p.w.holes.expression(host.Get("path").Value())}
		if host.Get("path").Str() != at {
			lines = append(lines, "mountPath: "+p.w.holes.expression(m.Get("mountPath").Value()))
		}
		if kind := host.Get("type"); kind != nil {
			lines = append(lines, "type: "+p.w.holes.expression(kind.Value()))
		}
		if ro := m.Get("readOnly"); ro == nil || ro.Str() != "true" {
			lines = append(lines, "readOnly: false")
		}
		name := m.Get("name").Str()
		if strings.HasPrefix(name, "kcmgen") { // its own are named so
			name = "host-" + name
		}
		p.w.line("volumes: %s: {\n%s\n}", label(name), strings.Join(lines, "\n"))
	}
}

// placed reports whether a mount holds files that kcmgen puts there, and nothing else that
// flags name.
func (p *podWriter) placed(at string) bool {
	m := p.w.model.Paths
	inside := func(file string) bool { return file == at || strings.HasPrefix(file, strings.TrimSuffix(at, "/")+"/") }
	found := false
	for _, n := range p.w.nodes {
		for _, v := range n.flags {
			if !strings.HasPrefix(v.filled, "/") || !inside(v.filled) {
				continue
			}
			if !slices.ContainsFunc(roleFlags, func(r roleFlag) bool { return m.Of(r.role) == v.filled }) {
				return false
			}
			found = true
		}
	}
	return found
}

// fields writes fields that the vocabulary takes as they are, and lists the others.
func (p *podWriter) fields(at string, n *yamltext.Node, known, handled []string) {
	var lines []string
	for _, f := range n.Pairs {
		name := f.Key.String()
		switch {
		case slices.Contains(handled, name):
		case slices.Contains(known, name):
			if name == "securityContext" {
				p.secure = false
			}
			lines = append(lines, fmt.Sprintf("%s: %s", label(name), p.cue(f.Value)))
		case name == "readinessProbe" || name == "lifecycle" || name == "envFrom":
		default:
			p.left(at+"."+name, f.Value)
		}
	}
	if len(lines) > 0 {
		p.w.line("%s: {\n%s\n}", at, strings.Join(lines, "\n"))
	}
}

// wrapper writes the program that starts the program.
func (p *podWriter) wrapper() {
	words := p.container.Get("command").List()
	if len(words) == 0 {
		return
	}
	program := p.w.nodes[0].Read.Program
	if words[0].Value().At(0) == program.At(0) {
		return
	}
	for i, word := range words {
		if word.Value().At(0) == program.At(0) {
			var before []string
			for _, b := range words[:i] {
				before = append(before, p.w.holes.expression(b.Value()))
			}
			p.w.line("container: command: [%s]", strings.Join(before, ", "))
			return
		}
	}
	p.w.out.Notes = append(p.w.out.Notes, "a shell starts the program: its flags are written, the rest of its script isn't")
	for _, word := range words {
		if strings.Contains(word.Str(), " ") {
			p.left("container.command", word)
		}
	}
}

// cue writes a node in CUE.
func (p *podWriter) cue(n *yamltext.Node) string {
	if n == nil {
		return "null"
	}
	switch n.Kind {
	case yamltext.Map:
		var parts []string
		for _, f := range n.Pairs {
			parts = append(parts, label(f.Key.String())+": "+p.cue(f.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case yamltext.List:
		var parts []string
		for _, e := range n.Items {
			parts = append(parts, p.cue(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case yamltext.Scalar:
		if s := n.Str(); n.Tag == "bool" && (s == "true" || s == "false") || n.Tag == "int" && isNumber(s) {
			return s
		}
		return p.w.holes.expression(n.Value())
	}
	return "null"
}

// plain returns a node in the form of JSON, with samples.
func (p *podWriter) plain(n *yamltext.Node) any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case yamltext.Map:
		out := map[string]any{}
		for _, f := range n.Pairs {
			out[f.Key.String()] = p.plain(f.Value)
		}
		return out
	case yamltext.List:
		out := []any{}
		for _, e := range n.Items {
			out = append(out, p.plain(e))
		}
		return out
	case yamltext.Scalar:
		return p.w.holes.fill(n.Value(), nil)
	}
	return nil
}
