package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// withFields returns a pod with the security context of policy, and with the fields of
// the Kubernetes API that the user wrote. It returns an error for a field that the API
// doesn't have.
func withFields(p *corev1.Pod, c *spec.Cluster, h plan.Host) (*corev1.Pod, error) {
	pod, err := object(p)
	if err != nil {
		return nil, err
	}
	podSpec := pod["spec"].(map[string]any)
	container := podSpec["containers"].([]any)[0].(map[string]any)
	s := policy.PodSecurity(c, h.Flags)
	wrap(container, c)
	put(container, c.Pod.Container, s.Container, "volumeMounts", "command", "args")
	maps.Copy(podSpec, policy.PodFields(c))
	put(podSpec, c.Pod.Spec, s.Pod, "volumes")
	data, err := json.Marshal(pod)
	if err != nil {
		return nil, err
	}
	out := &corev1.Pod{}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(out); err != nil {
		return nil, fmt.Errorf("pod: %w", err)
	}
	return out, nil
}

// put merges the user's fields over those of an object, except fields that are in
// apart. Those of list are added to the object's own.
func put(to, fields, security map[string]any, list string, apart ...string) {
	over := maps.Clone(fields)
	for _, name := range append(apart, list, "securityContext") {
		delete(over, name)
	}
	all := policy.Merge(to, over)
	if more, _ := fields[list].([]any); len(more) > 0 {
		own, _ := all[list].([]any)
		all[list] = append(slices.Clip(own), more...)
	}
	if len(security) > 0 {
		all["securityContext"] = security
	}
	clear(to)
	maps.Copy(to, all)
}

// wrap lets the user's command start the program: it gets the program and its flags as
// its last arguments. The program may be the last word that the user wrote.
func wrap(container map[string]any, c *spec.Cluster) {
	command, args := c.Pod.Wrapper()
	if len(command) == 0 {
		return
	}
	own := container["command"].([]any)
	if words := slices.Concat(command, args); words[len(words)-1] == c.Paths.Binary {
		own = own[1:]
	}
	container["command"] = command
	container["args"] = slices.Concat(anys(args), own)
}

func anys(words []string) []any {
	out := make([]any, len(words))
	for i, w := range words {
		out[i] = w
	}
	return out
}

// object returns a value as an object of JSON. Numbers stay as they are.
func object(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var out map[string]any
	return out, dec.Decode(&out)
}
