package adopt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

// writePod writes the fields of the pod: those of the first node. What the other nodes have is
// for the comparison to find.
func (w *writer) writePod() {
	for i, n := range w.nodes {
		if p := w.podOf(n); p != nil {
			w.out.Expected[i].Pod = p.expected()
			p.expectStart(&w.out.Expected[i])
		}
	}
	w.line("\npod: {")
	defer w.line("}")
	p := w.podOf(w.nodes[0])
	if p == nil {
		w.line("hardening: \"none\"")
		if r := w.nodes[0].Read; r.Image.Len() > 0 {
			w.line("image: %s", w.holes.expression(r.Image))
		}
		return
	}
	p.metadata()
	p.workload()
	p.image()
	p.specFields()
	p.resources()
	p.probes()
	p.writeVolumes()
	p.others()
	p.fields("spec", p.spec, specFields, append(ownSpec, "containers", "volumes", "priorityClassName", "hostNetwork"))
	p.fields("container", p.container, containerFields, []string{"name", "image", "imagePullPolicy", "command", "args", "resources", "livenessProbe", "startupProbe", "volumeMounts", "env"})
	p.env()
	p.wrapper()
	w.line("hardening: \"none\" // as it was: \"strict\" adds a security context")
}

// The fields that the vocabulary takes as they are.
var (
	specFields = strings.Fields(`securityContext tolerations priority preemptionPolicy terminationGracePeriodSeconds restartPolicy dnsPolicy dnsConfig
		hostAliases runtimeClassName automountServiceAccountToken enableServiceLinks os`)
	containerFields = strings.Fields(`workingDir ports securityContext terminationMessagePath terminationMessagePolicy`)
	// ownSpec are fields that mean nothing in a static pod, or that the kubelet sets.
	ownSpec = []string{"nodeName", "schedulerName"}
)

type podWriter struct {
	w                    *writer
	node                 *node
	pod, spec, container *yamltext.Node
}

// podOf returns what writes a node's pod; nil if its files have none.
func (w *writer) podOf(n *node) *podWriter {
	r := n.Read
	if r.Pod == nil || r.Container == nil {
		return nil
	}
	p := &podWriter{w: w, node: n, pod: r.Pod, container: r.Container, spec: r.Pod}
	if spec := r.Pod.Get("spec"); spec != nil {
		p.spec = spec
	}
	return p
}

// expected returns the pod in the form of JSON. The program's container is the first one there,
// and a template has the namespace of its object.
func (p *podWriter) expected() map[string]any {
	out := p.plain(p.pod).(map[string]any)
	spec, ok := out["spec"].(map[string]any)
	if !ok {
		spec = out
		out = map[string]any{"spec": spec}
	}
	containers := []any{p.plain(p.container)}
	for _, c := range p.spec.Get("containers").List() {
		if c != p.container {
			containers = append(containers, p.plain(c))
		}
	}
	spec["containers"] = containers
	if ns := p.namespace(); ns != nil {
		meta, ok := out["metadata"].(map[string]any)
		if !ok {
			meta = map[string]any{}
			out["metadata"] = meta
		}
		meta["namespace"] = p.plain(ns)
	}
	return out
}

// namespace is the pod's; nil if its file doesn't say it.
func (p *podWriter) namespace() *yamltext.Node {
	if ns := p.pod.Get("metadata", "namespace"); ns.Value().Len() > 0 {
		return ns
	}
	if ns := p.node.Read.Workload.Get("metadata", "namespace"); ns.Value().Len() > 0 {
		return ns
	}
	return nil
}

func (p *podWriter) metadata() {
	switch ns := p.namespace(); {
	case ns == nil:
		p.w.line(`namespace: "default"`)
	case ns.Str() != "kube-system":
		p.w.line("namespace: %s", p.w.holes.expression(ns.Value()))
	}
	meta := p.pod.Get("metadata")
	for key, value := range meta.Each() {
		switch name := key.String(); name {
		case "creationTimestamp", "namespace":
		case "name":
			p.named("pod", value)
		case "labels", "annotations":
			if !value.Is(yamltext.Null) {
				p.w.line("%s: %s", name, p.cue("metadata."+name, value))
			}
		default:
			p.left("metadata."+p.w.Set.Show(key), value)
		}
	}
	p.named("container", p.container.Get("name"))
	p.absent("labels", meta.Get("labels"), "component", "tier")
}

// named notes a name that kcmgen replaces by its own.
func (p *podWriter) named(what string, n *yamltext.Node) {
	if s := n.Str(); s != "" && s != "kube-controller-manager" {
		p.w.out.Notes = append(p.w.out.Notes, fmt.Sprintf("the %s is named %s, and kcmgen names it kube-controller-manager", what, oneLine(p.w.Set.Show(n.Value()))))
	}
}

// workload notes what an object beside its template says: a static pod has nothing like it.
func (p *podWriter) workload() {
	object := p.node.Read.Workload
	kind := p.w.Set.Show(object.Get("kind").Value())
	for key, value := range object.Get("spec").Each() {
		if name := p.w.Set.Show(key); name != "selector" && !holds(value, p.pod) {
			p.left("the "+kind+"'s spec."+name, value)
		}
	}
	for key, value := range object.Get("metadata").Each() {
		if name := p.w.Set.Show(key); name != "name" && name != "namespace" && name != "creationTimestamp" {
			p.left("the "+kind+"'s metadata."+name, value)
		}
	}
}

