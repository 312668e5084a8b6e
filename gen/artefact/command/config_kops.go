package command

import (
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/artefact/text"
	"github.com/kcmgen/kcmgen/gen/artefact/yamltext"
	"github.com/kcmgen/kcmgen/internal/lazy"
)

// kopsFlags are the flags of fields whose names aren't those of the flag in another case.
var kopsFlags = map[string]string{
	"logLevel": "v", "logFormat": "logging-format", "clusterCIDR": "cluster-cidr",
	"allocateNodeCIDRs": "allocate-node-cidrs", "nodeCIDRMaskSize": "node-cidr-mask-size",
	"nodeCIDRMaskSizeIPv6": "node-cidr-mask-size-ipv6", "cidrAllocatorType": "cidr-allocator-type",
	"rootCAFile": "root-ca-file", "terminatedPodGCThreshold": "terminated-pod-gc-threshold",
	"kubeAPIQPS": "kube-api-qps", "kubeAPIBurst": "kube-api-burst", "enableProfiling": "profiling",
	"concurrentHorizontalPodAustoscalerSyncs":        "concurrent-horizontal-pod-autoscaler-syncs",
	"leaderElectRenewDeadlineDuration":               "leader-elect-renew-deadline",
	"horizontalPodAutoscalerCPUInitializationPeriod": "horizontal-pod-autoscaler-cpu-initialization-period",
}

// kopsPlain are the fields whose flag is the name with dashes in it.
const kopsPlain = `
	master serviceAccountPrivateKeyFile cloudProvider clusterName configureCloudRoutes controllers
	attachDetachReconcileSyncPeriod disableAttachDetachReconcileSync nodeMonitorPeriod nodeMonitorGracePeriod
	podEvictionTimeout useServiceAccountCredentials horizontalPodAutoscalerSyncPeriod
	horizontalPodAutoscalerDownscaleDelay horizontalPodAutoscalerDownscaleStabilization
	horizontalPodAutoscalerUpscaleDelay horizontalPodAutoscalerInitialReadinessDelay
	horizontalPodAutoscalerCpuInitializationPeriod horizontalPodAutoscalerTolerance
	horizontalPodAutoscalerUseRestClients experimentalClusterSigningDuration clusterSigningDuration featureGates
	tlsCertFile tlsCipherSuites tlsMinVersion tlsPrivateKeyFile minResyncPeriod concurrentDeploymentSyncs
	concurrentEndpointSyncs concurrentNamespaceSyncs concurrentReplicasetSyncs concurrentServiceSyncs
	concurrentResourceQuotaSyncs concurrentServiceaccountTokenSyncs concurrentRcSyncs concurrentJobSyncs
	concurrentHorizontalPodAutoscalerSyncs authenticationKubeconfig authorizationKubeconfig
	authorizationAlwaysAllowPaths externalCloudVolumePlugin enableLeaderMigration endpointUpdatesBatchPeriod
	endpointSliceUpdatesBatchPeriod leaderElect leaderElectLeaseDuration leaderElectResourceLock
	leaderElectResourceName leaderElectResourceNamespace leaderElectRetryPeriod`

// kopsOther are the fields that make no flag.
const kopsOther = "image leaderElection cpuRequest cpuLimit memoryRequest memoryLimit"

func listed(words, word string) bool { return slices.Contains(strings.Fields(words), word) }

// fromKops reads a Cluster of kops.
func fromKops(set *text.Set, doc *yamltext.Node) []Command {
	spec := doc.Get("spec")
	if !isKind(doc, "kops.k8s.io", "Cluster") || !spec.Is(yamltext.Map) {
		return nil
	}
	m := newMaker(set, doc, Kops)
	m.c.Partial = true
	m.c.Version = spec.Get("kubernetesVersion").Value()
	kcm := spec.Get("kubeControllerManager")
	if kcm.IsHole() {
		m.unknown(kcm.Text)
	}
	m.c.Image = kcm.Get("image").Value()
	m.kops(kcm)
	m.kops(kcm.Get("leaderElection"))
	value := func(field string) text.Text {
		return first(spec.Get(field).Value(), spec.Get("networking", field).Value())
	}
	m.c.Pods = first(kcm.Get("clusterCIDR").Value(), value("podCIDR"), value("nonMasqueradeCIDR"))
	m.c.Services = value("serviceClusterIPRange")
	sortArgs(m.c.Args)
	return m.done()
}

// kops adds the fields of kubeControllerManager.
func (m *maker) kops(n *yamltext.Node) {
	for field, value := range n.Each() {
		flag := kopsFlag(field.String())
		switch {
		case field.IsHole():
			m.unknown(field)
		case listed(kopsOther, field.String()):
		case flag == "":
			m.note(field.At(0), "kops has no field kubeControllerManager.%s, as far as is known here", field)
		default:
			m.field(field, flag, value)
		}
	}
}

var capital = lazy.Regexp(`[A-Z]`)

func kopsFlag(field string) string {
	if listed(kopsPlain, field) {
		return strings.ToLower(capital().ReplaceAllString(field, "-$0"))
	}
	return kopsFlags[field]
}

// field adds a typed field. What it has no value for makes no flag.
func (m *maker) field(field text.Text, flag string, value *yamltext.Node) {
	v := joined(value)
	if value.Is(yamltext.Map) {
		v = pairs(value)
	}
	if v.Len() == 0 {
		return
	}
	m.add(text.Literal(flag, field.At(0)), v)
}
