package vet

import (
	"fmt"
	"slices"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

const featureGates = "feature-gates"

// gateField is the field of one feature gate.
func gateField(f spec.Flag, name string) string { return f.Field + "." + finding.Label(name) }

// gateOn reports whether a feature gate is on in a node's process.
func (n *nodeView) gateOn(name string) bool { return n.minor.On(name, n.gates) }

func gateSyntax(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get(featureGates)
	if !ok {
		return nil
	}
	if _, err := v.minor.ParseGates(f.Value); err != nil {
		return one(fault{field: f.Field, message: err.Error(), expected: `true or false, such as "A=true,B=false"`})
	}
	return nil
}

// eachGate calls found for every gate that a node sets, and returns the faults. Of a
// gate that is set twice, the last setting counts.
func (v *view) eachGate(n *nodeView, found func(flags.GateSetting) *fault) []fault {
	f, ok := n.flags.Get(featureGates)
	if !ok || v.minor == nil {
		return nil
	}
	var out []fault
	for i, s := range n.gates {
		if slices.ContainsFunc(n.gates[i+1:], func(later flags.GateSetting) bool { return later.Name == s.Name }) {
			continue
		}
		if fault := found(s); fault != nil {
			fault.field = gateField(f, s.Name)
			out = append(out, *fault)
		}
	}
	return out
}

func gateUnknown(v *view, n *nodeView) []fault {
	return v.eachGate(n, func(s flags.GateSetting) *fault {
		if _, ok := n.minor.Gate(s.Name); ok {
			return nil
		}
		first, last := flags.GateMinors(s.Name)
		switch {
		case first == 0:
			out := &fault{message: fmt.Sprintf("kube-controller-manager has no feature gate %q", s.Name), expected: "a feature gate of " + v.Version.String()}
			var names []string
			for _, g := range n.minor.FeatureGates {
				names = append(names, g.Name)
			}
			if near := spec.Nearest(s.Name, names); near != "" {
				out.expected, out.hint = near, fmt.Sprintf("did you mean %q?", near)
			}
			return out
		case first > v.Version.Minor:
			return &fault{message: fmt.Sprintf("feature gate %s exists only since v1.%d", s.Name, first), expected: "no such gate"}
		}
		was, _ := flags.Of(last).Gate(s.Name)
		return &fault{message: fmt.Sprintf("feature gate %s was removed in v1.%d", s.Name, last+1), expected: "no such gate: " + ended(was)}
	})
}

// ended says what happened to the feature behind a removed gate.
func ended(was flags.Gate) string {
	switch {
	case was.Default && was.Stage == "GA":
		return "what it guarded is always on"
	case was.Stage == "DEPRECATED" || !was.Default:
		return "what it guarded is gone"
	}
	return "it was on by default in the end"
}

func gateLocked(v *view, n *nodeView) []fault {
	return v.eachGate(n, func(s flags.GateSetting) *fault {
		g, ok := n.minor.Gate(s.Name)
		if !ok || !g.Locked || g.Default == s.On {
			return nil
		}
		return &fault{
			message:  fmt.Sprintf("feature gate %s can't be %v: v1.%d locks it to %v", s.Name, s.On, v.Version.Minor, g.Default),
			expected: "no such gate",
		}
	})
}

func gateIdle(v *view, n *nodeView) []fault {
	return v.eachGate(n, func(s flags.GateSetting) *fault {
		g, ok := n.minor.Gate(s.Name)
		if !ok || !g.Locked || g.Default != s.On {
			return nil
		}
		out := &fault{message: fmt.Sprintf("feature gate %s is locked to %v: saying so has no effect", s.Name, s.On), expected: "no such gate"}
		if _, last := flags.GateMinors(s.Name); last < newest() {
			out.message += fmt.Sprintf(", and v1.%d refuses it", last+1)
		}
		return out
	})
}

// gateNeeds reports gates that are on, even by default, and need one that is off.
func gateNeeds(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get(featureGates)
	if !ok || v.minor == nil {
		return nil
	}
	var out []fault
	for _, g := range n.minor.FeatureGates {
		for _, need := range g.Needs {
			if !n.gateOn(g.Name) || n.gateOn(need) {
				continue
			}
			field := gateField(f, need)
			if !slices.ContainsFunc(n.gates, func(s flags.GateSetting) bool { return s.Name == need }) {
				field = gateField(f, g.Name)
			}
			out = append(out, fault{
				field:    field,
				message:  fmt.Sprintf("feature gate %s is on and needs %s, which is off", g.Name, need),
				expected: fmt.Sprintf("%s=true, or %s=false", need, g.Name),
			})
		}
	}
	return out
}

func newest() int {
	minors := flags.Minors()
	return minors[len(minors)-1]
}
