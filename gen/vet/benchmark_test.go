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
	"under CIS 1.12":                     {under(cis112), []string{benchmarkManifest}},
	"under the STIG":                     {under(stig2), []string{benchmarkManifest}},
	"under NSA's guide":                  {under(nsa12), nil},
	"certificates under CIS 1.9":         {under(cis19), []string{benchmarkMode, benchmarkManifest}},
	"another loopback address":           {flag("bind-address", "127.0.0.2"), nil},
	"another loopback address under CIS": {under(cis112, flag("bind-address", "127.0.0.2")), []string{benchmarkAddress, benchmarkManifest}},
	"another loopback address under NSA": {under(nsa12, flag("bind-address", "127.0.0.2")), nil},
	"no bind-address under CIS":          {under(cis112, func(c *spec.Cluster) { omit(c, "bind-address") }), []string{benchmarkManifest, "bind-address-public"}},
	"a gate that is off under CIS":       {under(cis112, flag("feature-gates", "RotateKubeletServerCertificate=false")), []string{benchmarkManifest, "kubelet-rotation-off"}},
	"a gate that is on under CIS":        {under(cis112, flag("feature-gates", "RotateKubeletServerCertificate=true")), []string{benchmarkManifest}},
	"a pod's user under CIS":             {under(cis112, pods), []string{benchmarkOwner}},
	"a pod of root under CIS":            {under(cis112, pods, func(c *spec.Cluster) { c.Pod.Hardened = false }), []string{"sandbox-off"}},
	"another's file under the STIG":      {under(stig2, flag("root-ca-file", "/etc/x.crt")), []string{"benchmark-file-foreign not checked", benchmarkManifest, "file-not-placed"}},
	"another's file":                     {flag("root-ca-file", "/etc/x.crt"), []string{"file-not-placed"}},
	"profiling is 0":                     {flag("profiling", "0"), nil},
	"profiling is 0 under CIS":           {under(cis112, flag("profiling", "0")), []string{benchmarkManifest, benchmarkProfiling}},
	"profiling is FALSE under CIS":       {under(cis112, flag("profiling", "FALSE")), []string{benchmarkManifest}},
	"profiling is 0 under the STIG":      {under(stig2, flag("profiling", "0")), []string{benchmarkManifest}},
	"all of beta is off under CIS":       {under(cis112, flag("feature-gates", "AllBeta=false")), []string{benchmarkManifest, "kubelet-rotation-off"}},
	"all of beta is off":                 {flag("feature-gates", "AllBeta=false"), nil},
	"all of beta is off but rotation":    {under(cis112, flag("feature-gates", "AllBeta=false,RotateKubeletServerCertificate=true")), []string{benchmarkManifest}},
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
	for _, r := range benchmarkRules {
		if got := ControlsOf(r.ID); len(got) == 0 || len(got) != len(uniqueWords(got)) {
			t.Errorf("%s: the controls are %q", r.ID, got)
		}
	}
	for _, ctl := range controls() {
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

// TestForeignControls: a file that kcmgen doesn't place leaves the controls about its kind
// unchecked, and no others.
func TestForeignControls(t *testing.T) {
	for flag, want := range map[string]string{
		"root-ca-file":         "cis-1.12 1.1.19, cis-1.12 1.1.20",
		"tls-private-key-file": "cis-1.12 1.1.19, cis-1.12 1.1.21",
		"kubeconfig":           "cis-1.12 1.1.17, cis-1.12 1.1.18",
	} {
		c := base()
		c.Policy = []string{cis112}
		set(c, flag, "/etc/x")
		got := "none"
		for _, f := range Check(c, Facts{}) {
			if f.Rule == benchmarkForeign {
				got = strings.Join(f.Controls, ", ")
			}
		}
		if got != want {
			t.Errorf("--%s: %s, want %s", flag, got, want)
		}
	}
}
