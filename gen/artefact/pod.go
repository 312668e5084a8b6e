package artefact

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// ParsePod parses a static pod's manifest. It returns an error for unknown fields.
func ParsePod(data []byte) (*corev1.Pod, error) {
	p := &corev1.Pod{}
	if err := yaml.UnmarshalStrict(data, p); err != nil {
		return nil, fmt.Errorf("reading pod: %w", err)
	}
	if p.Kind != "Pod" || p.APIVersion != "v1" {
		return nil, fmt.Errorf("reading pod: it is %s %s, not v1 Pod", p.APIVersion, p.Kind)
	}
	return p, nil
}

// program is the base name of the program whose arguments are wanted.
const program = "kube-controller-manager"

// HostPod is what a static pod's manifest says about kube-controller-manager.
type HostPod struct {
	Name, Namespace string
	// Argv are the arguments of the container that starts it, as the kubelet passes them.
	Argv []string
	// ArgvErr is why Argv isn't known.
	ArgvErr     error
	Image       string
	HostNetwork bool
	// Mounts are the container's mounts of the host's files.
	Mounts []Mount
	// Runs: the container starts kube-controller-manager.
	Runs bool
	env  map[string]string
}

// ChangedEnv returns the names of variables that another pod has, too, with another value.
func (p *HostPod) ChangedEnv(other *HostPod) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		if value, ok := other.env[name]; ok && value != p.env[name] {
			out = append(out, name)
		}
	}
	return out
}

// Mount is a path in a container, and the host's path that is seen there.
type Mount struct{ To, From string }

// Host returns the host's path of a path in the container. false: it is the image's.
func (p *HostPod) Host(at string) (string, bool) {
	longest := Mount{}
	for _, m := range p.Mounts {
		if (at == m.To || strings.HasPrefix(at, strings.TrimSuffix(m.To, "/")+"/")) && len(m.To) > len(longest.To) {
			longest = m
		}
	}
	return longest.From + strings.TrimPrefix(at, longest.To), longest.To != ""
}

// ParseHostPod parses a manifest of any version of Kubernetes, as a host has it: the
// kubelet ignores unknown fields, too.
func ParseHostPod(data []byte) (*HostPod, error) {
	p := &corev1.Pod{}
	if err := yaml.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("reading pod: %w", err)
	}
	if p.Kind != "Pod" {
		return nil, fmt.Errorf("reading pod: it is a %q, not a Pod", p.Kind)
	}
	out := &HostPod{Name: p.Name, Namespace: cmp.Or(p.Namespace, "default"), HostNetwork: p.Spec.HostNetwork}
	at := programAt(p)
	if at < 0 {
		return out, nil
	}
	c := p.Spec.Containers[at]
	words := slices.Concat(c.Command, c.Args)
	out.Image, out.Runs = c.Image, slices.ContainsFunc(words, func(w string) bool { return path.Base(w) == program })
	out.Argv, out.ArgvErr = expanded(words)
	out.env = map[string]string{}
	for _, e := range c.Env {
		out.env[e.Name] = e.Value
	}
	from := map[string]string{}
	for _, v := range p.Spec.Volumes {
		if v.HostPath != nil {
			from[v.Name] = v.HostPath.Path
		}
	}
	for _, m := range c.VolumeMounts {
		if at := from[m.Name]; at != "" {
			out.Mounts = append(out.Mounts, Mount{path.Clean(m.MountPath), path.Join(at, m.SubPath)})
		}
	}
	return out, nil
}

// PodLines returns a manifest as YAML, a line for each setting, without its command line and
// with "…" in place of what may be a password: values of variables and of HTTP headers.
func PodLines(data []byte) ([]string, error) {
	var m map[string]any
	if err := yaml.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("reading pod: %w", err)
	}
	hideValues(m, false)
	text, err := yaml.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		out = append(out, strings.TrimSpace(line))
	}
	return out, nil
}

// hideValues hides the values in lists of variables and headers, and leaves out command lines.
func hideValues(in any, secret bool) {
	switch v := in.(type) {
	case map[string]any:
		for key, value := range v {
			switch {
			case secret && key == "value":
				v[key] = "…"
			case key == "command" || key == "args":
				delete(v, key)
			default:
				hideValues(value, key == "env" || key == "httpHeaders")
			}
		}
	case []any:
		for _, e := range v {
			hideValues(e, secret)
		}
	}
}

// programAt returns the index of the container that starts the program, or of the only
// container; else -1.
func programAt(p *corev1.Pod) int {
	cs := p.Spec.Containers
	at := slices.IndexFunc(cs, func(c corev1.Container) bool {
		return slices.ContainsFunc(slices.Concat(c.Command, c.Args), func(w string) bool { return path.Base(w) == program })
	})
	if at < 0 && len(cs) == 1 {
		return 0
	}
	return at
}

// PodArgs returns the command line of the pod's only container as the kubelet passes it,
// with $$ as $. It returns an error for a variable, whose value only the host knows.
func PodArgs(p *corev1.Pod) ([]string, error) { return PodCommand(p, "") }

// PodCommand is PodArgs without the words before the program: a program that starts it,
// which may have variables.
func PodCommand(p *corev1.Pod, program string) ([]string, error) {
	if len(p.Spec.Containers) != 1 {
		return nil, errors.New("a static pod of kube-controller-manager has one container")
	}
	c := p.Spec.Containers[0]
	args := slices.Concat(c.Command, c.Args)
	for i := len(args) - 1; i > 0; i-- { // no flag is like the program, but its starter's argument may be
		if args[i] == program {
			args = args[i:]
			break
		}
	}
	return expanded(args)
}

// expanded returns arguments as the kubelet passes them.
func expanded(args []string) ([]string, error) {
	for i, a := range args {
		if strings.Contains(strings.ReplaceAll(a, "$$", ""), "$(") {
			return nil, fmt.Errorf("argument %q has a variable", a)
		}
		args[i] = strings.ReplaceAll(a, "$$", "$")
	}
	return args, nil
}
