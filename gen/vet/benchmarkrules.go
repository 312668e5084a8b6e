package vet

import (
	"fmt"
	"strings"

	"github.com/kcmgen/kcmgen/gen/spec"
)

const (
	benchmarkAddress   = "benchmark-bind-address"
	benchmarkProfiling = "benchmark-profiling"
	benchmarkMode      = "benchmark-file-mode"
	benchmarkOwner     = "benchmark-file-owner"
	benchmarkForeign   = "benchmark-file-foreign"
	benchmarkManifest  = "benchmark-manifest"
	loopback           = "127.0.0.1"
)

// benchmarkRules are demands of benchmarks alone: a cluster that names no benchmark in policy
// may break them.
var benchmarkRules = []Rule{
	{ID: benchmarkAddress, Severity: isError, Profile: true, node: benchmarkBindAddress, Doc: "under a benchmark, --bind-address is 127.0.0.1 and no other loopback address"},
	{ID: benchmarkProfiling, Severity: isError, Profile: true, node: benchmarkProfilingWord, Doc: "under a benchmark, --profiling is the word false"},
	{ID: benchmarkMode, Severity: isError, Profile: true, node: benchmarkFileMode, Doc: "under a benchmark, files on hosts have its modes (a warning where it leaves the check to people)"},
	{ID: benchmarkOwner, Severity: isError, Profile: true, node: benchmarkFileOwner, Doc: "under a benchmark, files on hosts belong to root"},
	{ID: benchmarkManifest, Severity: isWarning, Profile: true, cluster: benchmarkManifestAbsent, Doc: "under a benchmark, a control about a static pod's manifest has one to look at"},
	{ID: benchmarkForeign, Severity: isError, Profile: true, node: benchmarkFileForeign, Doc: "under a benchmark, kcmgen knows the mode and the owner of each file"},
}

// benchmarkBindAddress reports what bind-address-public accepts and the benchmarks don't:
// they read the text of the flag, whether anything is served or not.
func benchmarkBindAddress(v *view, n *nodeView) []fault {
	if !v.demands(cis19, cis112, stig2) || len(bindAddressPublic(v, n)) > 0 {
		return nil
	}
	f, ok := n.flags.Get("bind-address")
	if !ok && !v.demands(stig2) || f.Value == loopback {
		return nil // CIS accepts a flag that isn't set
	}
	message := "--bind-address is " + f.Value
	if !ok {
		message = "--bind-address is not set"
	}
	return one(fault{field: v.flagField(n, "bind-address"), message: message + ", and the benchmark demands 127.0.0.1 literally", expected: `flags: "bind-address": "127.0.0.1"`})
}

// benchmarkProfilingWord reports what profiling-on accepts and CIS doesn't: other words that
// mean false. The STIG refuses true alone.
func benchmarkProfilingWord(v *view, n *nodeView) []fault {
	f, ok := n.flags.Get("profiling")
	if !ok || f.Bool() || strings.EqualFold(f.Value, "false") || !v.demands(cis19, cis112) {
		return nil
	}
	return one(fault{field: f.Field, message: fmt.Sprintf("--profiling is %q, and the benchmark demands the word false", f.Value), expected: "flags: profiling: false"})
}

// benchmarkManifestAbsent reports units: the benchmarks know static pods alone.
func benchmarkManifestAbsent(v *view) []fault {
	var names []string
	for _, d := range fileDemands() {
		if d.kind == manifestFiles && v.demands(d.profile) {
			names = append(names, d.String())
		}
	}
	if v.Layout != spec.Systemd || len(names) == 0 {
		return nil
	}
	x := fault{
		field: v.profileField(cis19, cis112, stig2), controls: names,
		message:  fmt.Sprintf("systemd starts the process, and %s are about the manifest of a static pod, which there isn't", list(names)),
		expected: "a waiver that says what takes the manifest's place; kcmgen's unit belongs to root, has mode 0644, and holds no secret",
	}
	if v.demands(cis19, cis112) {
		x.hint = "kube-bench fails these controls of CIS on a host without a manifest"
	}
	return one(x)
}
