package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestOtherHosts: hosts that --limit doesn't name are spares all the same. Of two rollouts
// with different hosts the second waits for the first, a host on trial is no spare, and no
// host is restarted while one that isn't named doesn't work.
func TestOtherHosts(t *testing.T) {
	if sampled(t) {
		return
	}
	s, _ := standing(t)
	a, b, _ := s.standbys(t)
	before := pictureOf(t, s.Ground, b)
	run := s.begin(t, s.args("deploy", "--limit", a.Name)...)
	run.until(t, a.Name+": restart:")
	refused := s.another(t).deploy(t, 1, "--limit", b.Name)
	has(t, refused.Err, "it is being changed by ")
	run.kill()
	refusal := a.Name + ": it has " // once the lock of the killed session is free
	eventually(t, func() error {
		if refused = s.deploy(t, 1, "--limit", b.Name); !strings.Contains(refused.Err, refusal) {
			return fmt.Errorf("%q isn't in %s", refusal, refused.Err)
		}
		return nil
	})
	has(t, refused.Err, " on trial", "hint: wait until it has gone back, or name it, too")
	if d := differences(before, pictureOf(t, s.Ground, b)); len(d) > 0 {
		t.Errorf("%s changed: %q", b.Name, d)
	}
	s.deploy(t, 0)
	s.newEverywhere(t)
	s.missed(t)
	figure(t, "a host that --limit doesn't name", "is locked, and has to work: seen with one on trial, one away for a moment (waited for), one stopped")
}

// missed: a host that isn't named stops while another is on trial. The next one isn't
// restarted before it works again. A host that was stopped before is only noted.
func (s *scene) missed(t *testing.T) {
	t.Helper()
	s.flag(t, "concurrent-gc-syncs", 22)
	p := s.plan(t, "deploy")
	last, run := s.stoppedOther(t, p)
	run.until(t, ": waits: for "+last.Name+", which doesn't work now: ")
	do(t, last, "systemctl", "start", unit)
	if code := run.end(t, 2*time.Minute); code != 0 {
		t.Errorf("exit %d where %s was away for a moment:\n%s", code, last.Name, run.text.String())
	}
	s.deploy(t, 0)

	s.flag(t, "concurrent-gc-syncs", 24)
	p = s.plan(t, "deploy")
	second := p.Steps[1].Node
	before := pictureOf(t, s.Ground, s.host(second))
	last, run = s.stoppedOther(t, p)
	if code := run.end(t, 2*time.Minute); code != 1 && code != 5 {
		t.Errorf("exit %d where %s can't be spared", code, second)
	}
	has(t, run.text.String(), second+": not restarted, since "+last.Name+" doesn't work now")
	if d := differences(before, pictureOf(t, s.Ground, s.host(second))); len(d) > 0 {
		t.Errorf("%s changed: %q", second, d)
	}
	if notes := strings.Join(s.plan(t, "deploy", "--limit", second).Notes, "\n"); !strings.Contains(notes, last.Name+": not named, and doesn't work") {
		t.Errorf("the notes are %s", notes)
	}
	s.deploy(t, 0, "--limit", second)
	s.deploy(t, 0)
	s.newEverywhere(t)
}

// stoppedOther begins a rollout to the first two hosts of a plan, and stops the third while
// the first is on trial.
func (s *scene) stoppedOther(t *testing.T, p plan) (*ground.Host, *begun) {
	t.Helper()
	first, second, third := p.Steps[0].Node, p.Steps[1].Node, s.host(p.Steps[2].Node)
	run := s.begin(t, s.args("deploy", "--limit", first+","+second)...)
	run.until(t, first+": healthy:")
	do(t, third, "systemctl", "stop", unit)
	return third, run
}
