package vet

import (
	"fmt"

	"github.com/kcmgen/kcmgen/gen/flags"
)

// gateEmulated: a gate that is newer than the emulated version can't be set, not even
// to its default.
func gateEmulated(v *view, n *nodeView) []fault {
	f, _ := n.flags.Get("emulated-version")
	return v.eachGate(n, func(s flags.GateSetting) *fault {
		g, ok := n.minor.Gate(s.Name)
		if !ok || g.Stage != flags.PreAlpha {
			return nil
		}
		return &fault{
			also:     alsoField(f),
			message:  fmt.Sprintf("feature gate %s is newer than the emulated version (emulated-version is %s): it can't be set", s.Name, f.Value),
			expected: "no such gate, or a later --emulated-version",
			hint:     "kube-controller-manager would exit at once",
		}
	})
}
