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

// ParseGates reads a value of --feature-gates: "A=true,B=false".
func ParseGates(value string) ([]GateSetting, error) {
	var out []GateSetting
	for part := range strings.SplitSeq(value, ",") {
		if part == "" {
			continue
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

// Gates reads a value of --feature-gates as this minor does: from v1.31 on a gate
// may be said for a component, "kube:A=true", and kube-controller-manager has only
// that one.
func (m *Minor) Gates(value string) ([]GateSetting, error) {
	out, err := ParseGates(value)
	if d, ok := m.Flag("feature-gates"); ok && d.Type == "colonSeparatedMultimapStringString" {
		for i := range out {
			out[i].Name = strings.TrimPrefix(out[i].Name, "kube:")
		}
	}
	return out, err
}

// The gates that stand for all of a stage.
const (
	allAlpha = "AllAlpha"
	allBeta  = "AllBeta"
)

// On reports whether a feature gate is on under these settings, of which a later
// one wins over an earlier.
func (m *Minor) On(name string, settings []GateSetting) bool {
	g, ok := m.Gate(name)
	if !ok {
		return false
	}
	said := func(name string) (bool, bool) {
		for _, s := range slices.Backward(settings) {
			if s.Name == name {
				return s.On, true
			}
		}
		return false, false
	}
	if on, ok := said(name); ok {
		return on
	}
	for stage, all := range map[string]string{"ALPHA": allAlpha, "BETA": allBeta} {
		if on, ok := said(all); ok && g.Stage == stage && !g.Locked {
			return on
		}
	}
	return g.Default
}
