//go:build kube1_29

package main

import (
	"sort"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func aliases() map[string]string { return app.ControllerAliases() }

// controllers returns all controllers. Since v1.29 all have descriptors, whatever their
// gates.
func controllers() []Controller {
	var out []Controller
	for name, d := range app.NewControllerDescriptors() {
		c := Controller{Name: name, Aliases: d.GetAliases(), OffByDefault: d.IsDisabledByDefault()}
		sort.Strings(c.Aliases)
		for _, g := range d.GetRequiredFeatureGates() {
			c.Gates = append(c.Gates, string(g))
		}
		if cloud, ok := any(d).(interface{ IsCloudProviderController() bool }); ok { // up to v1.36
			c.Cloud = cloud.IsCloudProviderController()
		}
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
