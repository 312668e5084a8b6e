package roundtrip

import (
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/adopt"
	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/render"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const comparedPod = `apiVersion: v1
kind: Pod
metadata: {name: kube-controller-manager, namespace: kube-system}
spec:
  hostNetwork: true
  containers:
  - name: kube-controller-manager
    image: registry.k8s.io/kube-controller-manager:v1.34.2
    command: [/usr/local/bin/kube-controller-manager, --v=2]
    env: [{name: A, value: s3cr3t}]
    resources: {requests: {cpu: 200m}}
    volumeMounts: [{name: v, mountPath: /a, readOnly: true}]
  volumes: [{name: v, hostPath: {path: /x, type: ""}}]
`

// TestComparePod: a pod is compared with what is exported of it, and no difference is silent or
// has a password.
func TestComparePod(t *testing.T) {
	const program = "/usr/local/bin/kube-controller-manager"
	for name, tc := range map[string]struct {
		old, new string      // in the pod of the files
		start    adopt.Start // program if it is the zero value
		want     string      // the only difference; "" for none
	}{
		"equal":                     {},
		"a bare name":               {start: adopt.Start{Words: []string{"kube-controller-manager"}}},
		"a bare name of an image":   {"registry.k8s.io/kube-controller-manager:", "example.com/own:", adopt.Start{Words: []string{"kube-controller-manager"}}, "command: the program"},
		"another program":           {start: adopt.Start{Words: []string{"/opt/kube-controller-manager"}}, want: `command: the program "/opt/kube-controller-manager" is exported as "` + program},
		"a wrapper":                 {start: adopt.Start{Words: []string{"/go-runner", "--log-file=/x", program}}, want: "command: what starts the program"},
		"a shell":                   {start: adopt.Start{Other: "the shell's script"}, want: "command: the shell's script isn't exported"},
		"a quantity":                {old: "200m", new: "0.2"},
		"a text for a truth value":  {old: "hostNetwork: true", new: `hostNetwork: "true"`, want: `spec.hostNetwork: the text "true" is exported as true`},
		"a variable":                {old: "s3cr3t", new: "an0ther", want: "spec.containers.env[0].value: … is exported as another value"},
		"a variable that is gone":   {old: "env: [", new: "env: [{name: A, value: s3cr3t}, {name: A, value: s3cr3t}, ", want: "spec.containers.env["},
		"a sidecar":                 {old: "  volumes:", new: "  - {name: side}\n  volumes:", want: "spec.containers[side].name: side is exported as nothing"},
		"a volume":                  {old: "path: /x", new: "path: /y", want: "volume at /a: the host's /y, readOnly: true is exported as the host's /x, readOnly: true"},
		"a volume's type":           {old: `type: ""`, new: "type: File", want: "volume at /a: the host's /x (File), readOnly: true is exported as the host's /x"},
		"propagation":               {old: "readOnly: true", new: "readOnly: true, mountPropagation: HostToContainer", want: "volume at /a: the host's /x, mountPropagation: HostToContainer"},
		"a mount":                   {old: "volumeMounts: [", new: "volumeMounts: [{name: v, mountPath: /b}, ", want: "volume at /b: the host's /x isn't exported"},
		"no declared volume":        {old: "volumeMounts: [", new: "volumeMounts: [{name: w, mountPath: /b}, ", want: "volume at /b: a volume that isn't declared isn't exported"},
		"an unmounted volume":       {old: "volumes: [", new: "volumes: [{name: w, emptyDir: {}}, ", want: "a volume that isn't mounted: emptyDir isn't exported"},
		"mounts that aren't a list": {old: "volumeMounts: [{name: v, mountPath: /a, readOnly: true}]", new: "volumeMounts: {}", want: "volumeMounts is no list"},
		"a template":                {old: "apiVersion: v1\nkind: Pod\n", new: ""},
		"a lifecycle":               {old: "    env:", new: "    lifecycle: {postStart: {exec: {command: [s3cr3t]}}}\n    env:", want: "spec.containers.lifecycle.postStart.exec.command[0]: … is exported as nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(comparedPod, tc.old) {
				t.Fatalf("no %q", tc.old)
			}
			pod, err := artefact.PodMap([]byte(strings.Replace(comparedPod, tc.old, tc.new, 1)))
			if err != nil {
				t.Fatal(err)
			}
			want := adopt.Expected{Pod: pod, Start: tc.start}
			if tc.start.Words == nil && tc.start.Other == "" {
				want.Start.Words = []string{program}
			}
			c := &spec.Cluster{Paths: spec.Paths{Binary: program, Generations: "/etc/kubernetes/kcmgen"}}
			r := &Comparison{}
			if err := r.comparePod(c, want, render.Form{Text: []byte(comparedPod)}); err != nil {
				t.Fatal(err)
			}
			said := strings.Join(r.Differences, "\n")
			switch {
			case strings.Contains(said, "s3cr3t") || strings.Contains(said, "an0ther"):
				t.Errorf("a value is said: %s", said)
			case tc.want == "" && (said != "" || r.Fields.Equal != r.Fields.Of):
				t.Errorf("%d of %d are equal: %s", r.Fields.Equal, r.Fields.Of, said)
			case tc.want != "" && !slices.ContainsFunc(r.Differences, func(d string) bool { return strings.HasPrefix(d, tc.want) }):
				t.Errorf("%q, want %q", said, tc.want)
			}
		})
	}
}
