package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPodsWatched: status and logs tell of pods what they tell of units, and a drill of a pod puts
// everything back, also without its operator, and after a power loss.
func TestPodsWatched(t *testing.T) {
	if sampled(t) {
		return
	}
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.must(t, 0, "image", ".")
	s.deploy(t, 0)
	s.podsRested(t)
	s.settledPods(t)
	s.sees(t)
	s.logs(t)
	for _, mode := range []string{"stop", "kill"} {
		t.Run(mode, func(t *testing.T) {
			r := s.must(t, 0, s.args("drill", "--mode", mode, "--format", "json")...)
			var out drillReport
			if err := json.Unmarshal([]byte(r.Out), &out); err != nil {
				t.Fatal(err)
			}
			figure(t, "drill of a pod: "+mode, "%.1f s without a leader, predicted %.0f to %.0f s", out.Leaderless, out.PredictedLeast, out.PredictedMost)
			s.podsRested(t)
		})
	}
	r := s.must(t, 1, s.args("drill", "--mode", "partition")...)
	if !strings.Contains(r.Err, "a pod's packets can't be dropped") {
		t.Error(r.Err)
	}
	ended, points := 0, 6
	for i := range points {
		after := time.Duration(i) * 1500 * time.Millisecond
		if t.Run(fmt.Sprintf("cut off after %v", after), func(t *testing.T) { s.cutPodDrill(t, after, nil) }) {
			ended++
		}
	}
	figure(t, "drill of a pod: cut off", "%d of %d points with everything running again", ended, points)
	t.Run("power loss", func(t *testing.T) {
		leader := s.leader(t)
		s.cutPodDrill(t, 4*time.Second, func() {
			leader.PowerOff()
			if err := leader.Boot(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// cutPodDrill ends a drill by SIGKILL after a time; then something else happens.
func (s *scene) cutPodDrill(t *testing.T, after time.Duration, then func()) {
	t.Helper()
	s.cutDrill(t, after, syscall.SIGKILL)
	if then != nil {
		then()
	}
	s.podsRested(t)
}

// settledPods looks until nothing is wrong.
func (s *scene) settledPods(t *testing.T) {
	t.Helper()
	var last []string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
		if last = s.status(t).found(); len(last) == 0 {
			return
		}
	}
	t.Errorf("still wrong: %v", last)
}

// podsRested is rested for pods.
func (s *scene) podsRested(t *testing.T) {
	t.Helper()
	s.restedBy(t, s.podsAtRest)
}

func (s *scene) podsAtRest(t *testing.T) error {
	t.Helper()
	for _, h := range s.Hosts {
		r, err := h.Run(t.Context(), "sh", "-c", `
			[ ! -e /etc/kubernetes/kcmgen/drill ] || echo a drill goes on
			ls /etc/kubernetes/manifests/.*.kcmgen-drill 2>/dev/null
			[ -e /etc/kubernetes/manifests/kube-controller-manager.yaml ] || echo no manifest`)
		if err != nil {
			return err
		}
		if text := strings.TrimSpace(r.Out); text != "" {
			return fmt.Errorf("%s: %s", h.Name, text)
		}
		if err := healthy(t.Context(), inside(s.Ground, h)); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	return nil
}
