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

// ImageTag returns the tag of kube-controller-manager's image in a pod's manifest; "" if
// data is no such manifest, or if the image has no tag.
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
	for i, a := range args {
		if strings.Contains(strings.ReplaceAll(a, "$$", ""), "$(") {
			return nil, fmt.Errorf("argument %q has a variable", a)
		}
		args[i] = strings.ReplaceAll(a, "$$", "$")
	}
	return args, nil
}
