package e2e

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const statusDocs = "../docs/status.md"

// TestStatusDocs: the runs in docs/status.md are real, except for numbers, and for which host
// leads.
func TestStatusDocs(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	data, err := os.ReadFile(statusDocs)
	if err != nil {
		t.Fatal(err)
	}
	d := &docs{t, s.o, string(data), statusDocs, withoutNumbers}
	defer d.write()
	d.export("")
	d.run("", 0, "kcmgen deploy --yes example")
	s.settled(t)
	d.run("status", 0, "kcmgen status example")
	d.run("canary", 0, "kcmgen canary example")
	d.run("drill", 0, "kcmgen drill --yes example")
	s.settled(t)
	// What is logged isn't ours, so any log will do.
	d.like = func(string) string { return "" }
	d.run("logs", 0, "kcmgen logs --since 1m --lines 3 example")
	d.like = withoutNumbers
	a, b, _ := s.standbys(t)
	do(t, a, "systemctl", "stop", unit)
	do(t, b, "sh", "-c", "chmod 644 /etc/kubernetes/kcmgen/*/sa.key")
	d.run("wrong", 3, "kcmgen status example")
}

var (
	numbers = regexp.MustCompile(`[0-9][0-9a-f]{7}\b|[0-9a-f]*[0-9][0-9a-f]{6,}|[0-9]+(\.[0-9]+)?(ms|s|m|h|d)?`)
	spaces  = regexp.MustCompile(` +|-+`)
)

// withoutNumbers removes from a text what differs between runs: numbers, among them those of hosts,
// columns' widths, and the order of lines. Errors of logs and busy queues are chance.
func withoutNumbers(s string) string {
	var out []string
	for line := range strings.Lines(s) {
		if strings.Contains(line, "last error of its log") || strings.Contains(line, "busiest queues") || strings.Contains(line, "that is:") || strings.Contains(line, "errors of the apiserver") {
			continue
		}
		line = strings.NewReplacer(" yes ", " ", " - ", " ").Replace(line)
		out = append(out, strings.TrimSpace(spaces.ReplaceAllString(numbers.ReplaceAllString(line, "#"), " ")))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), "\n")
}
