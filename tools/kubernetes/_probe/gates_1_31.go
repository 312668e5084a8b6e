//go:build kube1_31

package main

import (
	"k8s.io/apimachinery/pkg/util/version"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/featuregate"
	baseversion "k8s.io/component-base/version"
)

// firstEmulated is the oldest minor that any version emulates.
const firstEmulated = 31

// emulate adds the gates of emulated earlier minors, as this version has them: they may
// differ from those minors' own.
func emulate(gates []Gate) {
	own := int(version.MustParse(baseversion.Get().GitVersion).Minor())
	for minor := max(own-3, firstEmulated); minor < own; minor++ {
		then := gatesAt(func(g featuregate.MutableVersionedFeatureGate) error {
			return g.SetEmulationVersion(version.MajorMinor(1, uint(minor)))
		})
		for i := range gates {
			was := Emulated{Stage: "PRE-ALPHA"} // introduced later
			if spec, had := then[featuregate.Feature(gates[i].Name)]; had {
				was = Emulated{Default: spec.Default, Stage: stageOf(spec), Locked: spec.LockToDefault}
			}
			if was == (Emulated{gates[i].Default, gates[i].Stage, gates[i].Locked}) {
				continue
			}
			if gates[i].Emulated == nil {
				gates[i].Emulated = map[int]Emulated{}
			}
			gates[i].Emulated[minor] = was
		}
	}
	compatible(gates, own)
}

// compatible adds which defaults change with --min-compatibility-version, whose default
// is the minor before.
func compatible(gates []Gate, own int) {
	this := version.MajorMinor(1, uint(own))
	now := gatesAt(func(g featuregate.MutableVersionedFeatureGate) error {
		both, ok := g.(interface { // since v1.35
			SetEmulationVersionAndMinCompatibilityVersion(emulated, least *version.Version) error
		})
		if !ok {
			return nil
		}
		return both.SetEmulationVersionAndMinCompatibilityVersion(this, this)
	})
	for i := range gates {
		if spec, ok := now[featuregate.Feature(gates[i].Name)]; ok && spec.Default != gates[i].Default {
			gates[i].CompatibleFrom = own
		}
	}
}

// gatesAt returns the gates after a change of version.
func gatesAt(change func(featuregate.MutableVersionedFeatureGate) error) map[featuregate.Feature]featuregate.FeatureSpec {
	g := utilfeature.DefaultMutableFeatureGate.DeepCopy()
	if err := change(g); err != nil {
		fail(err)
	}
	return g.GetAll()
}
