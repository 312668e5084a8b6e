package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// in returns an error unless a unit has the given states.
func in(t *testing.T, h *ground.Host, active, enabled string) error {
	t.Helper()
	show, err := h.Show(t.Context(), unit, "ActiveState", "SubState", "UnitFileState")
	if err != nil {
		return err
	}
	if is := show["ActiveState"] + "/" + show["SubState"]; is != active || show["UnitFileState"] != enabled {
		return fmt.Errorf("%s is %s and %s, expected %s and %s", h.Name, is, show["UnitFileState"], active, enabled)
	}
	return nil
}

// stays checks that a unit keeps the given states.
func stays(t *testing.T, h *ground.Host, active, enabled string) {
	t.Helper()
	eventually(t, func() error { return in(t, h, active, enabled) })
}

// TestUndone: a host that goes back is as it was before: a unit that waited for a restart is
// started, one that was stopped or disabled isn't.
func TestUndone(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.export(t, strings.Replace(exampleOn, `gate: "20s"`, `gate: "8s"`, 1)+"cluster: unit: Service: RestartSec: 60\n")
	s.deploy(t, 0)
	a, b, last := s.standbys(t)
	// The last one fails, so all go back, including the confirmed ones.
	out := s.altered(t, func(t *testing.T, n *node) {
		n.flag(t, "concurrent-gc-syncs", "21")
		if n.name == last.Name {
			unpaired(t, n)
		}
	})
	home := filepath.Join("/", homeOnHost, s.exported(t, a.Name))
	do(t, a, "cp", "-a", home+"/kube-controller-manager.key", "/run/kept.key")
	do(t, a, "cp", home+"/sa.key", home+"/kube-controller-manager.key")
	do(t, a, "systemctl", "restart", unit)
	stays(t, a, "activating/auto-restart", "enabled")
	do(t, b, "systemctl", "disable", "-q", unit)
	do(t, last, "systemctl", "disable", "-q", unit)
	s.deploy(t, 5, "-o", out)
	stays(t, a, "activating/auto-restart", "enabled")
	stays(t, b, "active/running", "disabled")
	stays(t, last, "active/running", "disabled")

	do(t, a, "cp", "-a", "/run/kept.key", home+"/kube-controller-manager.key")
	do(t, last, "systemctl", "enable", "-q", unit)
	do(t, a, "systemctl", "restart", unit) // the one that failed leads again
	do(t, b, "systemctl", "stop", unit)
	do(t, a, "systemctl", "stop", unit)
	eventually(t, func() error {
		if now := s.leader(t); now != last {
			return fmt.Errorf("%s leads", now.Name)
		}
		return nil
	})
	s.deploy(t, 5, "-o", out)
	stays(t, a, "inactive/dead", "enabled")
	stays(t, b, "inactive/dead", "disabled")
	stays(t, last, "active/running", "enabled")
	figure(t, "hosts that go back", "started, stopped, enabled and disabled as they were")
}
