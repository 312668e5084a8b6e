package artefact

import (
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// ParsePod reads a static pod's manifest, refusing fields the API doesn't have.
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

// PodArgs is the command line of the pod's only container, as the kubelet passes
// it: $$ is one $. A variable is an error: the host alone knows its value.
func PodArgs(p *corev1.Pod) ([]string, error) {
	if len(p.Spec.Containers) != 1 {
		return nil, errors.New("a static pod of kube-controller-manager has one container")
	}
	c := p.Spec.Containers[0]
	args := append(append([]string{}, c.Command...), c.Args...)
	for i, a := range args {
		if strings.Contains(strings.ReplaceAll(a, "$$", ""), "$(") {
			return nil, fmt.Errorf("argument %q has a variable", a)
		}
		args[i] = strings.ReplaceAll(a, "$$", "$")
	}
	return args, nil
}
