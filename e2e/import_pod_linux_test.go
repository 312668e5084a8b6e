package e2e

import (
	"slices"
	"strings"
	"testing"
)

// managerPod is a manifest: its arguments, and what else it has apart from volumes.
type managerPod struct {
	args []string
	rest map[string]any
}

// podIn reads a manifest, without what only the API has and what kcmgen always replaces: the
// path of the program, and volumes, which the round trip compares by what is seen in them.
func podIn(t *testing.T, file string) *managerPod {
	t.Helper()
	out := &managerPod{}
	fromYAML(t, textOf(t, file), &out.rest)
	delete(out.rest, "status")
	delete(out.rest["metadata"].(map[string]any), "creationTimestamp")
	spec := out.rest["spec"].(map[string]any)
	delete(spec, "volumes")
	containers := spec["containers"].([]any)
	if len(containers) != 1 {
		t.Fatalf("%s has %d containers", file, len(containers))
	}
	c := containers[0].(map[string]any)
	for i, word := range c["command"].([]any) {
		if i > 0 {
			out.args = append(out.args, strings.ReplaceAll(word.(string), "$$", "$")) // as the kubelet does
		}
	}
	ports := map[any]any{}
	for _, p := range list(c["ports"]) {
		ports[p.(map[string]any)["name"]] = p.(map[string]any)["containerPort"]
	}
	for _, name := range []string{"livenessProbe", "startupProbe"} {
		get := c[name].(map[string]any)["httpGet"].(map[string]any)
		if number, ok := ports[get["port"]]; ok {
			get["port"] = number
		}
		// Without a host the kubelet asks the pod's address. On the host's network such a
		// process answers there as it does at the loopback address.
		if slices.Contains(out.args, "--bind-address=0.0.0.0") || slices.Contains(out.args, "--bind-address=::") {
			delete(get, "host")
		}
	}
	delete(c, "command")
	delete(c, "volumeMounts")
	return out
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}
