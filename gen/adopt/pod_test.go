package adopt

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/artefact/command"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// writtenPod writes a cluster for a manifest.
func writtenPod(t *testing.T, manifests ...string) *Output {
	t.Helper()
	set := &text.Set{}
	var files []command.Input
	for i, m := range manifests {
		files = append(files, command.Input{Name: string(rune('a'+i)) + ".yaml", Data: []byte(m)})
	}
	read, err := command.Read(set, files, command.Options{Known: flags.Exists})
	if err != nil {
		t.Fatal(err)
	}
	version, err := spec.ParseVersion("v1.34.2")
	if err != nil {
		t.Fatal(err)
	}
	c := Cluster{Package: "clusters", Name: "c", Version: version, Set: set}
	for i, r := range read {
		c.Nodes = append(c.Nodes, Node{Name: string(rune('a' + i)), Address: netip.MustParseAddr("10.0.0.1"), Read: r})
	}
	out, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// manifest is a pod with fields of its spec and its container, each with its indentation.
func manifest(spec, container string) string {
	if !strings.HasPrefix(container, "    command:") && !strings.HasPrefix(container, "    args:") {
		container = "    command: [kube-controller-manager, --v=2]\n" + container
	}
	return "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-controller-manager, namespace: kube-system}\nspec:\n" + spec +
		"  containers:\n  - name: kube-controller-manager\n    image: registry.k8s.io/kube-controller-manager:v1.34.2\n" + container
}

// podCase is what is in what is written, and what isn't.
type podCase struct {
	manifest             string
	want, left, note, no string // lines, apart from blanks; no is in neither
}

func (c podCase) check(t *testing.T) {
	t.Helper()
	out := writtenPod(t, c.manifest)
	flat := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	body, _, _ := strings.Cut(string(out.Source), "// What the files say")
	for in, want := range map[string][2]string{
		"the cluster": {flat(body), c.want}, "what is left": {strings.Join(out.Left, "\n"), c.left}, "the notes": {strings.Join(out.Notes, "\n"), c.note},
	} {
		for line := range strings.Lines(want[1]) {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(want[0], line) {
				t.Errorf("%s: no %q in %s", in, line, want[0])
			}
		}
	}
	all := string(out.Source) + strings.Join(out.Left, "\n") + strings.Join(out.Notes, "\n")
	if c.no != "" && strings.Contains(all, c.no) {
		t.Errorf("%q is in %s", c.no, all)
	}
	if strings.ContainsAny(all, text.Reserved) {
		t.Errorf("the mark of a hole is in %s", all)
	}
}

// TestPodStart: what starts the program is kept or named.
func TestPodStart(t *testing.T) {
	for name, c := range map[string]podCase{
		"shell": {
			manifest: manifest("", `    command: ["/bin/sh", "-c", "kube-controller-manager --v=2 1>>/var/log/kcm.log 2>&1"]`),
			left:     `a shell starts the program: its flags are in the cluster, the rest of its script isn't, such as "1>>/var/log/kcm.log 2>&1"`,
			no:       "container: command:",
		},
		"script with a password": {
			manifest: manifest("", `    command: [sh, -c, "export A=hunter2; exec kube-controller-manager --v=2"]`),
			left:     "a shell starts the program", no: "hunter2",
		},
		"a script of one word": {
			manifest: manifest("", `    command: [/bin/sh, -ec, kube-controller-manager, --v=2]`),
			left:     "a shell starts the program", no: "container: command:",
		},
		"an option of a wrapper": {
			manifest: manifest("", `    command: [taskset, -c, "0", /usr/bin/kube-controller-manager, --v=2]`),
			want:     `container: command: ["taskset", "-c", "0"]`,
		},
		"words after the program": {
			manifest: manifest("", `    command: [start-stop-daemon, --exec, /usr/bin/kube-controller-manager, --, --v=2]`),
			left:     "what starts the program isn't kept, its flags are", no: "container: command:",
		},
		"hyperkube": {
			manifest: manifest("", `    command: [/hyperkube, controller-manager, --v=2]`),
			left:     `the program "/hyperkube controller-manager": /usr/local/bin/kube-controller-manager is exported in its place`,
		},
		"entrypoint": {
			manifest: manifest("", `    args: [--v=2]`),
			left:     "there is none, so the image says what starts",
		},
		"wrapper in command": {
			manifest: manifest("", "    command: [/go-runner, --log-file=/x, --]\n    args: [/usr/bin/kube-controller-manager, --v=2]"),
			want:     "container: command: [\"/go-runner\", \"--log-file=/x\", \"--\"]\nbinary: \"/usr/bin/kube-controller-manager\"", no: "shell",
		},
	} {
		t.Run(name, c.check)
	}
	out := writtenPod(t, manifest("", "    command: [/go-runner, --]\n    args: [/usr/bin/kube-controller-manager, --v=2]"))
	if got := strings.Join(out.Expected[0].Start.Words, " "); got != "/go-runner -- /usr/bin/kube-controller-manager" {
		t.Errorf("expected %q", got)
	}
}

// TestPodScalars: values have the types that the kubelet reads, and nothing in a file becomes
// CUE.
func TestPodScalars(t *testing.T) {
	probe := "    livenessProbe: {httpGet: {path: /healthz, port: 10257}, initialDelaySeconds: "
	for name, c := range map[string]podCase{
		"numbers": {
			manifest: manifest("  securityContext: {runAsUser: 0x3e8, fsGroup: 0644}\n  priority: 2_000\n  terminationGracePeriodSeconds: 30.0\n", ""),
			want:     "{runAsUser: 1000, fsGroup: 420}\npriority: 2000\nterminationGracePeriodSeconds: 30 ",
		},
		"truth values": {
			manifest: manifest("  automountServiceAccountToken: no\n  enableServiceLinks: False\n  hostNetwork: yes\n", "    env: [{name: A, value: 'no'}]"),
			want:     "automountServiceAccountToken: false\nenableServiceLinks: false\n{name: \"A\", value: \"no\"}", no: "hostNetwork: false",
		},
		"quantities": {
			manifest: manifest("", "    resources: {requests: {cpu: 0.20}, limits: {cpu: 1}}"),
			want:     "requests: cpu: \"0.2\"\nlimits: cpu: \"1\"",
		},
		"CUE in a probe": {
			manifest: manifest("", probe+`"10}, hostNetwork: true, x: {y: 1"}`),
			want:     "initialDelaySeconds: 0", left: `initialDelaySeconds: "10}, hostNetwork: true`,
		},
		"a hole in a probe":         {manifest: manifest("", probe+"{{ ids }}}"), want: "initialDelaySeconds: values.ids"},
		"a part of a probe":         {manifest: manifest("", probe+"'{{ ids }}0'}"), left: `initialDelaySeconds: "{{ ids }}0"`},
		"a hole in a label's key":   {manifest: strings.Replace(manifest("", ""), "{name:", `{labels: {"{{ lab }}": x, y: z}, name:`, 1), want: `labels: {y: "z"}`, left: `metadata.labels.{{ lab }}: "x"`},
		"a hole in a variable":      {manifest: manifest("", "    env: [{name: '{{ en }}', value: x}]"), left: "container.env: the variable {{ en }}"},
		"a hole in a resource":      {manifest: manifest("", "    resources: {limits: {'{{ r }}': 1}}"), left: "container.resources.limits.{{ r }}: 1"},
		"a hole in hostNetwork":     {manifest: manifest("  hostNetwork: {{ hn }}\n", ""), want: "hostNetwork: values.hn"},
		"a hole in a volume's name": {manifest: manifest("  volumes: [{name: 'v{{ n }}', hostPath: {path: /x}}]\n", "    volumeMounts: [{name: 'v{{ n }}', mountPath: /x}]"), want: `hostPath: "/x"`},
	} {
		t.Run(name, c.check)
	}
}

// TestPodVolumes: volumes are kept, each under a name of its own, or named.
func TestPodVolumes(t *testing.T) {
	volume := func(volumes, mounts string) string {
		return manifest("  volumes: ["+volumes+"]\n", "    volumeMounts: ["+mounts+"]")
	}
	const pol = "{name: pol, hostPath: {path: /etc/policy}}"
	for name, c := range map[string]podCase{
		"twice":       {manifest: volume(pol, "{name: pol, mountPath: /a}, {name: pol, mountPath: /b}"), want: "volumes: pol: {\nvolumes: \"pol-2\": {"},
		"propagation": {manifest: volume(pol, "{name: pol, mountPath: /a, readOnly: true, mountPropagation: HostToContainer, recursiveReadOnly: IfPossible}"), want: `spec: volumes: [ {name: "pol", hostPath: {path: "/etc/policy"}}, ]` + "\n" + `{name: "pol", mountPath: "/a", readOnly: true, recursiveReadOnly: "IfPossible", mountPropagation: "HostToContainer"}`},
		"empty":       {manifest: volume("{name: ed, emptyDir: {}}", "{name: ed, mountPath: /tmp}"), want: `{name: "ed", emptyDir: {}}`},
		"unmounted":   {manifest: volume("{name: u, hostPath: {path: /u, type: DirectoryOrCreate}}", ""), want: `{name: "u", hostPath: {path: "/u", type: "DirectoryOrCreate"}}`},
		"undeclared":  {manifest: volume("", "{name: missing, mountPath: /a}"), left: `container.volumeMounts: {name: "missing", mountPath: "/a"}`},
		"projected":   {manifest: volume("{name: p, projected: {sources: []}}", "{name: p, mountPath: /a}"), left: "spec.volumes: {name: \"p\"\ncontainer.volumeMounts: {name: \"p\""},
		"a slash":     {manifest: volume("{name: v, hostPath: {path: /etc/ssl/certs/}}", "{name: v, mountPath: /etc/ssl/certs/}"), want: `hostPath: "/etc/ssl/certs"`},
	} {
		t.Run(name, c.check)
	}
}

// TestPodLeft: what isn't kept is named, without what may be a password.
func TestPodLeft(t *testing.T) {
	for name, c := range map[string]podCase{
		"a sidecar": {
			manifest: strings.Replace(manifest("", ""), "  containers:\n", "  containers:\n  - {name: side, image: pause, command: [/pause, s3cr3t], env: [{name: A, value: s3cr3t}]}\n", 1),
			left:     "spec.containers: the container side: {", no: "s3cr3t",
		},
		"headers":         {manifest: manifest("", "    livenessProbe: {httpGet: {path: /livez, port: 1, httpHeaders: [{name: Authorization, value: Bearer s3cr3t}]}}"), left: `httpHeaders: [{name: "Authorization", value: …}]`, no: "s3cr3t"},
		"a kept probe's":  {manifest: manifest("", "    startupProbe: {httpGet: {path: /healthz, port: 1, httpHeaders: [{name: Authorization, value: Bearer s3cr3t}]}}"), left: "container.startupProbe.httpGet.httpHeaders: [", no: "s3cr3t"},
		"lifecycle":       {manifest: manifest("", "    lifecycle: {postStart: {exec: {command: [curl, s3cr3t]}}}"), left: "container.lifecycle: {postStart: {exec: {command: …}}}", no: "s3cr3t"},
		"init containers": {manifest: manifest("  initContainers: [{name: i, env: [{name: TOKEN, value: s3cr3t}]}]\n", ""), left: `spec.initContainers: [{name: "i", env: [{name: "TOKEN", value: …}]}]`, no: "s3cr3t"},
		"a reference":     {manifest: manifest("", "    env: [{name: P, valueFrom: {secretKeyRef: {name: a, key: b}}}]"), left: "container.env: the variable P: ", no: "env: ["},
		"a secret": {
			manifest: manifest("", "    env: [{name: API_TOKEN, value: x}, {name: LANG, value: C}]"),
			want:     `{name: "API_TOKEN", value: "x"}, // looks like a secret, and cluster.cue is meant for git {name: "LANG", value: "C"},`,
			note:     "the variable API_TOKEN looks like a secret, and cluster.cue is meant for git",
		},
		"a Deployment": {
			manifest: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kcm, namespace: ns, labels: {a: b}}\nspec:\n  replicas: 3\n  strategy: {type: Recreate}\n  template:\n    spec:\n      containers:\n      - name: kube-controller-manager\n        command: [kube-controller-manager, --v=2]\n",
			want:     `namespace: "ns"`, left: "the Deployment's spec.replicas: 3\nthe Deployment's spec.strategy: {type: \"Recreate\"}\nthe Deployment's metadata.labels: {a: \"b\"}",
		},
	} {
		t.Run(name, c.check)
	}
}

