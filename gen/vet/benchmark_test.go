package vet

import (
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// under holds the cluster to one benchmark, and changes it.
func under(profile string, changes ...func(*spec.Cluster)) func(*spec.Cluster) {
	return func(c *spec.Cluster) {
		c.Policy = []string{profile}
		for _, change := range changes {
			change(c)
		}
	}
}

func flag(name, value string) func(*spec.Cluster) {
	return func(c *spec.Cluster) { set(c, name, value) }
}

// benchmarkCases are clusters that a benchmark accepts, and others that break one demand.
var benchmarkCases = map[string]testCase{
	"under CIS 1.12":                     {under(cis112), nil},
	"under the STIG":                     {under(stig2), nil},
	"under NSA's guide":                  {under(nsa12), nil},
	"certificates under CIS 1.9":         {under(cis19), []string{benchmarkMode}},
	"another loopback address":           {flag("bind-address", "127.0.0.2"), nil},
	"another loopback address under CIS": {under(cis112, flag("bind-address", "127.0.0.2")), []string{benchmarkAddress}},
	"another loopback address under NSA": {under(nsa12, flag("bind-address", "127.0.0.2")), nil},
	"no bind-address under CIS":          {under(cis112, func(c *spec.Cluster) { omit(c, "bind-address") }), []string{"bind-address-public"}},
	"a gate that is off under CIS":       {under(cis112, flag("feature-gates", "RotateKubeletServerCertificate=false")), []string{"kubelet-rotation-off"}},
	"a gate that is on under CIS":        {under(cis112, flag("feature-gates", "RotateKubeletServerCertificate=true")), nil},
	"a pod's user under CIS":             {under(cis112, pods), []string{benchmarkOwner}},
	"a pod of root under CIS":            {under(cis112, pods, func(c *spec.Cluster) { c.Pod.Hardened = false }), []string{"sandbox-off"}},
	"another's file under the STIG":      {under(stig2, flag("root-ca-file", "/etc/x.crt")), []string{"benchmark-file-foreign not checked", "file-not-placed"}},
	"another's file":                     {flag("root-ca-file", "/etc/x.crt"), []string{"file-not-placed"}},
}

// TestControls: findings name the controls that they break, of the cluster's benchmarks
// alone, and are as severe as the strictest demands.
func TestControls(t *testing.T) {
	c := base()
	set(c, "profiling", "true")
	of := func(profiles ...string) finding.Finding {
		c.Policy = profiles
		for _, f := range Check(c, Facts{}) {
			if f.Rule == "profiling-on" {
				return f
			}
		}
		t.Fatalf("%q: no finding", profiles)
		return finding.Finding{}
	}
	for _, tc := range []struct {
		profiles []string
		want     string
		severity finding.Severity
	}{
		{nil, "", of().Severity},
		{[]string{cis112}, "cis-1.12 1.3.2", isError},
		{[]string{stig2, cis19}, "cis-1.9 1.3.2, stig-v2 V-242409", isError},
		{[]string{nsa12}, "", of().Severity},
	} {
		f := of(tc.profiles...)
		if got := strings.Join(f.Controls, ", "); got != tc.want || f.Severity != tc.severity {
			t.Errorf("%q: %q, %s; want %q, %s", tc.profiles, got, f.Severity, tc.want, tc.severity)
		}
	}
	if got := ControlsOf(benchmarkOwner); len(got) == 0 {
		t.Error("no control is about owners")
	}
	for _, ctl := range controls {
		if !Taken(ctl.rule) {
			t.Errorf("%s names the rule %s, which there isn't", ctl, ctl.rule)
		}
	}
}

// TestBenchmarksDisagree: where one benchmark accepts what another refuses, the finding says
// so.
func TestBenchmarksDisagree(t *testing.T) {
	c := base()
	pods(c)
	c.Policy = []string{cis19, cis112, nsa12}
	disagree := map[string]bool{}
	for _, f := range Check(c, Facts{}) {
		if strings.Contains(f.Message, "the benchmarks disagree") {
			disagree[f.Rule] = true
		}
	}
	if !disagree[benchmarkMode] || !disagree[benchmarkOwner] {
		t.Errorf("said to disagree: %v", disagree)
	}
}
