package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPods runs all of deploy on static pods: a first deployment, a change, diff --live, a
// rollback, a retirement.
func TestPods(t *testing.T) {
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.must(t, 0, "image", ".")
	s.deploy(t, 0, "--dry-run")
	start := time.Now()
	s.deploy(t, 0)
	figure(t, "first deployment of pods", "%.1f s, with their image", time.Since(start).Seconds())
	s.newEverywhere(t)
	before := pictures(t, s.Ground)
	s.must(t, 0, "diff", "--live", ".")
	s.flag(t, "concurrent-gc-syncs", 21)
	w := watchHosts(t, s.Ground)
	start = time.Now()
	s.deploy(t, 0)
	took := time.Since(start)
	saw := w.end()
	saw.spared(t)
	figure(t, "a change of pods", "%.1f s, %s", took.Seconds(), saw)
	s.newEverywhere(t)
	for _, h := range s.Hosts {
		do(t, h, "chmod", "644", generations+"/"+s.exported(t, h.Name)+"/sa.key")
	}
	r := s.must(t, 4, "diff", "--live", ".")
	if n := strings.Count(r.Out, "/sa.key: mode is 644, not 600"); n != len(s.Hosts) {
		t.Errorf("a mode is seen on %d hosts", n)
	}
	s.deploy(t, 0) // undoes the change
	s.must(t, 0, "diff", "--live", ".")
	s.must(t, 0, s.args("rollback")...)
	s.asBefore(t, before)
	s.leaves(t)
}

// badPods returns the bad configurations of pods: those of units, and two that only a pod can
// have.
func badPods() []badConfig {
	own := []badConfig{
		{name: "an image that isn't there", shows: refused, short: true, change: func(t *testing.T, n *node) {
			n.replace(t, "image: "+podImage, "image: localhost/nosuch:v1")
		}},
		{name: "a mount that isn't there", shows: exits, short: true, change: func(t *testing.T, n *node) {
			n.replace(t, "path: /etc/kubernetes/kcmgen/", "path: /etc/kubernetes/kcmgen/no/")
		}},
	}
	return append(own, badConfigs()...)
}

// replace replaces a text of the manifest, which must be there.
func (n *node) replace(t *testing.T, old, new string) {
	t.Helper()
	if !strings.Contains(n.unit, old) {
		t.Fatalf("no %q in %s", old, n.unit)
	}
	n.unit = strings.Replace(n.unit, old, new, 1)
}

// TestBadPods: no host keeps a pod of any bad configuration.
func TestBadPods(t *testing.T) {
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.must(t, 0, "image", ".")
	s.deploy(t, 0, "-o", s.altered(t, func(*testing.T, *node) {}))
	s.everyBad(t, "bad pods", badPods(), podBackWithin)
}

// podBackWithin bounds the time until a bad configuration of a pod is gone from all hosts: the
// kubelet may take a while to replace a pod.
const podBackWithin = 120 * time.Second

// layout exports the cluster with another layout.
func (s *scene) layout(t *testing.T, from, to string) {
	t.Helper()
	file := filepath.Join(s.o.Repository, "cluster.cue")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was, is := fmt.Sprintf("layout:  %q", from), fmt.Sprintf("layout:  %q", to)
	if !strings.Contains(string(text), was) {
		t.Fatalf("no %s in %s", was, file)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), was, is, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	s.must(t, 0, "export", ".")
}

// TestLayouts: hosts change from pods to units and back, one instance on each at any time.
func TestLayouts(t *testing.T) {
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.must(t, 0, "image", ".")
	s.deploy(t, 0)
	pods := pictures(t, s.Ground)
	s.layout(t, "staticPod", "systemd")
	w := watchHosts(t, s.Ground)
	start := time.Now()
	s.deploy(t, 0)
	took := time.Since(start)
	saw := w.end()
	saw.spared(t)
	s.newEverywhere(t)
	figure(t, "from pods to units", "%.1f s, %s", took.Seconds(), saw)
	units := pictures(t, s.Ground)
	s.must(t, 0, s.args("rollback")...)
	s.asBefore(t, pods)
	s.must(t, 0, s.args("rollback")...)
	s.asBefore(t, units)
	s.layout(t, "systemd", "staticPod")
	w = watchHosts(t, s.Ground)
	start = time.Now()
	s.deploy(t, 5, "-o", s.altered(t, unpaired))
	took = time.Since(start)
	saw = w.end()
	saw.spared(t)
	s.asBefore(t, units)
	figure(t, "from units to pods that fail", "exit 5 after %.1f s, the units run again, %s", took.Seconds(), saw)
	s.deploy(t, 0)
	s.newEverywhere(t)
}
