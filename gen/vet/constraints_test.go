package vet

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// constraint is a record of testdata/constraints.txt: what kube-controller-manager or another
// component requires, and how a rule sees it.
type constraint struct {
	line          int
	text          string
	minor         int
	rule          string
	broken, right []string // command lines
	cases         []string // of the tables of this package's tests
	tests         []string // "gen/peer TestRead"
	scripts       []string
	running       string // why nothing offline sees it
}

// constraints reads testdata/constraints.txt, whose head explains its form.
func constraints(t *testing.T) []constraint {
	t.Helper()
	data, err := os.ReadFile("testdata/constraints.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []constraint
	for i, line := range strings.Split(string(data), "\n") {
		text, indented := strings.CutPrefix(line, "  ")
		if line == "" || line[0] == '#' {
			continue
		}
		if !indented {
			out = append(out, constraint{line: i + 1, text: line})
			continue
		}
		c := &out[len(out)-1]
		word, rest, _ := strings.Cut(text, " ")
		switch word {
		case "rule":
			rule, version, _ := strings.Cut(rest, " v1.")
			c.rule = rule
			if c.minor, err = strconv.Atoi(version); err != nil {
				c.minor = 37
			}
		case "broken":
			c.broken = append(c.broken, rest)
		case "right":
			c.right = append(c.right, rest)
		case "case":
			c.cases = append(c.cases, rest)
		case "test":
			c.tests = append(c.tests, rest)
		case "script":
			c.scripts = append(c.scripts, rest)
		case "running":
			c.running = rest
		default:
			t.Fatalf("line %d: %q", i+1, line)
		}
	}
	return out
}

// TestConstraints: each constraint is held by its rule, or has the reason why none can.
func TestConstraints(t *testing.T) {
	all := constraints(t)
	if len(all) < 100 {
		t.Errorf("%d constraints: the file is lost", len(all))
	}
	clusters := allCases()
	peers := maps.Clone(peerCases)
	maps.Copy(peers, comparedCases)
	for _, c := range all {
		breaks := func(words string) bool {
			found := CommandLine(spec.Version{Minor: c.minor}, []Line{lineOf("", words)})
			return slices.ContainsFunc(found, func(f finding.Finding) bool { return f.Rule == c.rule && f.Severity != finding.NotChecked })
		}
		for _, words := range c.broken {
			if !breaks(words) {
				t.Errorf("line %d: %s: %s isn't found in %s", c.line, c.text, c.rule, words)
			}
		}
		for _, words := range c.right {
			if breaks(words) {
				t.Errorf("line %d: %s: %s is found in %s", c.line, c.text, c.rule, words)
			}
		}
		for _, name := range c.cases {
			want := append(slices.Clone(clusters[name].want), peers[name].want...)
			if !slices.Contains(want, c.rule) {
				t.Errorf("line %d: %s: no case %q breaks %s", c.line, c.text, name, c.rule)
			}
		}
		c.elsewhere(t)
		switch byLine := len(c.broken) > 0 && len(c.right) > 0; {
		case c.running == "" && !byLine && len(c.cases)+len(c.tests)+len(c.scripts) == 0:
			t.Errorf("line %d: %s: neither a command line that breaks it with one that doesn't, nor a case, nor a reason", c.line, c.text)
		case c.rule != "" && !slices.ContainsFunc(allRules(), func(r Rule) bool { return r.ID == c.rule }):
			t.Errorf("line %d: there is no rule %s", c.line, c.rule)
		}
	}
}

// elsewhere requires that the tests and scripts that a constraint names exist, and that the
// scripts show the rule.
func (c constraint) elsewhere(t *testing.T) {
	t.Helper()
	for _, test := range c.tests {
		pkg, name, _ := strings.Cut(test, " ")
		found, err := filepath.Glob("../../" + pkg + "/*_test.go")
		if err != nil || !slices.ContainsFunc(found, func(file string) bool {
			data, err := os.ReadFile(file)
			return err == nil && strings.Contains(string(data), "\nfunc "+name+"(t *testing.T) {\n")
		}) {
			t.Errorf("line %d: %s: %s has no %s", c.line, c.text, pkg, name)
		}
	}
	for _, name := range c.scripts {
		data, err := os.ReadFile("../../cmd/kcmgen/testdata/script/" + name + ".txtar")
		if err != nil || c.rule != "" && !strings.Contains(string(data), c.rule) {
			t.Errorf("line %d: %s: the script %s doesn't show %s (%v)", c.line, c.text, name, c.rule, err)
		}
	}
}
