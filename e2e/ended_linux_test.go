package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// until runs kcmgen until it ends with a code: a lock lasts a moment longer than a killed
// session.
func (s *scene) until(t *testing.T, code int, args ...string) ground.Result {
	t.Helper()
	var r ground.Result
	eventually(t, func() (err error) {
		r, err = s.o.Kcmgen(t.Context(), args...)
		if err == nil && r.Code == 1 && strings.Contains(r.Err, "is being changed by") {
			err = fmt.Errorf("exit %d: %s", r.Code, r.Err)
		}
		return err
	})
	t.Logf("kcmgen %s: exit %d\n%s%s", strings.Join(args, " "), r.Code, r.Err, r.Out)
	if r.Code != code {
		t.Fatalf("kcmgen %s: exit %d, expected %d", strings.Join(args, " "), r.Code, code)
	}
	return r
}

// alteredAt returns a tree with another generation for one node.
func alteredAt(t *testing.T, out, name string, change func(*testing.T, *node)) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "out")
	if err := os.CopyFS(to, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	m := readManifest(t, to)
	m.nodes[name] = alterNode(t, m, name, m.nodes[name], change)
	m.write(t)
	return to
}

// nothing checks that a host has no kube-controller-manager and no trial.
func nothing(t *testing.T, h *ground.Host) {
	t.Helper()
	show, err := h.Show(t.Context(), unit, "LoadState", "ActiveState", "MainPID")
	if err != nil || show["LoadState"] != "not-found" || show["MainPID"] != "0" || onTrial(t, h) {
		t.Errorf("%s: %v, %v", h.Name, show, err)
	}
}

// TestEnded: a failing rollout takes back what it changed, also in an interrupted run, but
// no host of a run that ended well or of another rollout.
func TestEnded(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	good, bad := s.Hosts[0], s.Hosts[1]
	out := s.altered(t, func(t *testing.T, n *node) {
		n.flag(t, "concurrent-gc-syncs", "21")
		if n.name == bad.Name {
			unpaired(t, n)
		}
	})
	both := []string{"--without-lease", "--limit", good.Name + "," + bad.Name} // in this order, whichever leads
	half := func(t *testing.T) {
		b := s.begin(t, s.args("deploy", append(both, "-o", out)...)...)
		b.until(t, good.Name+": done:")
		b.kill()
	}
	t.Run("an interrupted first deployment", func(t *testing.T) {
		half(t)
		s.until(t, 5, s.args("deploy", append(both, "-o", out)...)...)
		for _, h := range s.Hosts[:2] {
			nothing(t, h)
		}
	})
	s.deploy(t, 0)
	t.Run("a run that ended well", func(t *testing.T) {
		s.deploy(t, 0, "-o", out, "--limit", good.Name)
		newer := pictures(t, s.Ground)
		for _, how := range [][]string{{"--limit", good.Name + "," + bad.Name}, {"--without-lease"}} {
			r := s.deploy(t, 5, append(how, "-o", out)...)
			if !strings.Contains(r.Err, bad.Name+": back: as it was") || strings.Contains(r.Err, good.Name+": back:") {
				t.Errorf("%q: %s, and not %s, should go back", how, bad.Name, good.Name)
			}
			s.asBefore(t, newer)
		}
		s.must(t, 0, s.args("rollback", "--limit", good.Name)...)
	})
	before := pictures(t, s.Ground)
	t.Run("an interrupted run of this rollout", func(t *testing.T) {
		half(t)
		s.until(t, 5, s.args("deploy", append(both, "-o", out)...)...)
		s.asBefore(t, before)
	})
	t.Run("an interrupted run of another rollout", func(t *testing.T) {
		half(t)
		kept := map[string]string{good.Name: pictureOf(t, s.Ground, good)}
		for _, h := range s.Hosts[1:] {
			kept[h.Name] = before[h.Name]
		}
		other := alteredAt(t, out, bad.Name, func(t *testing.T, n *node) { n.flag(t, "concurrent-gc-syncs", "22") })
		s.until(t, 5, s.args("deploy", append(both, "-o", other)...)...)
		s.asBefore(t, kept)
	})
	figure(t, "a failing run, and hosts of earlier ones", "only what this rollout changed went back")
}
