package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestRollbackAgain: a rollback that was killed or failed goes on in the same direction
// when it is called again.
func TestRollbackAgain(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	before := pictures(t, s.Ground)
	for _, h := range s.Hosts {
		do(t, h, "systemctl", "disable", "-q", "kcmgen-recover.service")
	}
	s.flag(t, "concurrent-gc-syncs", 21)
	s.deploy(t, 0)
	newer := pictures(t, s.Ground)
	for _, h := range s.Hosts {
		if r, err := h.Run(t.Context(), "systemctl", "is-enabled", "kcmgen-recover.service"); err != nil || r.Out != "enabled\n" {
			t.Errorf("%s: the disabled boot unit is %s%v", h.Name, r.Out, err)
		}
	}
	api := s.throughAPI(t)
	t.Run("failed", func(t *testing.T) {
		second := s.plan(t, "rollback").Steps[1]
		h, home := s.host(second.Node), filepath.Join("/", homeOnHost, second.To)
		do(t, h, "cp", "-a", home+"/kube-controller-manager.key", "/run/kept.key")
		do(t, h, "cp", home+"/sa.key", home+"/kube-controller-manager.key")
		s.must(t, 5, s.args("rollback")...)
		s.asBefore(t, newer)
		do(t, h, "cp", "-a", "/run/kept.key", home+"/kube-controller-manager.key")
		s.must(t, 0, s.args("rollback")...)
		s.asBefore(t, before)
	})
	// From here on all have gone back once: each run goes back from the last one.
	t.Run("killed between two hosts", func(t *testing.T) {
		first := s.plan(t, "rollback").Steps[0].Node
		b := s.begin(t, s.args("rollback")...)
		b.away(t, api, first)
		b.kill()
		api.reset(0, "", false)
		r := s.until(t, 0, s.args("rollback")...)
		if again := restarted(r); strings.Contains(again, first) || len(strings.Fields(again)) != 2 {
			t.Errorf("%s went back already, and restarted are %s", first, again)
		}
		s.asBefore(t, newer)
	})
	t.Run("killed in a trial", func(t *testing.T) {
		second := s.plan(t, "rollback").Steps[1].Node
		b := s.begin(t, s.args("rollback")...)
		b.until(t, second+": restart:")
		eventually(t, func() error {
			if !onTrial(t, s.host(second)) {
				return fmt.Errorf("%s isn't on trial", second)
			}
			return nil
		})
		b.kill()
		s.until(t, 0, s.args("rollback")...)
		s.asBefore(t, before)
	})
	figure(t, "a rollback that was interrupted, again", "goes on in its direction")
}
