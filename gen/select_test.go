package gen

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
)

// TestSelection: what each severity and list of rules takes.
func TestSelection(t *testing.T) {
	for _, c := range []struct {
		s    Selection
		want string // of error, warning, not checked; of rule a, then of rule b
	}{
		{Selection{}, "111 111"},
		{Selection{Severity: "notchecked"}, "111 111"},
		{Selection{Severity: "warning"}, "110 110"},
		{Selection{Severity: "error"}, "100 100"},
		{Selection{Only: []string{"a"}}, "111 000"},
		{Selection{Severity: "error", Only: []string{"b", "c"}}, "000 100"},
	} {
		var b strings.Builder
		for i, rule := range []string{"a", "b"} {
			if i > 0 {
				b.WriteByte(' ')
			}
			for _, s := range []finding.Severity{finding.Error, finding.Warning, finding.NotChecked} {
				if c.s.takes(rule, s) {
					b.WriteByte('1')
				} else {
					b.WriteByte('0')
				}
			}
		}
		if got := b.String(); got != c.want {
			t.Errorf("%+v takes %s, not %s", c.s, got, c.want)
		}
	}
}

// TestRuleAnchors: each id of a finding has its anchor in docs/rules.md, where SARIF's help
// leads to.
func TestRuleAnchors(t *testing.T) {
	data, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for _, m := range regexp.MustCompile("<a id=\"([a-z0-9-]+)\">|(?m:^#+ `?([a-z0-9-]+)`?$)").FindAllStringSubmatch(string(data), -1) {
		anchors = append(anchors, m[1]+m[2])
	}
	for _, id := range RuleIDs() {
		if n := len(slices.DeleteFunc(slices.Clone(anchors), func(a string) bool { return a != id })); n != 1 {
			t.Errorf("docs/rules.md has %d anchors %q", n, id)
		}
	}
}
