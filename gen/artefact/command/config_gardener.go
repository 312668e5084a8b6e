package command

import (
	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
)

const byGardener = "Gardener"

var (
	gardenerFlags = map[string]string{
		"nodeCIDRMaskSize": "node-cidr-mask-size", "nodeCIDRMaskSizeIPv6": "node-cidr-mask-size-ipv6",
		"podEvictionTimeout": "pod-eviction-timeout", "nodeMonitorGracePeriod": "node-monitor-grace-period",
		"featureGates": "feature-gates",
	}
	gardenerScaler = map[string]string{
		"cpuInitializationPeriod": "horizontal-pod-autoscaler-cpu-initialization-period",
		"downscaleStabilization":  "horizontal-pod-autoscaler-downscale-stabilization",
		"initialReadinessDelay":   "horizontal-pod-autoscaler-initial-readiness-delay",
		"syncPeriod":              "horizontal-pod-autoscaler-sync-period",
		"tolerance":               "horizontal-pod-autoscaler-tolerance",
	}
)

// fromGardener reads a Shoot.
func fromGardener(set *text.Set, doc *yamltext.Node) []Command {
	spec := doc.Get("spec")
	if !isKind(doc, "core.gardener.cloud", "Shoot") || !spec.Is(yamltext.Map) {
		return nil
	}
	m := newMaker(set, doc, Gardener)
	m.c.Partial = true
	m.c.Version = spec.Get("kubernetes", "version").Value()
	kcm := spec.Get("kubernetes", "kubeControllerManager")
	if kcm.IsHole() {
		m.unknown(kcm.Text)
	}
	m.gardener(kcm, gardenerFlags, "horizontalPodAutoscaler")
	m.gardener(kcm.Get("horizontalPodAutoscaler"), gardenerScaler, "")
	m.networks(spec.Get("networking", "pods").Value(), spec.Get("networking", "services").Value(), byGardener)
	sortArgs(m.c.Args)
	return m.done()
}

func (m *maker) gardener(n *yamltext.Node, flags map[string]string, other string) {
	for field, value := range n.Each() {
		switch flag := flags[field.String()]; {
		case field.IsHole():
			m.unknown(field)
		case flag != "":
			m.field(field, flag, value)
		case field.String() != other:
			m.note(field.At(0), "a Shoot's kubeControllerManager has no field %s, as far as is known here", field)
		}
	}
}
