package artefact

import (
	"errors"
	"fmt"
	"path"
	"slices"
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

// ImageTag is the tag of the image that a pod's file runs kube-controller-manager
// with; empty where the file is no such pod's, or the image has none.
func ImageTag(data []byte) string {
	if !podKind.Match(data) {
		return ""
	}
	p, err := ParsePod(data)
	if err != nil {
		return ""
	}
	at := programAt(p)
	if at < 0 {
		return ""
	}
	image, _, _ := strings.Cut(p.Spec.Containers[at].Image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return tag
}

// programAt is the container that starts the program, or the only one; else -1.
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
