package vet

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// podFieldFaults reports what the kubelet refuses in the user's fields of the pod, and
// what kcmgen must decide itself.
func (v *view) podFieldFaults() []fault {
	var out []fault
	for _, e := range v.facts.PodErrors {
		out = append(out, fault{field: e.Field, message: fmt.Sprintf("%s: %s", e.Field, e.Message), expected: "a field of a Pod, as in a manifest"})
	}
	for _, found := range [][]fault{v.volumeNames(), v.mountFaults(), v.wrapperFaults(), v.priorityFaults(), v.tolerationFaults(), v.envFaults(), v.portFaults()} {
		out = append(out, found...)
	}
	return out
}

// volumeNames reports volumes that have a name twice or one of kcmgen's, and those that
// are of no kind or of several.
func (v *view) volumeNames() []fault {
	var out []fault
	seen := map[string]string{}
	check := func(name, field string) {
		if name == "kcmgen" || strings.HasPrefix(name, "kcmgen-") || len(name) > 63 {
			out = append(out, fault{field: field, message: fmt.Sprintf("a volume can't be named %.80q", name), expected: "up to 63 characters, not beginning with kcmgen"})
		}
		if other, twice := seen[name]; twice {
			out = append(out, fault{field: field, also: []string{other}, message: fmt.Sprintf("two volumes are named %q", name), expected: "a name of its own"})
		}
		seen[name] = field
	}
	for _, vol := range v.Pod.Volumes {
		check(vol.Name, finding.Path("pod", "volumes", vol.Name))
	}
	for i, vol := range v.Pod.Added() {
		field := fmt.Sprintf("pod.spec.volumes[%d]", i)
		check(spec.Text(vol, "name"), field)
		if (vol["hostPath"] == nil) == (vol["emptyDir"] == nil) {
			out = append(out, fault{field: field, message: fmt.Sprintf("volume %q is of no kind, or of two", spec.Text(vol, "name")), expected: "hostPath or emptyDir"})
		}
	}
	return out
}

func (v *view) mountFaults() []fault {
	var out []fault
	for _, m := range v.Pod.Mounts() {
		if v.Pod.HasVolume(m.Volume) {
			continue
		}
		f := fault{field: m.Field + ".name", message: fmt.Sprintf("no volume is named %q", m.Volume), expected: "a volume of pod.spec.volumes or pod.volumes"}
		if m.Volume == "kcmgen" || strings.HasPrefix(m.Volume, "kcmgen-") {
			f.message = fmt.Sprintf("volume %q is kcmgen's, which mounts it where the flags look for its files", m.Volume)
			f.expected = "a volume of your own"
		}
		out = append(out, f)
	}
	return out
}

// wrapperFaults are about a program that starts kube-controller-manager.
func (v *view) wrapperFaults() []fault {
	command, args := v.Pod.Wrapper()
	all := slices.Concat(command, args)
	switch {
	case len(command) == 0 && len(args) > 0:
		return one(fault{
			field: "pod.container.args", message: "args without a command would be the arguments of whatever the image starts",
			expected: "flags of kube-controller-manager under flags", hint: "arguments of a program that starts it need that program: pod: container: command",
		})
	case len(command) == 0 || all[len(all)-1] == v.Paths.Binary:
		return nil
	}
	if last := all[len(all)-1]; path.Base(last) == spec.ProgramName {
		return one(fault{
			field: "pod.container.command", also: []string{"paths.binary"}, message: fmt.Sprintf("its last word is %s, and kcmgen adds %s after it", last, v.Paths.Binary),
			expected: "the words before the program", hint: fmt.Sprintf("if the image has the program there: paths: binary: %q", last),
		})
	}
	return nil
}

// priorities are the priorities of the classes that Kubernetes makes.
var priorities = map[string]int64{"system-node-critical": 2000001000, "system-cluster-critical": 2000000000}

func (v *view) priorityFaults() []fault {
	got, said := spec.Int(v.Pod.Spec, "priority")
	if want, known := priorities[v.Pod.PriorityClassName]; said && known && got != want {
		return one(fault{
			field: "pod.spec.priority", also: []string{"pod.priorityClassName"}, message: fmt.Sprintf("the priority is %d, and that of %s is %d", got, v.Pod.PriorityClassName, want),
			expected: fmt.Sprint(want), hint: "or no class: pod: priorityClassName: null",
		})
	}
	return nil
}

func (v *view) tolerationFaults() []fault {
	var out []fault
	for i, t := range spec.Objects(v.Pod.Spec, "tolerations") {
		f := fault{field: fmt.Sprintf("pod.spec.tolerations[%d]", i)}
		exists := spec.Text(t, "operator") == "Exists"
		switch {
		case exists && spec.Text(t, "value") != "":
			f.message, f.expected = "a toleration with operator Exists has a value", "no value, or operator Equal"
		case !exists && spec.Text(t, "key") == "":
			f.message, f.expected = "a toleration without a key tolerates everything, and needs operator Exists", `operator: "Exists", or a key`
		case t["tolerationSeconds"] != nil && spec.Text(t, "effect") != "NoExecute":
			f.message, f.expected = "tolerationSeconds has a meaning for NoExecute only", `effect: "NoExecute"`
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

// envFaults never has a value: it may be a password.
func (v *view) envFaults() []fault {
	var out []fault
	for i, e := range spec.Objects(v.Pod.Container, "env") {
		f := fault{field: fmt.Sprintf("pod.container.env[%d]", i), expected: "a value, or valueFrom with one source"}
		from, isFrom := e["valueFrom"].(map[string]any)
		switch {
		case isFrom && spec.Text(e, "value") != "":
			f.message = fmt.Sprintf("variable %s has a value and valueFrom", spec.Text(e, "name"))
		case isFrom && (from["fieldRef"] == nil) == (from["resourceFieldRef"] == nil):
			f.message = fmt.Sprintf("variable %s has no source, or two", spec.Text(e, "name"))
		default:
			continue
		}
		out = append(out, f)
	}
	return out
}

func (v *view) portFaults() []fault {
	var out []fault
	for i, p := range spec.Objects(v.Pod.Container, "ports") {
		port, _ := spec.Int(p, "containerPort")
		if host, said := spec.Int(p, "hostPort"); said && host != port && v.Pod.HostNetwork {
			out = append(out, fault{
				field: fmt.Sprintf("pod.container.ports[%d].hostPort", i), also: []string{"pod.hostNetwork"},
				message: fmt.Sprintf("with the host's network hostPort %d can't differ from containerPort %d", host, port), expected: "no hostPort",
			})
		}
	}
	return out
}

// unsafeText returns the paths of texts in a value of JSON that aren't plain text.
func unsafeText(at string, value any) []string {
	var out []string
	switch value := value.(type) {
	case string:
		if !spec.PlainText(value) {
			out = append(out, at)
		}
	case []any:
		for i, e := range value {
			out = append(out, unsafeText(fmt.Sprintf("%s[%d]", at, i), e)...)
		}
	case map[string]any:
		for name, e := range value {
			out = append(out, unsafeText(at+"."+name, e)...)
		}
		slices.SortFunc(out, cmp.Compare)
	}
	return out
}
