package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// podPlaces are the places of fields of a manifest that lie elsewhere in a cluster, by
// the place where a manifest has them.
var podPlaces = map[string]map[string]string{
	"pod.spec": {
		"hostNetwork": "pod: hostNetwork", "priorityClassName": "pod: priorityClassName", "containers": "pod: container",
	},
	"pod.container": {
		"image": "pod: image", "imagePullPolicy": "pod: imagePullPolicy", "resources": "pod: resources",
		"livenessProbe": "pod: livenessProbe", "startupProbe": "pod: startupProbe",
	},
	"pod.metadata": {
		"namespace": "pod: namespace", "labels": "pod: labels", "annotations": "pod: annotations",
	},
}

// podRefused are fields of a manifest that can't be set, and why.
var podRefused = map[string]string{
	"pod.spec.hostPID":             "the pod would see every process of the host",
	"pod.spec.hostIPC":             "the pod would see the memory of others",
	"pod.spec.initContainers":      "kcmgen's pod has one container",
	"pod.spec.ephemeralContainers": "kcmgen's pod has one container",
	"pod.spec.hostUsers":           "the pod's user owns its files on the host under the same number",
	"pod.spec.nodeName":            "the kubelet that reads the manifest is the node",
	"pod.spec.nodeSelector":        "the kubelet that reads the manifest is the node",
	"pod.spec.affinity":            "the kubelet that reads the manifest is the node",
	"pod.spec.serviceAccountName":  "a static pod can't refer to other objects",
	"pod.spec.imagePullSecrets":    "a static pod can't refer to other objects",
	"pod.container.envFrom":        "a static pod can't refer to other objects",
	"pod.container.name":           "kcmgen names the container",
	"pod.metadata.name":            "kcmgen names the pod",
}

// elsewhere explains a field of a pod's manifest that the schema has in another place, or
// that can't be set; ok is false if it is neither.
func (x *explainer) elsewhere(f finding.Finding, labels []string) (out finding.Finding, ok bool) {
	n := len(labels)
	if n < 2 || labels[0] != "pod" {
		return f, false
	}
	name := labels[n-1]
	if why, refused := podRefused[finding.Path(labels...)]; refused {
		f.Message = fmt.Sprintf("%s can't be set: %s", finding.Path(labels...), why)
		f.Expected = "no such field"
		return f, true
	}
	place := podPlaces[strings.Join(labels[:n-1], ".")][name]
	if n == 2 { // a field of the spec or the container, without it
		var all []string
		for _, part := range []string{"spec", "container"} {
			if slices.Contains(x.siblings([]string{"pod", part}), name) {
				all = append(all, fmt.Sprintf("pod: %s: %s", part, name))
			}
		}
		place = strings.Join(all, " or ")
	}
	if name == "metadata" && n == 2 {
		place = "pod: labels, pod: annotations or pod: namespace"
	}
	if place == "" {
		return f, false
	}
	f.Message = fmt.Sprintf("%s is said elsewhere", finding.Path(labels...))
	f.Expected = place
	return f, true
}
