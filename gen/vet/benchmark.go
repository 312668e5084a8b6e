package vet

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// Benchmarks that a cluster can be held to.
const (
	cis19  = "cis-1.9"  // CIS Kubernetes Benchmark 1.9.0, for v1.27 to v1.29
	cis112 = "cis-1.12" // CIS Kubernetes Benchmark 1.12.0, for v1.32 to v1.34
	stig2  = "stig-v2"  // DISA Kubernetes STIG, version 2
	nsa12  = "nsa-1.2"  // NSA/CISA Kubernetes Hardening Guide 1.2
)

// Profiles are the benchmarks that a cluster can be held to, as its CUE names them.
func Profiles() []string { return []string{cis19, cis112, stig2, nsa12} }

// control is a control of a benchmark, and the rule whose findings break it.
type control struct {
	profile  string
	number   string // NSA's guide has none: the title of a section, or "" for the guide
	rule     string
	severity finding.Severity // what CIS calls manual is a warning, and all of NSA's guide
}

// String is the control as findings name it.
func (c control) String() string { return strings.TrimSpace(c.profile + " " + c.number) }

// controls are those that a rule's findings break wherever they are. What the benchmarks
// demand of files is in fileDemands.
//
// Known from https://github.com/aquasecurity/kube-bench cfg/cis-1.9 and cfg/cis-1.12, and
// https://github.com/mitre/k8s-cluster-stig-baseline controls.
var controls = sync.OnceValue(func() []control {
	return append(cisControls(cis19, cis112), stigAndNSA...)
})

var stigAndNSA = []control{
	{stig2, "V-242376", "tls-min-version", isError},
	{stig2, "V-242381", "controller-credentials", isError},
	{stig2, "V-242385", "bind-address-public", isError},
	{stig2, "V-242385", benchmarkAddress, isError},
	{stig2, "V-242409", "profiling-on", isError},
	{stig2, "V-242421", "root-ca-unset", isError},
	{nsa12, "Non-root containers", "pod-root", isWarning},
	{nsa12, "Non-root containers", "sandbox-off", isWarning},
	{nsa12, "", "insecure-port", isWarning},
	{nsa12, "", "tls-min-version", isWarning},
	{nsa12, "", "image-keys", isWarning},
}

func cisControls(profiles ...string) []control {
	var out []control
	for _, p := range profiles {
		out = append(out,
			control{p, "1.3.1", "pod-gc-threshold", isWarning},
			control{p, "1.3.2", "profiling-on", isError},
			control{p, "1.3.2", benchmarkProfiling, isError},
			control{p, "1.3.3", "controller-credentials", isError},
			control{p, "1.3.4", "token-key-unset", isError},
			control{p, "1.3.4", "service-account-key-is-ca", isError},
			control{p, "1.3.5", "root-ca-unset", isError},
			control{p, "1.3.6", "kubelet-rotation-off", isError},
			control{p, "1.3.7", "bind-address-public", isError},
			control{p, "1.3.7", benchmarkAddress, isError},
		)
	}
	return out
}

// ControlsOf returns the controls that findings of a rule break, by benchmark and each once.
func ControlsOf(rule string) []string {
	var out []string
	for _, p := range Profiles() {
		for _, c := range controls() {
			if c.profile == p && c.rule == rule {
				out = append(out, c.String())
			}
		}
		for _, d := range fileDemands() {
			if d.profile == p && (d.rule() == rule || rule == benchmarkForeign && d.kind != manifestFiles || rule == benchmarkManifest && d.kind == manifestFiles) {
				out = append(out, d.String())
			}
		}
	}
	return uniqueWords(out)
}

// demands reports whether the cluster is held to one of the profiles.
func (v *view) demands(profiles ...string) bool {
	return slices.ContainsFunc(profiles, func(p string) bool { return slices.Contains(v.Policy, p) })
}

// withControls adds to findings the controls of the cluster's benchmarks that they break. A
// finding is at least as severe as the strictest of them demands; what was not checked stays
// so.
func (v *view) withControls(fs []finding.Finding) []finding.Finding {
	if len(v.Policy) == 0 {
		return fs
	}
	for i := range fs {
		f := &fs[i]
		for _, p := range Profiles() {
			if !v.demands(p) {
				continue
			}
			for _, c := range controls() {
				if c.profile != p || c.rule != f.Rule {
					continue
				}
				f.Controls = append(f.Controls, c.String())
				if c.severity == isError && f.Severity == isWarning {
					f.Severity = isError
				}
			}
		}
		if asRoot := v.ownerControls(); slices.Contains(rootRules, f.Rule) && v.demands(nsa12) && len(asRoot) > 0 && v.staticPods() {
			f.Message += fmt.Sprintf("; %s demand that root owns the files, which another user then can't read", list(asRoot))
		}
	}
	return fs
}

// rootRules demand another user than root, whose files the pod then needs.
var rootRules = []string{"pod-root", "sandbox-off"}

// staticPods reports whether any node has a static pod.
func (v *view) staticPods() bool {
	for l := range v.byLayout {
		if l == "staticPod" {
			return true
		}
	}
	return false
}

// profileField is the field that names the first of the profiles that the cluster is held to.
func (v *view) profileField(profiles ...string) string {
	for i, p := range v.Policy {
		if slices.Contains(profiles, p) {
			return fmt.Sprintf("policy[%d]", i)
		}
	}
	return "policy"
}

// list is "a", "a and b" or "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