// TestPodExpected: each node has a pod of its own, with types, and the program's container first.
func TestPodExpected(t *testing.T) {
	side := strings.Replace(manifest("  hostNetwork: yes\n", ""), "  containers:\n", "  containers:\n  - {name: side, image: pause}\n", 1)
	out := writtenPod(t, side, strings.Replace(side, ":v1.34.2", ":v1.33.9", 1))
	for i, image := range []string{"v1.34.2", "v1.33.9"} {
		podSpec := out.Expected[i].Pod["spec"].(map[string]any)
		first := podSpec["containers"].([]any)[0].(map[string]any)
		if got, _ := first["image"].(string); !strings.HasSuffix(got, image) {
			t.Errorf("node %d has image %s", i, got)
		}
		if podSpec["hostNetwork"] != true {
			t.Errorf("node %d has hostNetwork %v", i, podSpec["hostNetwork"])
		}
	}
}

// TestPodInjection: no text of a pod becomes a field, wherever it is.
func TestPodInjection(t *testing.T) {
	const evil = `"\n}, evil: 1, y: {\""`
	out := writtenPod(t, regexp.MustCompile(`\bE\b`).ReplaceAllLiteralString(`apiVersion: v1
kind: Pod
metadata: {name: E, namespace: E, labels: {E: E}, annotations: {E: E}, E: E}
spec:
  hostNetwork: E
  priority: E
  priorityClassName: E
  E: E
  containers:
  - name: E
    image: E
    imagePullPolicy: E
    command: [kube-controller-manager, --v=2]
    resources: {requests: {E: E}, limits: {E: E}, E: E}
    livenessProbe: {httpGet: {path: /healthz, port: E}, periodSeconds: E, failureThreshold: E, E: E}
    env: [{name: E, value: E}, {name: A, E: E}]
    volumeMounts: [{name: a, mountPath: E, readOnly: E}, {name: b, mountPath: /b, mountPropagation: E}, {name: c, mountPath: /c, readOnly: E}]
    E: E
  volumes: [{name: a, hostPath: {path: E, type: E}}, {name: b, emptyDir: {medium: E, sizeLimit: E}}, {name: c, hostPath: {path: /c, type: E}}]
`, evil))
	for line := range strings.Lines(string(out.Source)) {
		if strings.HasPrefix(strings.TrimSpace(line), "evil") || strings.HasPrefix(strings.TrimSpace(line), "}, evil") {
			t.Errorf("%s is in\n%s", line, out.Source)
		}
	}
}
