package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// TestTold: plans and reports tell the operator what matters: a failure's reason under its
// own host, what a rollback leads to, which other hosts are needed.
func TestTold(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	t.Run("nothing before", s.nothingBefore)
	t.Run("the failed host's log", s.ownLog)
	t.Run("lines of the unit", s.unitLines)
	t.Run("back, and there again", s.thereAgain)
	t.Run("the only one that works", s.onlyOne)
	t.Run("masked", s.masked)
}

// nothingBefore: a rollback of a first deployment stops what runs, and says so.
func (s *scene) nothingBefore(t *testing.T) {
	p := s.plan(t, "rollback")
	for _, step := range p.Steps {
		if !step.Stops || step.To != "none" {
			t.Errorf("%+v", step)
		}
	}
	if all := strings.Join(p.Notes, "\n"); len(p.Steps) != 3 || strings.Contains(all, "election") || !strings.Contains(all, "stays exported") {
		t.Errorf("%d steps, notes %s", len(p.Steps), all)
	}
	text := s.must(t, 0, s.args("rollback", "--dry-run")...).Out
	has(t, text, " → none, stop: it had none before")
	if strings.Contains(text, "- --") {
		t.Errorf("flags are shown for a unit that stops:\n%s", text)
	}
}

// ownLog: one host fails in the middle. The report has its log under it, without the list of
// flags, and no other host's.
func (s *scene) ownLog(t *testing.T) {
	a, b, leader := s.standbys(t)
	s.export(t, judgedInSeconds()+fmt.Sprintf("cluster: flags: v: 2\ncluster: nodes: %q: flags: \"secure-port\": 22\n", b.Name))
	r := s.deploy(t, 5)
	_, below, _ := strings.Cut(r.Out, "example: "+b.Name+": rolled back  has ")
	below, _, _ = strings.Cut(below, "\nexample: ")
	has(t, below, ", not ", "command failed", "permission denied")
	if strings.Contains(r.Out, "FLAG:") || strings.Count(r.Out, "command failed") != strings.Count(below, "command failed") {
		t.Errorf("lines other than the failed host's:\n%s", r.Out)
	}
	has(t, r.Out, "example: "+a.Name+": rolled back  has ", "example: "+leader.Name+": untouched  has ")
	has(t, r.Err, "hint: hosts have what they had; what failed is still exported")
}

// unitLines: changes of a unit other than flags are shown.
func (s *scene) unitLines(t *testing.T) {
	s.export(t, judgedInSeconds()+"cluster: unit: Service: Nice: 3\n")
	for _, step := range s.plan(t, "deploy").Steps {
		if len(step.Unit) != 1 || step.Unit[0] != "+ Nice=3" {
			t.Errorf("%s: %q", step.Node, step.Unit)
		}
	}
	s.deploy(t, 0)
}

// thereAgain: a second rollback returns to the generation that the first one left.
func (s *scene) thereAgain(t *testing.T) {
	s.must(t, 0, s.args("rollback")...)
	p := s.plan(t, "rollback")
	for _, step := range p.Steps {
		if note := fmt.Sprintf("%s: it went back from %.8s already, and gets it again", step.Node, step.To); !strings.Contains(strings.Join(p.Notes, "\n"), note) {
			t.Errorf("no %q in %q", note, p.Notes)
		}
	}
	s.deploy(t, 0)
}

func (s *scene) onlyOne(t *testing.T) {
	a, b, leader := s.standbys(t)
	do(t, a, "systemctl", "stop", unit)
	do(t, b, "systemctl", "stop", unit)
	s.flag(t, "concurrent-gc-syncs", 23)
	if p := s.plan(t, "deploy", "--limit", leader.Name); !strings.Contains(strings.Join(p.Notes, "\n"), leader.Name+" is the only one that works") {
		t.Errorf("%q", p.Notes)
	}
	s.deploy(t, 0)
}

func (s *scene) masked(t *testing.T) {
	h := s.Hosts[1]
	do(t, h, "systemctl", "stop", unit)
	do(t, h, "ln", "-sf", "/dev/null", "/"+unitOnHost)
	do(t, h, "systemctl", "daemon-reload")
	has(t, s.deploy(t, 1).Err, h.Name+": "+unit+".service is masked: systemctl unmask ")
	do(t, h, "systemctl", "unmask", unit)
	s.deploy(t, 0)
	s.newEverywhere(t)
}
