package vet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// eachController calls found for every element of a node's --controllers but "*",
// with its index and the name in it.
func (v *view) eachController(n *nodeView, found func(i int, name string) *fault) []fault {
	f, ok := n.flags.Get("controllers")
	if !ok || v.minor == nil {
		return nil
	}
	var out []fault
	for i, e := range n.controllers {
		if e == "*" {
			continue
		}
		if fault := found(i, strings.TrimPrefix(e, "-")); fault != nil {
			fault.field = fmt.Sprintf("%s[%d]", f.Field, i)
			out = append(out, *fault)
		}
	}
	return out
}

func controllerUnknown(v *view, n *nodeView) []fault {
	return v.eachController(n, func(_ int, name string) *fault {
		c, ok := v.minor.Controller(name)
		if ok && (!c.UnknownWhileOff || n.missingGate(c) == "") {
			return nil
		}
		out := &fault{message: fmt.Sprintf("kube-controller-manager has no controller %q", name), expected: "a controller of " + v.Version.String()}
		if ok {
			out.message = fmt.Sprintf("controller %s isn't known to v1.%d while feature gate %s is off", name, v.Version.Minor, n.missingGate(c))
			out.expected = "the gate, or no such controller"
			return out
		}
		first, last := flags.ControllerMinors(name)
		switch {
		case first == 0:
			if near := spec.Nearest(name, controllerNames(v.minor)); near != "" {
				out.expected, out.hint = near, fmt.Sprintf("did you mean %q?", near)
			}
		case first > v.Version.Minor:
			out.message = fmt.Sprintf("controller %s exists only since v1.%d", name, first)
			if old := flags.OldName(name, v.Version.Minor); old != "" {
				out.expected = old
			}
		default:
			out.message, out.expected = fmt.Sprintf("controller %s was removed in v1.%d", name, last+1), "no such controller"
		}
		return out
	})
}

func controllerNames(m *flags.Minor) []string {
	var out []string
	for _, c := range m.Controllers {
		out = append(append(out, c.Name), c.Aliases...)
	}
	return out
}

// missingGate returns a feature gate that a controller needs and that is off; "" if
// there is none.
func (n *nodeView) missingGate(c flags.Controller) string {
	for _, g := range c.Gates {
		if !n.gateOn(g) {
			return g
		}
	}
	return ""
}

func controllerRenamed(v *view, n *nodeView) []fault {
	return v.eachController(n, func(_ int, name string) *fault {
		c, ok := v.minor.Controller(name)
		if !ok || c.Name == name {
			return nil
		}
		return &fault{message: fmt.Sprintf("controller %s is the old name of %s", name, c.Name), expected: c.Name}
	})
}

func controllerIgnored(v *view, n *nodeView) []fault {
	return v.eachController(n, func(i int, name string) *fault {
		c, ok := v.minor.Controller(name)
		if !ok {
			return nil
		}
		off := strings.HasPrefix(n.controllers[i], "-")
		earlier := slices.IndexFunc(n.controllers[:i], func(e string) bool {
			named, ok := v.minor.Controller(strings.TrimPrefix(e, "-"))
			return ok && named.Name == c.Name
		})
		gate := n.missingGate(c)
		switch {
		case earlier >= 0:
			return &fault{
				message:  fmt.Sprintf("%q has no effect: %q comes before it, and the first counts", n.controllers[i], n.controllers[earlier]),
				expected: "one of them",
			}
		case off && v.minor.Runs(c, n.controllers):
			return &fault{
				message:  fmt.Sprintf("%q has no effect in v1.%d: the controller starts wherever it has a key", n.controllers[i], v.Version.Minor),
				expected: `flags: "service-account-private-key-file": null, which turns it off`,
			}
		case !off && gate != "" && !c.UnknownWhileOff:
			return &fault{message: fmt.Sprintf("controller %s doesn't start: feature gate %s is off", name, gate), expected: "the gate, or no such controller"}
		}
		return nil
	})
}

// controllersNone: without "*" only what is named runs, and names with "-" before them don't.
func controllersNone(_ *view, n *nodeView) []fault {
	f, ok := n.flags.Get("controllers")
	starts := func(e string) bool { return e != "" && !strings.HasPrefix(e, "-") }
	if !ok || slices.ContainsFunc(n.controllers, starts) || slices.Contains(n.controllers, "-*") { // controller-unknown
		return nil
	}
	return one(fault{
		field: f.Field, message: fmt.Sprintf("--controllers=%.80s starts no controller: without \"*\" only those run that it names", f.Value),
		expected: `controllers: ["*"], and what is to be off behind it, such as "-ttl-controller"`,
	})
}
