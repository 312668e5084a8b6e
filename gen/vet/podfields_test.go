package vet

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// podSpec and container give a pod fields of the Kubernetes API, from their JSON.
func podSpec(c *spec.Cluster, text string)   { pods(c); c.Pod.Spec = fields(text) }
func container(c *spec.Cluster, text string) { pods(c); c.Pod.Container = fields(text) }

func fields(text string) map[string]any {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

func inSpec(text string) func(*spec.Cluster) { return func(c *spec.Cluster) { podSpec(c, text) } }
func inContainer(text string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { container(c, text) }
}

var podFieldCases = map[string]testCase{
	// What the kubelet refuses.
	"a toleration of everything":  {inSpec(`{"tolerations": [{"operator": "Exists"}]}`), nil},
	"a toleration of nothing":     {inSpec(`{"tolerations": [{"effect": "NoExecute"}]}`), []string{"pod-invalid"}},
	"a toleration with a value":   {inSpec(`{"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}`), []string{"pod-invalid"}},
	"a toleration for a time":     {inSpec(`{"tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 5}]}`), []string{"pod-invalid"}},
	"a priority":                  {inSpec(`{"priority": 7}`), nil},
	"a priority of another class": {func(c *spec.Cluster) { podSpec(c, `{"priority": 7}`); c.Pod.PriorityClassName = "system-node-critical" }, []string{"pod-invalid"}},
	"the priority of the class": {func(c *spec.Cluster) {
		podSpec(c, `{"priority": 2000001000}`)
		c.Pod.PriorityClassName = "system-node-critical"
	}, nil},
	"a volume of two kinds":     {inSpec(`{"volumes": [{"name": "a", "hostPath": {"path": "/a"}, "emptyDir": {}}]}`), []string{"pod-invalid"}},
	"a volume of kcmgen's name": {inSpec(`{"volumes": [{"name": "kcmgen-ca", "emptyDir": {}}]}`), []string{"pod-invalid"}},
	"two volumes of one name": {func(c *spec.Cluster) {
		podSpec(c, `{"volumes": [{"name": "v", "emptyDir": {}}]}`)
		volume(c, "/v", true)
	}, []string{"pod-invalid"}},
	"a mount without a volume":   {inContainer(`{"volumeMounts": [{"name": "v", "mountPath": "/v"}]}`), []string{"pod-invalid"}},
	"a mount of kcmgen's volume": {inContainer(`{"volumeMounts": [{"name": "kcmgen", "mountPath": "/v"}]}`), []string{"pod-invalid"}},
	"a variable":                 {inContainer(`{"env": [{"name": "A", "value": "b"}, {"name": "B"}, {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]}`), nil},
	"a variable of two values":   {inContainer(`{"env": [{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]}`), []string{"pod-invalid"}},
	"a variable from nowhere":    {inContainer(`{"env": [{"name": "A", "valueFrom": {}}]}`), []string{"pod-invalid"}},
	"a port that maps another": {func(c *spec.Cluster) {
		container(c, `{"ports": [{"containerPort": 1, "hostPort": 2}]}`)
		c.Pod.HostNetwork = true
	}, []string{"pod-invalid"}},
	"root that must not be":           {inSpec(`{"securityContext": {"runAsUser": 0, "runAsNonRoot": true}}`), []string{"pod-invalid", "pod-root"}},
	"a container root that mustn't":   {inContainer(`{"securityContext": {"runAsUser": 0, "runAsNonRoot": true}}`), []string{"pod-invalid", "pod-root"}},
	"a privileged container":          {inContainer(`{"securityContext": {"privileged": true}}`), []string{"pod-invalid"}},
	"privileged, and nothing against": {inContainer(`{"securityContext": {"privileged": true, "allowPrivilegeEscalation": null}}`), nil},
	"control characters in a value":   {inContainer(`{"env": [{"name": "A", "value": "\u0007"}]}`), []string{"value-unsafe"}},

	// What starts the program.
	"a wrapper":                  {inContainer(`{"command": ["/go-runner", "--also-stdout"], "args": ["--log-file=/x"]}`), nil},
	"a wrapper with the program": {inContainer(`{"command": ["/go-runner", "/bin/kcm"]}`), nil},
	"a wrapper with another":     {inContainer(`{"command": ["/go-runner", "/usr/bin/kube-controller-manager"]}`), []string{"pod-invalid"}},
	"arguments of nothing":       {inContainer(`{"args": ["--v=4"]}`), []string{"pod-invalid"}},
	"a file in the working directory": {func(c *spec.Cluster) {
		container(c, `{"workingDir": "/w"}`)
		migrates(c, "lm.yaml")
		volume(c, "/w", true)
	}, []string{"pod-root"}},
	"a file in no working directory": {func(c *spec.Cluster) {
		container(c, `{"workingDir": "/w"}`)
		migrates(c, "lm.yaml")
		volume(c, "/v", true)
	}, []string{"path-hidden"}},
	"a directory written with its name": {func(c *spec.Cluster) {
		mounted(c, "/var/log", false)
		at(22, "logtostderr", "false", "log-file", "/var/log/kcm.log")(c)
	}, []string{"pod-root"}},

	// Volumes under their Kubernetes names hold what the flags name.
	"a mount with a file":            {func(c *spec.Cluster) { mounted(c, "/etc/kubernetes", true); migrates(c, lm) }, []string{"pod-root"}},
	"a mount without the file":       {func(c *spec.Cluster) { mounted(c, "/etc/k", true); migrates(c, lm) }, []string{"path-hidden"}},
	"a mount where kcmgen's file is": {func(c *spec.Cluster) { mounted(c, "/k/ca.crt", true) }, []string{"volume-collides"}},
	"a mount of kcmgen's directory":  {func(c *spec.Cluster) { mounted(c, "/k", true) }, []string{"pod-invalid"}},
	"the host's own directory":       {func(c *spec.Cluster) { mounted(c, "/k", true); c.Generations = false }, []string{"pod-root"}},
	"a directory of no file":         {func(c *spec.Cluster) { mounted(c, "/usr/share/ca-certificates", true) }, nil},
	"an empty directory to write to": {func(c *spec.Cluster) {
		podSpec(c, `{"volumes": [{"name": "v", "emptyDir": {}}]}`)
		container(c, `{"volumeMounts": [{"name": "v", "mountPath": "/v"}]}`)
		selfSigned(c, "/v/pki")
	}, []string{"pod-root"}},

	// Which user.
	"root":                {inSpec(`{"securityContext": {"runAsUser": 0}}`), []string{"pod-root"}},
	"the image's user":    {inSpec(`{"securityContext": {"runAsUser": null}}`), []string{"pod-root"}},
	"no security context": {inSpec(`{"securityContext": null}`), []string{"pod-root"}},
	"another user":        {inSpec(`{"securityContext": {"runAsUser": 1000}}`), nil},
	"another user that reads": {func(c *spec.Cluster) {
		podSpec(c, `{"securityContext": {"runAsUser": 1000}}`)
		migrates(c, lm)
		volume(c, lm, true)
	}, nil},
	"another user's keys in image":      {func(c *spec.Cluster) { image(c, spec.CAKey); podSpec(c, `{"securityContext": {"runAsUser": 1000}}`) }, []string{"image-keys", "path-unreadable"}},
	"a directory that may be another's": {func(c *spec.Cluster) { pods(c); volume(c, "/var/log", false) }, []string{"pod-root"}},
	"a root that can be written to": {func(c *spec.Cluster) {
		container(c, `{"securityContext": {"readOnlyRootFilesystem": false}}`)
		at(22, "logtostderr", "false", "log-file", "/kcm.log")(c)
	}, []string{"pod-root"}},
	"a port of root's": {func(c *spec.Cluster) { pods(c); c.Pod.HostNetwork = true; set(c, "secure-port", "443") }, []string{"port-privileged"}},
	"a port with a capability": {func(c *spec.Cluster) {
		container(c, `{"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}}`)
		c.Pod.HostNetwork = true
		set(c, "secure-port", "443")
	}, []string{"pod-root"}},
	"a port of root's, as another": {func(c *spec.Cluster) {
		podSpec(c, `{"securityContext": {"runAsUser": 1000}}`)
		c.Pod.HostNetwork = true
		set(c, "secure-port", "443")
	}, []string{"port-privileged"}},

	// A unit's directives that are taken away.
	"mounts that are taken away": {func(c *spec.Cluster) { c.Unit.Omitted.Service = []string{"BindReadOnlyPaths"} }, []string{"path-hidden"}},
	"an unknown line taken away": {func(c *spec.Cluster) { c.Unit.Omitted.Unit = []string{"Wantz"} }, []string{"directive-unknown"}},
	"a sandbox line taken away":  {func(c *spec.Cluster) { migrates(c, "/root/lm.yaml"); c.Unit.Omitted.Service = []string{"ProtectHome"} }, nil},
	"a writable path taken away": {func(c *spec.Cluster) {
		selfSigned(c, "/var/lib/kcm")
		c.Unit.Omitted.Service = []string{"ReadWritePaths"}
	}, []string{"path-read-only"}},
	"no restart that's taken away": {func(c *spec.Cluster) { c.Unit.Service, c.Unit.Omitted.Service = nil, []string{"Restart", "RestartSec"} }, []string{"restart-policy"}},
}

// mounted mounts a directory of the host under its Kubernetes names.
func mounted(c *spec.Cluster, at string, readOnly bool) {
	podSpec(c, `{"volumes": [{"name": "v", "hostPath": {"path": "`+at+`"}}]}`)
	container(c, `{"volumeMounts": [{"name": "v", "mountPath": "`+at+`"}]}`)
	if readOnly {
		c.Pod.Container["volumeMounts"].([]any)[0].(map[string]any)["readOnly"] = true
	}
}

// TestPodErrors: what the Kubernetes API refuses is a fault of its field.
func TestPodErrors(t *testing.T) {
	c := base()
	pods(c)
	c.Source["pod.spec.tolerations"] = finding.Pos{File: "c.cue", Line: 3, Col: 7}
	got := Check(c, Facts{PodErrors: []PodError{{Field: "pod.spec.tolerations[0].keyy", Message: "the Kubernetes API has no such field"}}})
	if len(got) != 1 || got[0].Rule != "pod-invalid" || got[0].Pos.Line != 3 {
		t.Fatalf("%+v", got)
	}
}

// TestEnvironmentStaysSecret: no finding has the value of a variable.
func TestEnvironmentStaysSecret(t *testing.T) {
	c := base()
	container(c, `{"env": [{"name": "A", "value": "hunter2", "valueFrom": {}}, {"name": "B", "value": "hunter2\u0007"}]}`)
	for _, f := range Check(c, Facts{}) {
		data, err := json.Marshal(f)
		if err != nil || strings.Contains(string(data), "hunter2") {
			t.Errorf("%s %v", data, err)
		}
	}
}
