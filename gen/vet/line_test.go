package vet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/flags"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// checkLine applies the rules to a command line of v1.37.
func checkLine(words string) []string {
	args := strings.Fields(words)
	at := make([]finding.Pos, len(args))
	for i := range at {
		at[i] = finding.Pos{File: "f", Line: i + 1, Col: 1}
	}
	return ids(CommandLine(spec.Version{Minor: 37}, args, at))
}

func TestCommandLine(t *testing.T) {
	for words, want := range map[string][]string{
		"":                                       nil,
		"--v=2 --leader-elect --profiling=false": nil,
		"--cluster_name=x -v=2":                  nil,
		"--cluster-name x -v 2":                  nil,
		"--leader-elect true":                    {"flag-syntax"},
		"--cluster-name":                         {"flag-syntax"},
		"x --v=2":                                {"flag-syntax"},
		"-- --v=2":                               {"flag-syntax"},
		"--v=2 --":                               nil,
		"-v2":                                    nil,
		"-v2 x":                                  {"flag-syntax"},
		"-hv2":                                   {"flag-value"},
		"-":                                      {"flag-syntax"},
		"---v=2":                                 {"flag-syntax"},
		"-leader-elect=false":                    {"flag-syntax"},
		"--help=false --version=false":           nil,
		"--controllers=":                         nil,
		`--controllers="*",-ttl-controller`:      nil,
		"--allow-metric-labels=a,b=c --allow-metric-labels=d,e=f,g": nil,
		"--allow-metric-labels==b":                                  {"flag-conflict"},
		"--v=2 --v=3":                                               {"flag-repeated"},
		"--v=2 -v=3":                                                {"flag-repeated"},
		"--requestheader-allowed-names=a --requestheader-allowed-names=b":           nil,
		"--feature-gates=AllAlpha=false --feature-gates=AllBeta=maybe":              {"feature-gate-syntax"},
		"--controllers=* --controllers=-ttl":                                        {"controller-renamed"},
		"--hlep --port 0":                                                           {"flag-removed", "flag-unknown"},
		"--cluster-signing-duration=1h":                                             {"flag-ignored"},
		"--leader-elect-lease-duration=5s":                                          {"leader-elect-timing"},
		"--allocate-node-cidrs":                                                     {"cluster-cidr-missing"},
		"--allocate-node-cidrs --cluster-cidr=10.0.0.0/24 --node-cidr-mask-size=16": {"node-mask-size"},
		"--tls-cert-file=/a":                                                        {"file-pair"},
	} {
		if diff := cmp.Diff(want, checkLine(words)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", words, diff)
		}
	}
}

// FuzzCommandLine: no command line of any version causes a panic, and each finding has a
// rule and a message.
func FuzzCommandLine(f *testing.F) {
	for _, words := range []string{"--v=2", "--leader-elect true", "-v", "--", "-", "--=", "--feature-gates==,=true,A", "--controllers=-,*,,-*", "--cluster-cidr=::/0,0.0.0.0/0 --allocate-node-cidrs"} {
		f.Add(words, uint8(37))
	}
	f.Fuzz(func(t *testing.T, words string, minor uint8) {
		minors := flags.Minors()
		args := strings.Split(words, " ")
		at := make([]finding.Pos, len(args))
		for i := range at {
			at[i] = finding.Pos{File: "f", Line: i + 1, Col: 1}
		}
		for _, f := range CommandLine(spec.Version{Minor: minors[int(minor)%len(minors)]}, args, at) {
			if f.Rule == "" || f.Message == "" {
				t.Errorf("%q: %+v has no rule or message", words, f)
			}
		}
	})
}
