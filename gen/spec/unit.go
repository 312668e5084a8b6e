package spec

// Unit is the systemd unit's own directives, by section.
type Unit struct {
	Hardened               bool
	Unit, Service, Install []Directive // sorted by name; of one name, in their order
}

// Directive is one line of a unit, in systemd's syntax.
type Directive struct{ Name, Value string }

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

// Image says how the container image is built.
type Image struct {
	Base        string
	Directories []string
	Copy        []Role
}

// Copies reports whether the image holds the file of a role.
func (i *Image) Copies(r Role) bool {
	if i == nil {
		return false
	}
	for _, c := range i.Copy {
		if c == r {
			return true
		}
	}
	return false
}
