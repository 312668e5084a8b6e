package vet

import (
	"net/netip"
	"testing"
)

// comparedCases are about single settings of other components.
var comparedCases = map[string]peerCase{
	"services of the other family":   {func(_ *testing.T, w *peerWorld) { w.services6("fd00::/112") }, []string{"service-family-apiserver", "service-range-differs"}},
	"services of it in second place": {func(_ *testing.T, w *peerWorld) { w.services6("10.32.0.0/16,fd00::/112") }, []string{"service-range-differs"}},
	"an advertised address of the family": {func(_ *testing.T, w *peerWorld) {
		w.services6("fd00::/112")
		w.says(APIServerFile, advertise, say("fd00:1::11"))
	}, []string{"service-range-differs"}},
	"an advertised address of the other": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, advertise, say("fd00:1::11")) }, []string{"service-family-apiserver"}},
	"no reconciler of endpoints": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, advertise, say("fd00:1::11"))
		w.says(APIServerFile, reconciler, say("none"))
	}, nil},
	"a listener of the other family": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, "bind-address", say("fd00:1::11"))
	}, []string{"service-family-apiserver"}},
	"an address that isn't known": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, advertise, unsaid) }, nil},
	"nor its family": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, advertise, unsaid)
		w.c.Nodes[0].Addresses = append(w.c.Nodes[0].Addresses, netip.MustParseAddr("fd00:1::11"))
	}, []string{"service-family-apiserver not checked"}},
	"a gate against the apiserver's": {func(_ *testing.T, w *peerWorld) {
		set(w.c, featureGates, "AllAlpha=false,ClusterTrustBundle=false,ClusterTrustBundleProjection=false")
		w.says(APIServerFile, featureGates, say("ClusterTrustBundle=true,AllAlpha=false"))
	}, []string{"feature-gate-differs"}},
	"a gate that the apiserver says twice": {func(_ *testing.T, w *peerWorld) {
		set(w.c, featureGates, "AllAlpha=false")
		w.says(APIServerFile, featureGates, say("AllAlpha=true,AllAlpha=false"))
	}, nil},
	"a gate of one": {func(_ *testing.T, w *peerWorld) { w.says(APIServerFile, featureGates, say("AllAlpha=true")) }, nil},
	"plugins elsewhere": {func(_ *testing.T, w *peerWorld) {
		w.says(KubeletFile, pluginDir, say("/var/lib/kubelet/volumeplugins"))
	}, []string{"flex-directory-differs"}},
	"plugins at one place": {func(_ *testing.T, w *peerWorld) {
		w.says(KubeletFile, pluginDir, say("/opt/flex/"))
		set(w.c, flexDir, "/opt/flex")
	}, nil},
	"plugins that aren't known": {func(_ *testing.T, w *peerWorld) { w.says(KubeletFile, pluginDir, unsaid) }, []string{"flex-directory-differs not checked"}},
	"a cloud of the apiserver": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, cloudProvider, say("external"))
	}, nil},
	"another cloud of the apiserver": {func(_ *testing.T, w *peerWorld) {
		w.says(APIServerFile, cloudProvider, say("gce"))
	}, []string{"cloud-provider-differs"}},
}

// services6 gives the apiserver other service ranges than kube-controller-manager's.
func (w *peerWorld) services6(ranges string) {
	w.says(APIServerFile, serviceRange, say(ranges))
}
