package flags

import (
	"cmp"
	"slices"
)

// Risk says how much harm a change can do to a running cluster.
type Risk string

// The risks.
const (
	LowRisk    Risk = "low"    // the cluster goes on as before
	MediumRisk Risk = "medium" // something works in another way, and can be changed back
	HighRisk   Risk = "high"   // it can lose pods, keys or data, lock others out or let them in
)

// level orders risks: a higher one is riskier. It is -1 for what is no risk.
func (r Risk) level() int { return slices.Index([]Risk{LowRisk, MediumRisk, HighRisk}, r) }

// Class is a kind of effect that a change has on a running cluster. Its ID stays: policies
// and acknowledgements name it.
type Class struct {
	ID    string `json:"id"`
	Title string `json:"title"` // what a change does, such as "changes when pods are evicted"
	// Risk is that of a change of which no more is known.
	Risk Risk `json:"risk"`
}

// The classes that code names. The others are in the data.
const (
	// RestartOnly: the process starts again, and does what it did.
	RestartOnly = "restart-only"
	// UnknownEffect: there is no data of what changed.
	UnknownEffect = "unknown"
)

// Effect says what a change does to a running cluster. Every effect has a class, a risk and
// a text.
type Effect struct {
	Classes []string `json:"classes"` // ids, the riskiest first
	Risk    Risk     `json:"risk"`
	// Part is what the change is for: a controller by its name in the newest version,
	// "leader election", "secure serving", "all controllers" …
	Part   string `json:"part,omitempty"`
	Text   string `json:"effect"`           // one or two sentences
	Source string `json:"source,omitempty"` // an https URL
}

// EffectOf returns what a change of a flag does on kube-controller-manager of a minor
// version: from the value old to the value new, both as on a command line. A flag that
// isn't set has "" or its default. If the direction of the change is known (shorter,
// wider, on …), the effect is that direction's; otherwise the flag's in general. For a
// name that no version has, the class is UnknownEffect.
func EffectOf(name, old, new string, minor int) Effect {
	e, ok := effects().Flags[name]
	if !ok {
		return unknownEffect("flag --" + name)
	}
	// LifeOf would read the data of all versions.
	life := Life{Note: notes()[name]}
	def := Default(minor, name)
	switch m := Of(minor); {
	case m != nil && !m.has(name) && new != "" && new != def:
		return effects().effect(e, way{
			Classes: []string{"controllers"}, Risk: HighRisk,
			Text: MinorName(minor) + " doesn't know the flag: the process ends at its start, and no controller runs.",
		})
	case life.NoopIn(minor):
		return effects().effect(e, way{
			Classes: []string{RestartOnly}, Text: "The flag is accepted and ignored. The process starts again, and does what it did.",
		})
	}
	return effects().change(e, old, new, setting{flagType(name, minor), def, minor})
}

// AnyEffect returns what a change of a flag does, whatever its values are; false if no
// version has the flag.
func AnyEffect(name string) (Effect, bool) {
	e, ok := effects().Flags[name]
	if !ok {
		return Effect{}, false
	}
	return effects().effect(e, way{}), true
}

// Kinds of what changes besides flags, as EffectOn takes them.
//
// Of most of them the name is that of what changed: of KindUnit "Service.MemoryMax", of
// KindPod "spec.priorityClassName", of KindNode "addresses", of KindDeploy "deploy.gate". A
// list's entries are in brackets, and count as if nothing were in them. Other names are:
//
//   - KindCertificate: "ca", "ca.key" and "ca.ends" of a CA (its subject, its key, its end),
//     "service-account" for the key pair, "leaf" for a leaf that is renewed, and
//     "leaf.subject", "leaf.names", "leaf.usages", "leaf.key", "leaf.lifetime",
//     "leaf.issuer" for what differs in it
//   - KindRange: "pods", "services", "nodes", with prefixes as values, and "pods.mask"
//   - KindVersion: "kubernetes", with versions as values
//   - KindGeneration: "name", of a generation
//   - KindMember: "node" and "cluster", which come (old is "") or go (new is "")
//   - KindFile: "content", "mode", "owner", "path"
const (
	KindCluster     = "cluster"
	KindDeploy      = "deploy"
	KindImage       = "image"
	KindProgram     = "program"
	KindKubeconfig  = "kubeconfig"
	KindNode        = "node"
	KindUnit        = "unit"
	KindPod         = "pod"
	KindRange       = "range"
	KindCertificate = "certificate"
	KindFile        = "file"
	KindMember      = "member"
	KindVersion     = "version"
	KindGeneration  = "generation"
)

// Kinds are all kinds that EffectOn knows.
func Kinds() []string {
	return []string{
		KindCluster, KindDeploy, KindImage, KindProgram, KindKubeconfig, KindNode, KindUnit, KindPod,
		KindRange, KindCertificate, KindFile, KindMember, KindVersion, KindGeneration,
	}
}

// EffectOn returns what a change of something besides flags does, from old to new; ""
// means that there was or is none. Values that are the same say nothing of a direction. For a
// name that it doesn't know it returns the effect of the kind in general, and for a kind
// UnknownEffect.
func EffectOn(kind, name, old, new string) Effect {
	e, ok := effects().other(kind, name)
	if !ok {
		return unknownEffect(kind + " " + name)
	}
	if old == new {
		return effects().effect(e, way{})
	}
	return effects().change(e, old, new, setting{minor: Newest()})
}

// Classes returns all classes, the riskiest first, and by id.
func Classes() []Class { return slices.Clone(effects().Classes) }

// ClassOf returns the class of an id.
func ClassOf(id string) (Class, bool) {
	i := slices.IndexFunc(effects().Classes, func(c Class) bool { return c.ID == id })
	if i < 0 {
		return Class{}, false
	}
	return effects().Classes[i], true
}

func unknownEffect(what string) Effect {
	c, _ := ClassOf(UnknownEffect)
	return Effect{
		Classes: []string{UnknownEffect}, Risk: c.Risk,
		Text: "There is no data of what a change of " + named([]string{what}) + " does to a running cluster.",
	}
}

// byRisk compares classes: riskier ones come first, then ids.
func byRisk(a, b Class) int {
	return cmp.Or(cmp.Compare(b.Risk.level(), a.Risk.level()), cmp.Compare(a.ID, b.ID))
}
