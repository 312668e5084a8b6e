package spec

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Pod is the static pod.
type Pod struct {
	Namespace         string
	Labels            map[string]string
	Annotations       map[string]string
	Image             string
	ImagePullPolicy   string
	PriorityClassName string
	HostNetwork       bool
	Requests, Limits  map[string]string
	Liveness, Startup *Probe
	Hardened          bool
	Volumes           []Volume // sorted by name
	// Spec and Container are fields of the Kubernetes API as the user wrote them, in the
	// form of JSON: they are merged over kcmgen's own. nil takes a field away.
	Spec, Container map[string]any
}

// Probe is a probe of /healthz.
type Probe struct {
	InitialDelaySeconds int32 `json:"initialDelaySeconds"`
	PeriodSeconds       int32 `json:"periodSeconds"`
	TimeoutSeconds      int32 `json:"timeoutSeconds"`
	FailureThreshold    int32 `json:"failureThreshold"`
}

// Volume is a directory or file of the host that the user mounts in the pod.
type Volume struct {
	Name      string `json:"-"`
	HostPath  string `json:"hostPath"`
	MountPath string `json:"mountPath"`
	Type      string `json:"type"`
	ReadOnly  bool   `json:"readOnly"`
}

// Mount is a mount that the user adds to the pod's container.
type Mount struct {
	Path     string // in the container
	Volume   string // its name
	Host     string // the path on the host; "" if it isn't the host's
	File     bool   // a file, not a directory
	ReadOnly bool
	Field    string // where it is written
}

// Mounts returns the mounts that the user adds: those of volumes, and those of
// container.volumeMounts.
func (p *Pod) Mounts() []Mount {
	var out []Mount
	for _, v := range p.Volumes {
		out = append(out, Mount{
			Path: v.MountPath, Volume: v.Name, Host: v.HostPath, File: strings.HasPrefix(v.Type, "File"),
			ReadOnly: v.ReadOnly, Field: finding.Path("pod", "volumes", v.Name),
		})
	}
	for i, e := range Objects(p.Container, "volumeMounts") {
		m := Mount{
			Path: path.Clean(Text(e, "mountPath")), Volume: Text(e, "name"), ReadOnly: e["readOnly"] == true,
			Field: fmt.Sprintf("pod.container.volumeMounts[%d]", i),
		}
		m.Host, m.File = p.onHost(m.Volume)
		if sub := Text(e, "subPath"); sub != "" {
			m.File = false // which one isn't known
			if m.Host != "" {
				m.Host = path.Join(m.Host, sub)
			}
		}
		out = append(out, m)
	}
	return out
}

// onHost returns the path of a volume on the host, and whether it is a file.
func (p *Pod) onHost(name string) (at string, file bool) {
	for _, v := range p.Volumes {
		if v.Name == name {
			return v.HostPath, strings.HasPrefix(v.Type, "File")
		}
	}
	for _, v := range p.Added() {
		if host, ok := v["hostPath"].(map[string]any); ok && Text(v, "name") == name {
			return Text(host, "path"), strings.HasPrefix(Text(host, "type"), "File")
		}
	}
	return "", false
}

// HasVolume reports whether the user adds a volume of that name.
func (p *Pod) HasVolume(name string) bool {
	return slices.ContainsFunc(p.Volumes, func(v Volume) bool { return v.Name == name }) ||
		slices.ContainsFunc(p.Added(), func(v map[string]any) bool { return Text(v, "name") == name })
}

// Added returns the volumes of spec.volumes.
func (p *Pod) Added() []map[string]any { return Objects(p.Spec, "volumes") }

// Wrapper returns the command line that starts the program, if the user wrote one.
func (p *Pod) Wrapper() (command, args []string) {
	return texts(p.Container["command"]), texts(p.Container["args"])
}

// WorkingDir is the directory at which relative paths of the process begin.
func (p *Pod) WorkingDir() string {
	if dir := Text(p.Container, "workingDir"); dir != "" {
		return dir
	}
	return "/"
}

// Text returns a text of an object of JSON; "" if there is none.
func Text(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

// Int returns a whole number of an object of JSON.
func Int(m map[string]any, name string) (int64, bool) {
	n, ok := m[name].(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// Objects returns the objects in a list of an object of JSON.
func Objects(m map[string]any, name string) []map[string]any {
	all, _ := m[name].([]any)
	out := make([]map[string]any, len(all))
	for i, e := range all {
		out[i], _ = e.(map[string]any)
	}
	return out
}

func texts(v any) []string {
	all, _ := v.([]any)
	out := make([]string, len(all))
	for i, e := range all {
		out[i], _ = e.(string)
	}
	return out
}
