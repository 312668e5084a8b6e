package vet

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
)

const (
	coordinated   = "CoordinatedLeaderElection"
	runtimeConfig = "runtime-config"
)

// coordinates reports whether a node's process uses coordinated leader election, and
// the field that turns it on.
func (n *nodeView) coordinates() (field string, ok bool) {
	if n.minor == nil || !isTrue(n.value("leader-elect")) || !n.gateOn(coordinated) {
		return "", false
	}
	f, _ := n.flags.Get(featureGates)
	for _, name := range []string{coordinated, "AllBeta", "AllAlpha"} {
		if slices.ContainsFunc(n.gates, func(s flags.GateSetting) bool { return s.Name == name }) {
			return gateField(f, name), true
		}
	}
	return cmp.Or(f.Field, "flags"), true // by default
}

// coordinatedLease: the lease of coordinated election has a fixed name.
func coordinatedLease(v *view, n *nodeView) []fault {
	at, ok := n.coordinates()
	if !ok {
		return nil
	}
	var out []fault
	for _, l := range []struct{ name, want string }{
		{"leader-elect-resource-name", "kube-controller-manager"},
		{"leader-elect-resource-namespace", "kube-system"},
	} {
		if f, given := n.flags.Get(l.name); given && f.Value != l.want && f.Value != "" {
			out = append(out, fault{
				field: f.Field, also: []string{at},
				message:  fmt.Sprintf("%s is %q, and with feature gate %s the apiserver elects for %q only: no instance would lead", l.name, f.Value, coordinated, l.want),
				expected: fmt.Sprintf("%s, or %s=false", l.want, coordinated),
				hint:     "/healthz answers 200 all the same",
			})
		}
	}
	return out
}

// candidateAPI is the version of coordination.k8s.io with lease candidates in a minor.
func candidateAPI(minor int) string {
	switch {
	case minor <= 31:
		return "coordination.k8s.io/v1alpha1"
	case minor == 32:
		return "coordination.k8s.io/v1alpha2"
	}
	return "coordination.k8s.io/v1beta1"
}

// coordinatedAPIServer: the apiserver elects, so it needs the gate and the API.
func coordinatedAPIServer(v *view, n *nodeView) []fault {
	at, ok := n.coordinates()
	if !ok {
		return nil
	}
	minor := v.Version.Minor
	if v.APIServer.Version != nil {
		minor = v.APIServer.Version.Minor
	}
	want := slices.Compact([]string{candidateAPI(v.Version.Minor), candidateAPI(minor)})
	expected := fmt.Sprintf(`apiserver: flags: {"feature-gates": "%s=true", "runtime-config": "%s=true"}`, coordinated, strings.Join(want, "=true,"))
	if !v.stated(featureGates) || !v.stated(runtimeConfig) {
		return one(fault{
			field: at, also: []string{"apiserver.flags"}, severity: finding.NotChecked,
			message:  fmt.Sprintf("feature gate %s is on, and whether the apiserver can elect was not checked: its flags aren't stated", coordinated),
			expected: expected,
		})
	}
	var lacks, also []string
	if !v.apiserverCoordinates(minor) {
		lacks, also = append(lacks, "doesn't have it on"), append(also, finding.Path("apiserver", "flags", featureGates))
	}
	served := v.APIServer.Flags[runtimeConfig].Value
	for _, api := range want {
		if !serves(served, api) {
			lacks, also = append(lacks, "doesn't serve "+api), append(also, finding.Path("apiserver", "flags", runtimeConfig))
		}
	}
	if len(lacks) == 0 {
		return nil
	}
	return one(fault{
		field: at, also: append(also, "apiserver.flags"),
		message:  fmt.Sprintf("feature gate %s is on, and the apiserver %s: no instance would lead", coordinated, strings.Join(lacks, " and ")),
		expected: expected,
		hint:     "set it in the apiserver first, then state here what the apiserver runs with",
	})
}

// apiserverCoordinates reports whether the apiserver's flags turn the gate on.
func (v *view) apiserverCoordinates(minor int) bool {
	m := flags.Of(minor)
	if m == nil {
		m = v.minor
	}
	if emulated, ok := componentMinor(v.APIServer.Flags["emulated-version"].Value); ok {
		m = m.Emulating(emulated, emulated-1)
	}
	gates, _ := m.ParseGates(v.APIServer.Flags[featureGates].Value)
	return m.On(coordinated, gates)
}

// serves reports whether --runtime-config makes the apiserver serve lease candidates. A
// key for the resource wins over one for its version, that over one for its stage, and
// that over api/all.
func serves(config, api string) bool {
	stage := "api/beta"
	if strings.Contains(api, "alpha") {
		stage = "api/alpha"
	}
	on := false
	for _, key := range []string{"api/all", stage, api, api + "/leasecandidates"} {
		for part := range strings.SplitSeq(config, ",") {
			name, value, _ := strings.Cut(part, "=")
			if strings.TrimSpace(name) == key {
				b, err := strconv.ParseBool(strings.TrimSpace(value))
				on = value == "" || err == nil && b
			}
		}
	}
	return on
}
