package render

import (
	"fmt"
	"maps"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/plan"
	"github.com/kcmgen/kcmgen/gen/policy"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	volume = "kcmgen"
	// generationAnnotation makes the kubelet notice a new generation whose keys are in
	// the image, where no volume changes.
	generationAnnotation = "kcmgen/generation"
)

// pod renders the static pod of a node.
func pod(c *spec.Cluster, h plan.Host, generation string) ([]byte, error) {
	p := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Name: spec.PodName, Namespace: c.Pod.Namespace, Labels: c.Pod.Labels, Annotations: annotations(c, h, generation),
		},
		Spec: corev1.PodSpec{
			PriorityClassName: c.Pod.PriorityClassName,
			HostNetwork:       c.Pod.HostNetwork,
		},
	}
	container, err := container(c, h)
	if err != nil {
		return nil, err
	}
	p.Spec.Volumes, container.VolumeMounts = volumes(c, h, generation)
	p.Spec.Containers = []corev1.Container{container}
	if p, err = withFields(p, c, h); err != nil {
		return nil, err
	}
	return encodePod(p)
}

// encodePod encodes a pod as YAML, without the fields that only a running pod has.
func encodePod(p *corev1.Pod) ([]byte, error) {
	m, err := object(p)
	if err != nil {
		return nil, err
	}
	delete(m, "status")
	if meta, ok := m["metadata"].(map[string]any); ok {
		delete(meta, "creationTimestamp")
	}
	data, err := encodeYAML(m)
	if err != nil {
		return nil, err
	}
	return append([]byte("# Written by kcmgen. Change the CUE, not this file.\n"), data...), nil
}

func annotations(c *spec.Cluster, h plan.Host, generation string) map[string]string {
	out := map[string]string{}
	for k, v := range c.Pod.Annotations {
		out[k] = v
	}
	if generation != "" && len(h.InImage) > 0 {
		out[generationAnnotation] = generation
	}
	return out
}

func container(c *spec.Cluster, h plan.Host) (corev1.Container, error) {
	ct := corev1.Container{
		Name: spec.PodName, Image: c.Pod.Image, ImagePullPolicy: corev1.PullPolicy(c.Pod.ImagePullPolicy),
		Command: []string{c.Paths.Binary},
	}
	for _, f := range h.Flags {
		// The kubelet reads $(NAME) as a variable and $$ as one $.
		ct.Command = append(ct.Command, strings.ReplaceAll(f.String(), "$", "$$"))
	}
	var err error
	if ct.Resources.Requests, err = quantities(c.Pod.Requests); err != nil {
		return ct, err
	}
	if ct.Resources.Limits, err = quantities(c.Pod.Limits); err != nil {
		return ct, err
	}
	if ct.LivenessProbe, err = probe(h.Flags, c.Pod.HostNetwork, c.Pod.Liveness); err != nil {
		return ct, err
	}
	if ct.StartupProbe, err = probe(h.Flags, c.Pod.HostNetwork, c.Pod.Startup); err != nil {
		return ct, err
	}
	return ct, nil
}

func quantities(m map[string]string) (corev1.ResourceList, error) {
	if len(m) == 0 {
		return nil, nil
	}
	out := corev1.ResourceList{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		q, err := resource.ParseQuantity(m[name])
		if err != nil {
			return nil, fmt.Errorf("resource %s: %w", name, err)
		}
		out[corev1.ResourceName(name)] = q
	}
	return out, nil
}

// probe returns a probe of /healthz on the secure port, or nil without that port.
func probe(fs spec.Flags, hostNetwork bool, p *spec.Probe) (*corev1.Probe, error) {
	port, err := strconv.ParseInt(fs.Value("secure-port", flags.Default(flags.Newest(), "secure-port")), 10, 32)
	if err != nil {
		return nil, fmt.Errorf("--secure-port: %w", err)
	}
	if p == nil || port == 0 {
		return nil, nil
	}
	host := fs.Value("bind-address", flags.Default(flags.Newest(), "bind-address"))
	if !hostNetwork {
		host = "" // the pod's own address
	} else if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Host: host, Path: "/healthz", Port: intstr.FromInt32(int32(port)), Scheme: corev1.URISchemeHTTPS,
		}},
		InitialDelaySeconds: p.InitialDelaySeconds, PeriodSeconds: p.PeriodSeconds,
		TimeoutSeconds: p.TimeoutSeconds, FailureThreshold: p.FailureThreshold,
	}, nil
}

// volumes returns the volumes and mounts of a pod: those of the generation's directory,
// as a whole or file by file, then the user's. Without generations each file has its own
// volume.
func volumes(c *spec.Cluster, h plan.Host, generation string) ([]corev1.Volume, []corev1.VolumeMount) {
	var vs []corev1.Volume
	var ms []corev1.VolumeMount
	if c.Generations && len(h.Placed) > 0 {
		vs = append(vs, hostPath(volume, path.Join(c.Paths.Generations, generation), "Directory"))
		for _, m := range mounts(c, h, generation) {
			ms = append(ms, corev1.VolumeMount{Name: volume, MountPath: m.to, SubPath: m.name, ReadOnly: true})
		}
	}
	if !c.Generations {
		seen := map[string]bool{}
		for _, r := range h.Placed {
			at := c.Paths.Of(r)
			if seen[at] {
				continue
			}
			seen[at] = true
			name := volume + "-" + volumeName(r)
			vs = append(vs, hostPath(name, at, "File"))
			ms = append(ms, corev1.VolumeMount{Name: name, MountPath: at, ReadOnly: true})
		}
	}
	if dir, ok := policy.CertDirMade(c, h.Flags); ok {
		vs = append(vs, corev1.Volume{Name: volume + "-cert-dir", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		ms = append(ms, corev1.VolumeMount{Name: volume + "-cert-dir", MountPath: dir})
	}
	for _, v := range c.Pod.Volumes {
		vs = append(vs, hostPath(v.Name, v.HostPath, v.Type))
		ms = append(ms, corev1.VolumeMount{Name: v.Name, MountPath: v.MountPath, ReadOnly: v.ReadOnly})
	}
	return vs, ms
}

func hostPath(name, at, kind string) corev1.Volume {
	t := corev1.HostPathType(kind)
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: at, Type: &t}}}
}

// volumeName returns a role as a DNS label.
func volumeName(r spec.Role) string {
	return map[spec.Role]string{
		spec.CA: "ca", spec.CAKey: "ca-key", spec.FrontProxyCA: "front-proxy-ca", spec.KubeconfigFile: "kubeconfig",
		spec.ServiceAccountKey: "sa-key", spec.TLSCert: "tls-cert", spec.TLSKey: "tls-key",
	}[r]
}
