package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestPods runs all of deploy on static pods: a first deployment, a change, diff --live, a
// rollback, a retirement. A sample changes one host.
func TestPods(t *testing.T) {
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.must(t, 0, "image", ".")
	s.deploy(t, 0, "--dry-run")
	start := time.Now()
	s.deploy(t, 0)
	figure(t, "first deployment of pods", "%.1f s, with their image", time.Since(start).Seconds())
	s.newEverywhere(t)
	for _, h := range s.Hosts {
		has(t, do(t, h, "sh", "-c", "grep -E '^(Uid|CapEff|NoNewPrivs):' /proc/$(pidof kube-controller-manager)/status"), "65520", "0000000000000000", "NoNewPrivs:\t1")
	}
	before := pictures(t, s.Ground)
	s.must(t, 0, "diff", "--live", ".")
	s.flag(t, "concurrent-gc-syncs", 21)
	if testing.Short() {
		s.deploy(t, 0, "--limit", "cp-3")
		s.must(t, 0, s.args("rollback", "--limit", "cp-3")...)
		s.asBefore(t, before)
		return
	}
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

// TestBadPods: no host keeps a pod of any bad configuration. A pod is away for 3 to 5 s; with a
// shorter lease the next leader would end by the fault before it is back.
func TestBadPods(t *testing.T) {
	if sampled(t) {
		return
	}
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.export(t, strings.NewReplacer(`"3s"`, `"12s"`, `"2s"`, `"9s"`, `"500ms"`, `"1s"`).Replace(exampleOn)+podCluster(t, s.o.Repository))
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
	if sampled(t) {
		return
	}
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

// TestFoundPods: a pod made by hand is kept outside the kubelet's directory, and a rollback
// restores it byte for byte.
func TestFoundPods(t *testing.T) {
	if sampled(t) {
		return
	}
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.must(t, 0, "image", ".")
	s.imported(t)
	for _, h := range s.Hosts {
		s.podByHand(t, h)
	}
	for _, h := range s.Hosts {
		s.podRuns(t, h)
	}
	if err := renewed(t, s.Ground); err != nil {
		t.Fatal(err)
	}
	before := pictures(t, s.Ground)
	p := s.plan(t, "deploy")
	for _, step := range p.Steps {
		if step.From != "found" {
			t.Errorf("%s has %s before", step.Node, step.From)
		}
	}
	has(t, strings.Join(p.Notes, "\n"), "wasn't written by kcmgen; it is kept, to go back to")
	s.deploy(t, 0)
	s.newEverywhere(t)
	s.must(t, 0, s.args("rollback")...)
	s.asBefore(t, before)
}

// podByHand puts a manifest and its files on a host, as a person would.
func (s *scene) podByHand(t *testing.T, h *ground.Host) {
	t.Helper()
	const script = `cd / && tar -xp --no-overwrite-dir && rm -rf etc/kubernetes/byhand && mv etc/kubernetes/kcmgen/*/ etc/kubernetes/byhand && rmdir etc/kubernetes/kcmgen
		sed -e "s|/etc/kubernetes/kcmgen/[0-9a-f]*|/etc/kubernetes/byhand|" -e "s/name: kcmgen$/name: files/" -e "1s/.*/# by hand/" etc/kubernetes/byhand/kube-controller-manager.yaml >/tmp/m && rm etc/kubernetes/byhand/kube-controller-manager.yaml
		chown -R "$1" etc/kubernetes/byhand
		chmod 640 /tmp/m && cp -p /tmp/m etc/kubernetes/manifests/.m && mv etc/kubernetes/manifests/.m etc/kubernetes/manifests/kube-controller-manager.yaml`
	archive := h.Command("sh", "-euc", script, "sh", podUser)
	archive.Stdin = tarOf(t, s.node(h), "./etc/kubernetes/kcmgen")
	if out, err := archive.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// tarOf returns an archive of a directory below another one.
func tarOf(t *testing.T, dir, below string) io.Reader {
	t.Helper()
	out, err := exec.Command("tar", "-C", dir, "--owner=0", "--group=0", "-c", below).Output()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(out)
}

// TestKubeletAsked: hosts whose kubelet wouldn't run the pod are refused before anything
// changes, each with its sentence.
func TestKubeletAsked(t *testing.T) {
	if sampled(t) {
		return
	}
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.must(t, 0, "image", ".")
	s.deploy(t, 0)
	before := pictures(t, s.Ground)
	s.flag(t, "concurrent-gc-syncs", 21)
	h := s.Hosts[1]
	for _, c := range []struct{ name, do, undo, says string }{
		{
			"another directory", "mkdir -p /etc/kubelet.d && sed -i 's|^staticPodPath:.*|staticPodPath: /etc/kubelet.d|' /var/lib/kubelet/config.yaml && systemctl restart kubelet",
			"sed -i 's|^staticPodPath:.*|staticPodPath: /etc/kubernetes/manifests|' /var/lib/kubelet/config.yaml && systemctl restart kubelet",
			"its kubelet watches /etc/kubelet.d, and the pod's manifest would be in /etc/kubernetes/manifests",
		},
		{"no kubelet", "systemctl stop kubelet", "systemctl start kubelet", "no kubelet runs on it"},
		{
			"a backup", "cd /etc/kubernetes/manifests && cp kube-controller-manager.yaml kube-controller-manager.yaml~",
			"rm /etc/kubernetes/manifests/kube-controller-manager.yaml~", "/etc/kubernetes/manifests/kube-controller-manager.yaml~ has the same pod, kube-system/kube-controller-manager",
		},
		{"a runtime that hangs", "kill -STOP $(pidof containerd)", "kill -CONT $(pidof containerd)", "its runtime doesn't answer at /run/containerd/containerd.sock"},
	} {
		t.Run(c.name, func(t *testing.T) {
			do(t, h, "sh", "-euc", c.do)
			r := s.deploy(t, 1)
			has(t, r.Err, h.Name+": "+c.says)
			do(t, h, "sh", "-euc", c.undo)
		})
	}
	do(t, h, "mv", "/usr/bin/ctr", "/usr/bin/ctr.away") // the image is there already
	has(t, strings.Join(s.plan(t, "deploy").Notes, "\n"), h.Name+": it has no ctr or podman: import ")
	eventually(t, func() error {
		if r := restless(t, s.Ground, before); len(r) > 0 {
			return errors.New(strings.Join(r, "\n"))
		}
		return nil
	})
	s.deploy(t, 0)
	s.newEverywhere(t)
}
