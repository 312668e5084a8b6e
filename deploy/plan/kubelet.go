package plan

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kcmgen/kcmgen/gen/artefact"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// Kubelet is a host's kubelet, and what decides which static pods it runs.
type Kubelet struct {
	PID     int    // 0: none runs
	Version string // as it prints it: "Kubernetes v1.37.1"
	Dir     string // its working directory
	Args    []string
	// Configs are its configuration files, in the order in which it reads them.
	Configs []Text
	// Runtime is the tool of its runtime, ctr or podman; "" if it isn't there.
	Runtime string
	// Silent is the runtime's socket, if nothing answers there.
	Silent string
	// ImageDigest is the digest of the image with the desired name, KeptDigest that of the
	// desired generation's image; "" if the runtime hasn't got it.
	ImageDigest, KeptDigest string
	// Manifests are the files beside the pod's own manifest that the kubelet reads.
	Manifests []Text
}

// Text is a file of a host, and its contents.
type Text struct {
	File string
	Data []byte
}

// static returns the kubelet's settings for static pods: flags count more than files, and of
// files the last one.
func (k *Kubelet) static() (artefact.KubeletConfig, error) {
	out := artefact.KubeletConfig{FileCheckFrequency: 20 * time.Second}
	for _, f := range k.Configs {
		c, err := artefact.ParseKubeletConfig(f.Data)
		if err != nil {
			return out, fmt.Errorf("%s: %w", f.File, err)
		}
		if c.StaticPodPath != "" {
			out.StaticPodPath = c.StaticPodPath
		}
		if c.PodLogsDir != "" {
			out.PodLogsDir = c.PodLogsDir
		}
		if c.FileCheckFrequency > 0 {
			out.FileCheckFrequency = c.FileCheckFrequency
		}
	}
	if at := k.flag("pod-manifest-path"); at != "" {
		out.StaticPodPath = at
	}
	if d, err := time.ParseDuration(k.flag("file-check-frequency")); err == nil {
		out.FileCheckFrequency = d
	}
	if at := out.StaticPodPath; at != "" && !path.IsAbs(at) {
		out.StaticPodPath = path.Join(k.Dir, at)
	}
	return out, nil
}

// flag returns the last value of a flag; "" if it isn't set.
func (k *Kubelet) flag(name string) string {
	value := ""
	for i, a := range k.Args {
		a, isFlag := strings.CutPrefix(a, "-")
		n, v, set := strings.Cut(strings.TrimPrefix(a, "-"), "=")
		switch {
		case !isFlag || n != name:
		case set:
			value = v
		case i+1 < len(k.Args):
			value = k.Args[i+1]
		}
	}
	return value
}

// unfitKubelet returns why the host's kubelet wouldn't run the pod, or would run it twice.
func (h *Host) unfitKubelet() []error {
	k := h.Snapshot.Kubelet
	if k == nil || !h.Unit.IsPod() || h.Desired.Generation == None {
		return nil
	}
	if k.PID == 0 {
		return []error{errors.New("no kubelet runs on it, and nothing else starts a static pod: systemctl start kubelet")}
	}
	var out []error
	dir := path.Dir(h.Unit.File)
	switch s, err := k.static(); {
	case err != nil:
		out = append(out, fmt.Errorf("which directory its kubelet watches isn't known: %w", err))
	case s.PodLogsDir != "" && path.Clean(s.PodLogsDir) != podLogs:
		out = append(out, fmt.Errorf("its kubelet keeps logs of pods in %s: what the pod does is read from %s", s.PodLogsDir, podLogs))
	case s.StaticPodPath == "":
		out = append(out, fmt.Errorf("its kubelet runs no static pods: set staticPodPath: %s in its configuration, and restart it", dir))
	case path.Clean(s.StaticPodPath) != dir:
		out = append(out, fmt.Errorf("its kubelet watches %s, and the pod's manifest would be in %s: change paths.manifest, or the kubelet's staticPodPath", s.StaticPodPath, dir))
	}
	if k.Silent != "" {
		out = append(out, fmt.Errorf("its runtime doesn't answer at %s: see why first, as by systemctl status containerd", k.Silent))
	}
	for _, f := range k.Manifests {
		p, err := artefact.ParseHostPod(f.Data)
		switch {
		case err != nil: // the kubelet doesn't run it either
		case p.Namespace+"/"+p.Name == h.Unit.Name:
			out = append(out, fmt.Errorf("%s has the same pod, %s, and the kubelet would run only one of them: move it to another directory", f.File, h.Unit.Name))
		case p.Runs:
			out = append(out, fmt.Errorf("%s starts a second %s here, as pod %s/%s: move it to another directory", f.File, spec.PodName, p.Namespace, p.Name))
		}
	}
	return out
}

// podLogs is the directory of the pods' logs, where the kubelet isn't told another one.
const podLogs = "/var/log/pods"

// noteKubelet returns a note about a kubelet whose version doesn't go with the cluster's; ""
// if it does.
func (h *Host) noteKubelet(cluster spec.Version) string {
	k := h.Snapshot.Kubelet
	if k == nil || k.PID == 0 {
		return ""
	}
	_, word, _ := strings.Cut(k.Version, "Kubernetes ")
	word, _, _ = strings.Cut(word, "+") // a vendor's suffix
	v, err := spec.ParseVersion(strings.TrimSpace(word))
	switch older := maxKubeletSkew(cluster); {
	case k.Version == "":
		return "its kubelet's version isn't known: it doesn't state it, or runs in a mount namespace of its own, where kcmgen doesn't run its program"
	case err != nil:
		return fmt.Sprintf("its kubelet calls itself %q; which version that is isn't known", k.Version)
	case v.Minor > cluster.Minor:
		return fmt.Sprintf("its kubelet is %s, newer than the cluster's %s: Kubernetes supports only older ones", v, cluster)
	case v.Minor < cluster.Minor-older:
		return fmt.Sprintf("its kubelet is %s, and Kubernetes supports it with v1.%d at most", v, v.Minor+older)
	}
	return ""
}

// maxKubeletSkew returns by how many minor versions a kubelet may be older than the
// apiserver. Source: https://kubernetes.io/releases/version-skew-policy/
func maxKubeletSkew(v spec.Version) int {
	if v.Minor >= 28 {
		return 3
	}
	return 2
}

// checkInterval returns how long a kubelet may take to notice a new manifest, over all hosts;
// 0 if no host's unit is a pod.
func (o *Observation) checkInterval() time.Duration {
	var out time.Duration
	for _, h := range slices.Concat(o.Hosts, o.Others) {
		k := &Kubelet{} // with the default
		switch {
		case h.Snapshot != nil && h.Snapshot.Kubelet != nil:
			k = h.Snapshot.Kubelet
		case h.Desired == nil || h.Desired.Pod == nil: // no rollback to a pod either
			continue
		}
		s, _ := k.static()
		out = max(out, s.FileCheckFrequency)
	}
	return min(out, time.Minute)
}
