package flags

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// versions are the tested versions: the newest, and one from before changes of the
// controllers' gates, the cloud providers and the lists of values.
var versions = []string{"v1.37.1", "v1.28.15"}

// minorOf returns v1.37 for v1.37.1.
func minorOf(version string) string { return version[:strings.LastIndexByte(version, '.')] }

const controllerManager = "kube-controller-manager"

var helpLine = regexp.MustCompile(`(?m)^ +(?:-[a-z], +)?--([a-z0-9-]+)\b`)

// TestHelp: kube-controller-manager --help lists exactly the flags that aren't hidden in the
// data, and the program accepts the hidden ones.
func TestHelp(t *testing.T) {
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			program := kubernetes(t, version, controllerManager)
			var shown, hidden []string
			for _, f := range flagsOf(t, minorOf(version)) {
				switch {
				case !f.Hidden:
					shown = append(shown, f.Name)
				case f.Default != "":
					hidden = append(hidden, "--"+f.Name+"="+strings.Trim(f.Default, "[]"))
				}
			}
			help := execute(t, t.TempDir(), "", program, "--help")
			var named []string
			for _, m := range helpLine.FindAllStringSubmatch(help.out+help.err, -1) {
				named = append(named, m[1])
			}
			slices.Sort(named)
			if named = slices.Compact(named); !slices.Equal(named, shown) {
				t.Errorf("--help and the data differ:\nonly --help has %q\nonly the data has %q", without(named, shown), without(shown, named))
			}
			if r := execute(t, t.TempDir(), "", program, append(hidden, "--version")...); r.code != 0 {
				t.Errorf("hidden flags %q: exit %d\n%s", hidden, r.code, r.err)
			}
			t.Logf("%d flags in --help, %d hidden ones taken", len(named), len(hidden))
		})
	}
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
