package vet

import (
	"fmt"
	"net/netip"
	"path"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	reconciler = "endpoint-reconciler-type"
	flexDir    = "flex-volume-plugin-dir"
	pluginDir  = "volumePluginDir"
)

// comparedRules compare single settings of kube-controller-manager with those of others.
var comparedRules = []Rule{
	{
		ID: "service-family-apiserver", Severity: isError, cluster: apiserverFamily,
		Doc: "the apiserver's first service range has the family of its advertise address",
	},
	{
		ID: "feature-gate-differs", Severity: isWarning, node: gateDiffers,
		Doc: "a feature gate that both --feature-gates and the apiserver's set has one value in both",
	},
	{
		ID: "flex-directory-differs", Severity: isWarning, node: flexDirectoryDiffers,
		Doc: "--flex-volume-plugin-dir is the kubelet's volumePluginDir",
	},
	{
		ID: "kubelet-serving-approval", Severity: isWarning, cluster: kubeletServingApproval,
		Doc: "where the kubelet asks for its serving certificate, something approves that: kube-controller-manager doesn't (waive it with the name of what does)",
	},
}

// apiserverFamily: the service "kubernetes" has the first address of the first range, and its
// endpoint is the advertise address (validatePublicIPServiceClusterIPRangeIPFamilies in
// cmd/kube-apiserver/app/options; in v1.24 pkg/controlplane/controller.go).
func apiserverFamily(v *view) []fault {
	services := v.APIServer.Flags[serviceRange].Value
	if services == "" && v.stated(serviceRange) {
		services = defaultServiceRange
	}
	ranges, ok := prefixes(services)
	if !ok || len(ranges) == 0 || v.APIServer.Flags[reconciler].Value == "none" {
		return nil // cidr-invalid
	}
	f := fault{field: finding.Path("apiserver", "flags", serviceRange), expected: "a first range of that family"}
	p := v.peer(APIServerFile)
	if p != nil {
		f.field, f.at = APIServerFile, p.said(serviceRange).At
	}
	a, from, unsure := v.advertised()
	switch {
	case unsure:
		return p.unchecked(APIServerFile, advertise, "the family of the first service range")
	case !a.IsValid() || a.Is4() == ranges[0].Addr().Is4():
		return nil
	}
	f.message = fmt.Sprintf("the apiserver's first service range is %s, and %s is %s: it exits", ranges[0], from, a)
	return one(f)
}

// advertised returns an address of the family that the apiserver advertises, and what it is.
// Without a flag the apiserver takes one of its host's, and its file is one of the nodes'.
// unsure: the nodes have addresses of both families.
func (v *view) advertised() (a netip.Addr, from string, unsure bool) {
	for _, name := range []string{advertise, "bind-address"} {
		given, err := netip.ParseAddr(v.APIServer.Flags[name].Value)
		if given = given.Unmap(); err == nil && !given.IsUnspecified() && !given.IsLoopback() {
			return given, "its --" + name, false
		}
		if p := v.peer(APIServerFile); p != nil && p.said(name).Unknown {
			break
		}
	}
	if v.peer(APIServerFile) == nil {
		return a, "", false
	}
	for _, n := range v.nodes {
		for _, b := range n.Addresses {
			if a.IsValid() && a.Is4() != b.Unmap().Is4() {
				return netip.Addr{}, "", true
			}
			a = b.Unmap()
		}
	}
	return a, "the address of its host", false
}

// gateDiffers: a gate that only one of both sets is left alone, because most gates matter to
// one program. coordinated-apiserver compares the one that needs both.
func gateDiffers(v *view, n *nodeView) []fault {
	theirs, err := v.minor.ParseGates(v.APIServer.Flags[featureGates].Value)
	if v.minor == nil || err != nil {
		return nil
	}
	field, also := finding.Path("apiserver", "flags", featureGates), finding.Pos{}
	if p := v.peer(APIServerFile); p != nil {
		field, also = APIServerFile, p.said(featureGates).At
	}
	return v.eachGate(n, func(s flags.GateSetting) *fault {
		of := func(o flags.GateSetting) bool { return o.Name == s.Name }
		i := slices.IndexFunc(theirs, of)
		if i < 0 || s.Name == coordinated {
			return nil
		}
		last := theirs[i]
		for _, o := range theirs {
			if of(o) {
				last = o
			}
		}
		if last.On == s.On {
			return nil
		}
		return &fault{
			also: []string{field}, at: also,
			message:  fmt.Sprintf("feature gate %s is %v, and %v in the apiserver", s.Name, s.On, last.On),
			expected: "one value in both: a controller would look for what the apiserver doesn't serve, or leave it undone",
		}
	})
}

func flexDirectoryDiffers(v *view, n *nodeView) []fault {
	p := v.peer(KubeletFile)
	ours := n.value(flexDir)
	if p == nil || ours == "" {
		return nil
	}
	s := p.said(pluginDir)
	field := v.flagField(n, flexDir)
	switch {
	case s.Unknown:
		return p.unchecked(field, pluginDir, "--"+flexDir)
	case s.Value == "" || path.Clean(s.Value) == path.Clean(ours):
		return nil
	}
	return one(fault{
		field: field, also: []string{KubeletFile}, at: s.At,
		message:  fmt.Sprintf("--%s is %s, and %s of the kubelet of %s is %s: drivers that attach volumes are not found", flexDir, ours, pluginDir, p.File, s.Value),
		expected: "one directory in both",
		hint:     "waive this if no FlexVolume driver is installed",
	})
}

// kubeletServingApproval: csrapproving approves kubelets' client certificates only
// (pkg/controller/certificates/approver).
func kubeletServingApproval(v *view) []fault {
	p := v.peer(KubeletFile)
	if p == nil || !(spec.Flag{Value: p.said(serverBootstrap).Value}).Bool() {
		return nil
	}
	return one(fault{
		field: KubeletFile, at: p.said(serverBootstrap).At,
		message:  fmt.Sprintf("%s of %s is true, and kube-controller-manager approves no request of kubernetes.io/kubelet-serving: something else has to", serverBootstrap, p.File),
		expected: "a controller that approves them, or kubectl certificate approve after each rotation",
	})
}

const serverBootstrap = "serverTLSBootstrap"
