package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestHandover: the lease of the leader, which is restarted last, is given back when its process
// is gone, and another instance has it before it would have run out. It isn't given back while
// another process of the program runs on that host, nor if the cluster says so.
func TestHandover(t *testing.T) {
	if sampled(t) {
		return
	}
	const lease = 15 * time.Second
	s := onScene(t)
	text := regexp.MustCompile(`(?m)^\t\t"leader-elect-.*\n`).ReplaceAllString(exampleOn, "")
	s.export(t, text)
	s.deploy(t, 0)
	for i, c := range []struct {
		name, says string
		handed     bool
		before     func(t *testing.T) (after func())
		deploy     string // its CUE
	}{
		{name: "handed over", says: ": hands over: the lease of its old process", handed: true},
		{name: "another process", says: "couldn't be given back, and runs out: 2 processes of the program run: ", before: s.otherProcess},
		{name: "not wanted", deploy: "handover: false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.before != nil {
				defer c.before(t)()
			}
			set := strings.Replace(text, "deploy: {", "deploy: {\n\t\t"+c.deploy, 1)
			s.export(t, strings.Replace(set, "flags: {", "flags: {\n\t\t\"kube-api-qps\": "+string(rune('1'+i)), 1))
			was := s.leader(t)
			took, said := s.leaderless(t)
			if c.says == "" && strings.Contains(said, "hands over") || !strings.Contains(said, c.says) {
				t.Errorf("it doesn't say %q", c.says)
			}
			// A process renews its lease every two seconds, so it can be that much older than its end.
			if handed := took < lease-3*time.Second; handed != c.handed {
				t.Errorf("no instance led for %v after the end of the one on %s", took, was.Name)
			}
			figure(t, "without a leader: "+c.name, "%.1f s", took.Seconds())
		})
	}
}

// otherProcess starts another process by the program's name on the host that leads. after ends it.
func (s *scene) otherProcess(t *testing.T) (after func()) {
	t.Helper()
	h := s.leader(t)
	do(t, h, "sh", "-euc", `cp "$(command -v sleep)" /run/kube-controller-manager
		setsid /run/kube-controller-manager 1000 >/dev/null 2>&1 </dev/null & echo $! >/run/other`)
	return func() { do(t, h, "sh", "-euc", `kill "$(cat /run/other)"`) }
}
