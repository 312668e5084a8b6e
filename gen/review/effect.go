package review

import "github.com/kcmgen/kcmgen/gen/flags"

// Names of effects that gen/flags doesn't have, because no host is touched by them.
const (
	onNothing = "\x00nothing"
	onSetter  = "\x00setter"
	onReach   = "\x00reach"
	onKept    = "\x00kept"
	onRename  = "\x00rename"
	onTree    = "\x00tree"
)

// own are the effects of these.
func ownEffect(name string, g *gathered) (Effect, bool) {
	switch name {
	case onNothing:
		return Effect{Classes: []string{"records"}, Risk: "low", Text: "Hosts get the same as before. kcmgen's rules see the new value."}, true
	case onSetter:
		return Effect{Classes: []string{"records"}, Risk: "low", Text: "Hosts get the same value as before. Another field sets it."}, true
	case onKept:
		return Effect{Classes: []string{"records"}, Risk: "low", Text: "Nothing is made anew now. The value counts when the next one is made."}, true
	case onTree:
		return Effect{Classes: []string{"records"}, Risk: "low", Text: "The file lies in the exported tree, and no host gets it."}, true
	case onRename:
		return Effect{Classes: []string{"trust", "coordinate-apiserver"}, Risk: "high", Text: "An export writes another tree. Without the keys of the old one it makes another CA and another service-account key, which nothing trusts yet."}, true
	case onReach:
		if g.New == nil {
			return Effect{Classes: []string{"key-reach"}, Risk: "medium", Text: "Hosts no longer get this key or certificate. A host that had it may have copies."}, true
		}
		return Effect{Classes: []string{"key-reach"}, Risk: "high", Text: "More hosts get this key or certificate. The user that reads it on one of them can use it."}, true
	}
	return Effect{}, false
}

// effectOf returns what a change does to a running cluster.
func effectOf(g *gathered, minor int) Effect {
	name := g.effect
	if name == "" {
		name = g.Name
	}
	if e, ok := ownEffect(name, g); ok {
		return e
	}
	old, now := textOf(g.Old), textOf(g.New)
	if g.Kind != OfFlag && (g.Old.isHidden() || g.New.isHidden()) {
		out := converted(flags.EffectOn(g.Kind, name, g.Old.real(), g.New.real()))
		out.Text = "The values come from an embedded file, and aren't shown."
		return out
	}
	if g.Kind != OfFlag {
		return converted(flags.EffectOn(g.Kind, name, old, now))
	}
	if g.Old != nil && g.Old.Origin == ByKubernetes {
		old = ""
	}
	if g.New != nil && g.New.Origin == ByKubernetes {
		now = ""
	}
	if g.Old.isHidden() || g.New.isHidden() {
		return hiddenEffect(g, old, now, minor)
	}
	return converted(flags.EffectOf(g.Name, old, now, minor))
}

// hiddenEffect is the effect of a flag with a value that isn't shown. Its classes are those of
// the real values, and its text doesn't depend on them.
func hiddenEffect(g *gathered, old, now string, minor int) Effect {
	if g.Old.isHidden() {
		old = g.Old.raw
	}
	if g.New.isHidden() {
		now = g.New.raw
	}
	out := converted(flags.EffectOf(g.Name, old, now, minor))
	any, _ := flags.AnyEffect(g.Name)
	out.Text = any.Text
	return out
}

// real returns the value as it is.
func (v *Value) real() string {
	if v.isHidden() {
		return v.raw
	}
	return textOf(v)
}

func (v *Value) isHidden() bool { return v != nil && v.raw != "" }

func converted(e flags.Effect) Effect {
	return Effect{Classes: e.Classes, Risk: string(e.Risk), Part: e.Part, Text: e.Text, Source: e.Source}
}
