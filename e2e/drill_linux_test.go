package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// drillReport is the output of kcmgen drill --format json.
type drillReport struct {
	Leader, NewLeader string
	Leaderless        float64
	PredictedLeast    float64
	PredictedMost     float64
	Canary            *struct{ Results []struct{ Works bool } }
	Restored          bool
	Failed            []string
}

// TestDrill: in each mode another instance leads within the predicted time, its controllers work,
// and the old one runs again; a cluster in which none could take over is refused.
func TestDrill(t *testing.T) {
	s := onScene(t)
	s.deploy(t, 0)
	s.rested(t)
	modes := []string{"stop", "kill", "partition"}
	if testing.Short() {
		modes = modes[:1]
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			before := pictures(t, s.Ground)
			leader := s.leader(t).Name
			r := s.must(t, 0, s.args("drill", "--mode", mode, "--format", "json")...)
			var out drillReport
			if err := json.Unmarshal([]byte(r.Out), &out); err != nil {
				t.Fatal(err)
			}
			if out.Leader != leader || out.NewLeader == leader || out.NewLeader != s.leader(t).Name || !out.Restored || out.Canary == nil || len(out.Canary.Results) != 14 {
				t.Errorf("%s led, and it says %+v", leader, out)
			}
			figure(t, "drill: "+mode, "%.1f s without a leader, predicted %.0f to %.0f s", out.Leaderless, out.PredictedLeast, out.PredictedMost)
			s.rested(t)
			for name, text := range pictures(t, s.Ground) {
				for _, d := range differences(before[name], text) {
					if !strings.Contains(d, "NRestarts") { // kill leaves one
						t.Errorf("%s: %s", name, d)
					}
				}
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		a, b, _ := s.standbys(t)
		for _, h := range []*ground.Host{a, b} {
			do(t, h, "systemctl", "stop", unit)
		}
		r := s.must(t, 1, s.args("drill")...)
		if !strings.Contains(r.Err, "no other instance is healthy: none could take over") {
			t.Error(r.Err)
		}
		for _, h := range []*ground.Host{a, b} {
			do(t, h, "systemctl", "start", unit)
		}
		s.rested(t)
	})
}

// TestDrillCut: a drill that is cut off at any point ends with everything running again, by
// itself if its operator is gone.
func TestDrillCut(t *testing.T) {
	s := onScene(t)
	s.deploy(t, 0)
	s.rested(t)
	points := 24
	if testing.Short() {
		points = 2
	}
	ended, slowest := 0, 0.0
	for i := range points {
		mode, signal := []string{"stop", "kill", "partition"}[i%3], []syscall.Signal{syscall.SIGKILL, syscall.SIGINT}[i/3%2]
		after := time.Duration(i/2) * 400 * time.Millisecond
		ok := t.Run(fmt.Sprintf("%s, signal %d after %v", mode, signal, after), func(t *testing.T) {
			start := s.cutDrill(t, after, signal, "--mode", mode)
			s.rested(t)
			slowest = max(slowest, time.Since(start).Seconds())
		})
		if ok {
			ended++
		}
	}
	figure(t, "drill: cut off", "%d of %d points with everything running again, after %.0f s at the most", ended, points, slowest)
}

// cutDrill begins a drill and sends it a signal after a time. It waits for its end, and returns when
// the signal was sent.
func (s *scene) cutDrill(t *testing.T, after time.Duration, signal syscall.Signal, args ...string) (sent time.Time) {
	t.Helper()
	cmd := s.o.Command(append([]string{kcmgen}, s.args("drill", args...)...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		_ = cmd.Wait() // ended by the signal
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(after):
	}
	_ = cmd.Process.Signal(signal)
	sent = time.Now()
	select {
	case <-done:
	case <-time.After(3 * time.Minute):
		t.Error("it doesn't end")
		_ = cmd.Process.Signal(os.Kill)
	}
	return sent
}

// rested waits until every host's instance is healthy, one leads, and no drill goes on anywhere.
func (s *scene) rested(t *testing.T) {
	t.Helper()
	s.restedBy(t, s.atRest)
}

// restedBy waits until a look at the hosts finds no fault, and one leads.
func (s *scene) restedBy(t *testing.T, look func(*testing.T) error) {
	t.Helper()
	var last error
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if last = look(t); last == nil {
			break
		}
	}
	if last == nil {
		last = renewed(t, s.Ground)
	}
	if last != nil {
		t.Error(last)
	}
}

func (s *scene) atRest(t *testing.T) error {
	t.Helper()
	for _, h := range s.Hosts {
		r, err := h.Run(t.Context(), "sh", "-c", `
			[ ! -e /etc/kubernetes/kcmgen/drill ] || echo a drill goes on
			! systemctl -q is-active kcmgen-drill.timer || echo its timer runs
			systemctl -q is-active kube-controller-manager || echo stopped
			ls -d /run/systemd/system.control/kube-controller-manager.service.d 2>/dev/null`)
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