// holds reports whether a node is within another one.
func holds(n, inner *yamltext.Node) bool {
	if n == nil || n == inner {
		return n == inner
	}
	for _, f := range n.Pairs {
		if holds(f.Value, inner) {
			return true
		}
	}
	return slices.ContainsFunc(n.Items, func(e *yamltext.Node) bool { return holds(e, inner) })
}

// others notes the containers beside the program's.
func (p *podWriter) others() {
	for _, c := range p.spec.Get("containers").List() {
		if c != p.container {
			p.left(fmt.Sprintf("spec.containers: the container %s", p.w.Set.Show(c.Get("name").Value())), c)
		}
	}
}

// absent takes away defaults of the vocabulary that a map doesn't have.
func (p *podWriter) absent(field string, have *yamltext.Node, names ...string) {
	for _, name := range names {
		if have.Get(name).Is(yamltext.Null) {
			p.w.line("%s: %s: null", field, label(name))
		}
	}
}

func (p *podWriter) image() {
	image := p.container.Get("image")
	if image == nil {
		return
	}
	p.w.line("image: %s // %s", p.w.holes.expression(image.Value()), oneLine(place(p.w.Set.Pos(image.At))))
	switch policy := p.container.Get("imagePullPolicy"); {
	case policy != nil && policy.Str() != "IfNotPresent":
		p.w.line("imagePullPolicy: %s", p.w.holes.expression(policy.Value()))
	case policy == nil && Latest(image.Str()):
		p.w.line(`imagePullPolicy: "Always" // what Kubernetes does with this tag`)
	}
}

// Latest reports whether Kubernetes pulls an image each time: it has the tag latest, or none.
func Latest(image string) bool {
	if strings.Contains(image, "@") {
		return false
	}
	_, tag, ok := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return !ok || tag == "latest"
}

func (p *podWriter) specFields() {
	switch class := p.spec.Get("priorityClassName"); {
	case class.Value().Len() == 0:
		p.w.line("priorityClassName: null")
	case class.Str() != "system-node-critical":
		p.w.line("priorityClassName: %s", p.w.holes.expression(class.Value()))
	}
	if host := p.spec.Get("hostNetwork"); !isOn(host) {
		p.w.line("hostNetwork: %s", p.onOff(host))
	}
}

func (p *podWriter) resources() {
	requests := p.container.Get("resources", "requests")
	var lines []string
	for kind, n := range p.container.Get("resources").Each() {
		if s := kind.String(); s != "requests" && s != "limits" {
			p.left("container.resources."+p.w.Set.Show(kind), n)
			continue
		}
		for key, value := range n.Each() {
			switch {
			case !key.Known():
				p.left("container.resources."+kind.String()+"."+p.w.Set.Show(key), value)
			case !value.Is(yamltext.Null):
				lines = append(lines, fmt.Sprintf("%s: %s: %s", kind, label(key.String()), p.asText(value)))
			}
		}
	}
	for _, name := range []string{"cpu", "memory"} {
		if requests.Get(name).Is(yamltext.Null) {
			lines = append(lines, fmt.Sprintf("requests: %s: null", name))
		}
	}
	if len(lines) > 0 {
		p.w.line("resources: {\n%s\n}", strings.Join(lines, "\n"))
	}
}

// fields writes fields that the vocabulary takes as they are, and lists the others.
func (p *podWriter) fields(at string, n *yamltext.Node, known, handled []string) {
	var lines []string
	for key, value := range n.Each() {
		switch name := key.String(); {
		case slices.Contains(handled, name) || value.Is(yamltext.Null):
		case slices.Contains(known, name):
			lines = append(lines, fmt.Sprintf("%s: %s", label(name), p.cue(at+"."+name, value)))
		default:
			p.left(at+"."+p.w.Set.Show(key), value)
		}
	}
	if len(lines) > 0 {
		p.w.line("%s: {\n%s\n}", at, strings.Join(lines, "\n"))
	}
}

// env writes the variables. What a static pod can't refer to, such as a secret, isn't written.
func (p *podWriter) env() {
	const warning = "looks like a secret, and cluster.cue is meant for git"
	var lines []string
	for _, e := range p.container.Get("env").List() {
		name, value, from := e.Get("name").Value(), e.Get("value"), e.Get("valueFrom")
		shown := oneLine(p.w.Set.Show(name))
		if !name.Known() || !only(e, "name", "value", "valueFrom") || !only(from, "fieldRef", "resourceFieldRef") {
			p.left("container.env: the variable "+shown, e)
			continue
		}
		line := p.cue("container.env", e) + ","
		if LooksSecret(shown) && value.Value().Len() > 0 && value.Value().Known() {
			line += " // " + warning
			p.w.out.Notes = append(p.w.out.Notes, fmt.Sprintf("%s: the variable %s %s", oneLine(place(p.w.Set.Pos(e.At))), shown, warning))
		}
		lines = append(lines, line)
	}
	if len(lines) > 0 {
		p.w.line("container: env: [\n%s\n]", strings.Join(lines, "\n"))
	}
}
