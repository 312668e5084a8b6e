package artefact

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestFieldErrors: an unknown field is found with its path, at any depth, and no message
// has a value.
func TestFieldErrors(t *testing.T) {
	const secret = "hunter2"
	list := func(v ...any) []any { return v }
	type m = map[string]any
	for name, tc := range map[string]struct {
		got  []FieldError
		want string // paths
	}{
		"nothing":           {SpecErrors(nil), ""},
		"known":             {SpecErrors(m{"tolerations": list(m{"key": "a"}), "priority": 7, "securityContext": nil}), ""},
		"unknown":           {SpecErrors(m{"tolerationz": list()}), "tolerationz"},
		"unknown in a list": {SpecErrors(m{"tolerations": list(m{"key": "a"}, m{"keyy": secret})}), "tolerations[1].keyy"},
		"of another case":   {SpecErrors(m{"Priority": 7}), "Priority"},
		"of another type":   {SpecErrors(m{"priority": secret}), "priority"},
		"a quantity":        {SpecErrors(m{"volumes": list(m{"name": "a", "emptyDir": m{"sizeLimit": secret}})}), ""},
		"two":               {ContainerErrors(m{"comand": list(), "env": list(m{"nam": secret})}), "comand env[0].nam"},
		"a container's":     {ContainerErrors(m{"env": list(m{"name": "A", "value": secret}), "command": list("a")}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var paths []string
			for _, e := range tc.got {
				paths = append(paths, e.Path)
				if strings.Contains(e.Message, secret) || e.Message == "" {
					t.Errorf("message %q", e.Message)
				}
			}
			slices.Sort(paths)
			if got := strings.Join(paths, " "); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if name == "a quantity" && len(tc.got) != 1 {
				t.Errorf("%v", tc.got)
			}
		})
	}
}

// TestPodCommand: the words before the program may be anything; a variable after it is an
// error.
func TestPodCommand(t *testing.T) {
	for name, tc := range map[string]struct {
		command, args []string
		want          string
	}{
		"the program":           {[]string{"/kcm", "--v=2"}, nil, "/kcm --v=2"},
		"a starter":             {[]string{"/run", "--log=$(A)"}, []string{"/kcm", "--v=2"}, "/kcm --v=2"},
		"a starter that has it": {[]string{"/run", "/kcm", "--", "/kcm"}, []string{"--v=$$"}, "/kcm --v=$"},
		"a variable":            {[]string{"/run"}, []string{"/kcm", "--v=$(A)"}, ""},
		"another program":       {[]string{"/other"}, []string{"--v=2"}, "/other --v=2"},
	} {
		got, err := PodCommand(&corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Command: tc.command, Args: tc.args}}}}, "/kcm")
		if strings.Join(got, " ") != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s: %q %v, want %q", name, got, err, tc.want)
		}
	}
}
