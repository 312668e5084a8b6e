//go:build go1.21 && !kube1_29

package main

import (
	"fmt"
	"sort"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/featuregate"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

// controllers returns all controllers. Before v1.29 a controller is registered only
// while its gates are on, so each gate is switched: a controller that appears or
// disappears with it needs it.
func controllers() []Controller {
	gates := utilfeature.DefaultMutableFeatureGate
	before, all := known(), known()
	var switched []string
	for name, spec := range gates.GetAll() {
		if !spec.LockToDefault && name != "AllAlpha" && name != "AllBeta" {
			switched = append(switched, string(name))
		}
	}
	sort.Strings(switched)
	defaults := map[string]bool{}
	for _, g := range switched {
		defaults[g] = gates.Enabled(featuregate.Feature(g))
		set(g, true)
	}
	for name := range known() {
		all[name] = true
	}
	needs := map[string][]string{}
	for _, g := range switched {
		set(g, false)
		now := known()
		for name := range all {
			if !now[name] {
				needs[name] = append(needs[name], g)
			}
		}
		set(g, true)
	}
	for _, g := range switched {
		set(g, defaults[g])
	}
	if now := known(); len(now) != len(before) {
		panic(fmt.Sprintf("%d controllers were known, and %d are after switching gates", len(before), len(now)))
	}
	return describe(all, needs)
}

func describe(all map[string]bool, needs map[string][]string) []Controller {
	off, byName := map[string]bool{}, map[string][]string{}
	for _, name := range offByDefault() {
		off[name] = true
	}
	for alias, name := range aliases() {
		byName[name] = append(byName[name], alias)
	}
	own := app.NewControllerInitializers(app.ExternalLoops)
	with := app.NewControllerInitializers(app.IncludeCloudLoops)
	var out []Controller
	for name := range all {
		c := Controller{
			Name: name, Aliases: byName[name], OffByDefault: off[name],
			Gates: needs[name], UnknownWhileOff: len(needs[name]) > 0,
		}
		sort.Strings(c.Aliases)
		_, inOwn := own[name]
		_, inAll := with[name]
		c.Cloud = inAll && !inOwn
		out = append(out, c)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func known() map[string]bool {
	out := map[string]bool{}
	for _, name := range app.KnownControllers() {
		out[name] = true
	}
	return out
}

func set(gate string, on bool) {
	if err := utilfeature.DefaultMutableFeatureGate.SetFromMap(map[string]bool{gate: on}); err != nil {
		panic(err)
	}
}
