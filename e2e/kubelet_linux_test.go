package e2e

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// olderKubelet is another version of kubelets: its hosts run the same pods.
const olderKubelet = "v1.28.15"

// TestKubelet: kubelets run kube-controller-manager as a static pod, also after a loss of
// power. Nothing is left of pods after a reset.
func TestKubelet(t *testing.T) {
	if sampled(t) {
		return
	}
	g := onKubelets(t, clusterVersion, clusterVersion, olderKubelet)
	s := podsOn(t, g)
	for i, version := range []string{clusterVersion, clusterVersion, olderKubelet} {
		has(t, do(t, s.Hosts[i], "kubelet", "--version"), version)
	}
	start := time.Now()
	s.imported(t)
	figure(t, "image on three hosts", "%.1f s", time.Since(start).Seconds())
	start = time.Now()
	for _, h := range s.Hosts {
		if err := h.Extract(t.Context(), s.node(h)); err != nil {
			t.Fatal(err)
		}
		do(t, h, "chown", "-R", podUser, generations)
	}
	pids := map[*ground.Host]string{}
	for _, h := range s.Hosts {
		pids[h] = s.podRuns(t, h)
	}
	figure(t, "static pods", "healthy on three hosts after %.1f s", time.Since(start).Seconds())
	if err := renewed(t, g); err != nil {
		t.Fatal(err)
	}
	t.Run("power", func(t *testing.T) {
		h := s.Hosts[2]
		h.PowerOff()
		start := time.Now()
		if err := h.Boot(t.Context()); err != nil {
			t.Fatal(err)
		}
		booted := time.Since(start)
		s.podRuns(t, h)
		figure(t, "after a loss of power", "booted after %.1f s, the pod is healthy after %.1f s", booted.Seconds(), time.Since(start).Seconds())
		for _, h := range s.Hosts[:2] {
			if pid := s.podRuns(t, h); pid != pids[h] {
				t.Errorf("%s had no other process than %s, and has %s", h.Name, pids[h], pid)
			}
		}
		if err := renewed(t, g); err != nil {
			t.Error(err)
		}
	})
	t.Run("reset", func(t *testing.T) {
		if err := g.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, h := range g.Hosts {
			left := do(t, h, "sh", "-c", `find "$1" /var/log/pods -mindepth 1
				ctr -n k8s.io containers ls -q
				ctr -n k8s.io images ls -q | grep kube-controller-manager
				pidof pause kube-controller-manager; true`, "sh", ground.Manifests)
			if left != "" {
				t.Errorf("%s is reset, and has still %s", h.Name, left)
			}
		}
	})
}

// podUser is the user that pods run as, and that their files belong to.
const podUser = "65520:65520"

// podImage is the image that the tests' pods run.
const podImage = "localhost/kube-controller-manager:" + clusterVersion

// podsOn is sceneOn for hosts with a kubelet: the example's nodes run a static pod, whose
// image kcmgen makes.
func podsOn(t *testing.T, g *ground.Ground) *scene {
	t.Helper()
	s := &scene{g, newOperator(t, g)}
	file := filepath.Join(s.o.Repository, "cluster.cue")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const systemd, pod = `layout:  "systemd"`, `layout:  "staticPod"`
	if n := strings.Count(string(text), systemd); n != 1 {
		t.Fatalf("%s has %d times %s, expected one", file, n, systemd)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), systemd, pod, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	s.export(t, exampleOn+podCluster(t, s.o.Repository))
	return s
}

// podCluster copies the program into a repository, and returns what CUE needs for pods with an
// image that has it.
func podCluster(t *testing.T, repository string) string {
	t.Helper()
	program, err := builder.Kubernetes(clusterVersion, "kube-controller-manager")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repository, filepath.Base(program)), content, 0o755); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`cluster: {
	pod: image: %q
	binary: source: amd64: {file: %q, sha256: "%x"}
	image: {}
}
`, podImage, filepath.Base(program), sha256.Sum256(content))
}

// imported makes the image, and gives it to all hosts.
func (s *scene) imported(t *testing.T) {
	t.Helper()
	s.must(t, 0, "image", ".")
	s.importedOn(t, s.Hosts)
}

// importedOn gives the image to hosts.
func (s *scene) importedOn(t *testing.T, hosts []*ground.Host) {
	t.Helper()
	errs := make(chan error)
	archive := filepath.Join(s.o.Repository, "out", "example", "image", "amd64.tar")
	for _, h := range hosts {
		go func() { errs <- h.Import(t.Context(), archive) }()
	}
	for range hosts {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// node returns the directory of a host's files in the last export.
func (s *scene) node(h *ground.Host) string {
	return filepath.Join(s.o.Repository, "out", "example", "nodes", h.Name)
}

// podRuns waits until a pod's kube-controller-manager is healthy on a host, and returns its
// process there.
func (s *scene) podRuns(t *testing.T, h *ground.Host) string {
	t.Helper()
	pid := ""
	eventually(t, func() error {
		r, err := h.Run(t.Context(), "pidof", "kube-controller-manager")
		if err != nil {
			return err
		}
		if pid = strings.TrimSpace(r.Out); len(strings.Fields(pid)) != 1 {
			return fmt.Errorf("%s runs kube-controller-manager as process %q, expected one", h.Name, pid)
		}
		groups, err := h.Do(t.Context(), "cat", "/proc/"+pid+"/cgroup")
		if err == nil && !strings.Contains(groups, "/kubepods/") {
			err = fmt.Errorf("%s runs kube-controller-manager in no pod: %s", h.Name, groups)
		}
		if err != nil {
			return err
		}
		return healthy(t.Context(), inside(s.Ground, h))
	})
	return pid
}
