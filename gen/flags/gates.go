package flags

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// GateSetting is one element of --feature-gates.
type GateSetting struct {
	Name string
	On   bool
}

// ParseGates parses a value of --feature-gates: "A=true,B=false". Newer versions accept
// a component before each gate, for all gates or for none: "kube:A=true", which is
// kube-controller-manager's only one. m may be nil.
func (m *Minor) ParseGates(value string) ([]GateSetting, error) {
	var out []GateSetting
	previous := ""
	for part := range strings.SplitSeq(value, ",") {
		if part == "" {
			continue
		}
		if m.components() {
			component, gate, ok := strings.Cut(part, ":")
			component = strings.TrimSpace(component)
			if !ok {
				component, gate = "", part
			}
			switch {
			case component != "" && component != kube:
				return nil, fmt.Errorf("feature gate %s is of component %q, and kube-controller-manager has %q only", gate, component, kube)
			case len(out) > 0 && component != previous:
				return nil, fmt.Errorf("feature gate %s: some gates have %q before them and others don't", gate, kube+":")
			}
			part, previous = gate, component
		}
		name, word, given := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		if !given {
			return nil, fmt.Errorf("feature gate %s has no value", name)
		}
		on, err := strconv.ParseBool(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("feature gate %s is %q", name, word)
		}
		out = append(out, GateSetting{name, on})
	}
	return out, nil
}

// kube is the component of all feature gates.
const kube = "kube"

// components reports whether a gate may have a component before it.
func (m *Minor) components() bool {
	if m == nil {
		return true
	}
	d, _ := m.Flag("feature-gates")
	return d.Type == "colonSeparatedMultimapStringString"
}

// PreAlpha is the stage of a feature gate that is newer than the emulated version: it
// is off, and can't be set.
const PreAlpha = "PRE-ALPHA"

// Emulating returns this minor as it behaves while it emulates an earlier one and stays
// compatible with the minor least. The set of feature gates and their needs stay its
// own; their defaults, stages and locks are the earlier one's.
func (m *Minor) Emulating(minor, least int) *Minor {
	out := *m
	out.FeatureGates = slices.Clone(m.FeatureGates)
	for i := range out.FeatureGates {
		g := &out.FeatureGates[i]
		if was, differs := g.Emulated[minor]; differs {
			g.Default, g.Stage, g.Locked = was.Default, was.Stage, was.Locked
		}
		if g.CompatibleFrom > 0 && least >= g.CompatibleFrom && minor >= g.CompatibleFrom {
			g.Default = !g.Default
		}
	}
	return &out
}

// The gates that stand for all of a stage.
const (
	allAlpha = "AllAlpha"
	allBeta  = "AllBeta"
)

// On reports whether a feature gate is on with these settings; later ones win.
func (m *Minor) On(name string, settings []GateSetting) bool {
	g, ok := m.Gate(name)
	if !ok {
		return false
	}
	setting := func(name string) (bool, bool) {
		for _, s := range slices.Backward(settings) {
			if s.Name == name {
				return s.On, true
			}
		}
		return false, false
	}
	if on, ok := setting(name); ok {
		return on
	}
	for stage, all := range map[string]string{"ALPHA": allAlpha, "BETA": allBeta} {
		if on, ok := setting(all); ok && g.Stage == stage && !g.Locked {
			return on
		}
	}
	return g.Default
}

// Words describes a feature gate: its stage, its lock and its needs.
func (g Gate) Words() string {
	out := g.Stage
	if g.Locked {
		out += ", locked"
	}
	if len(g.Needs) > 0 {
		out += "; needs " + strings.Join(g.Needs, " and ")
	}
	return out
}
