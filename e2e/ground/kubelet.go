//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pause is the name of the image for the first container of each pod. Registries can't be
// reached, so it is made here.
const pause = "localhost/pause:1"

// pauseArchive is its file, on the hosts.
const pauseArchive = "/usr/local/lib/e2e/pause.tar"

// Manifests is the kubelets' directory of static pods.
const Manifests = "/etc/kubernetes/manifests"

// kubeletFiles returns what a host with a kubelet has, besides the programs. The kubelet
// has no apiserver, and its configuration does for all versions: an older one ignores what
// it doesn't know.
func kubeletFiles() map[string]string {
	return map[string]string{
		"/etc/resolv.conf": "", // a kubelet gives it to pods
		"/etc/containerd/config.toml": `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + pause + `"
  restrict_oom_score_adj = true
`,
		"/etc/systemd/system/containerd.service.d/pause.conf": `[Service]
ExecStartPost=/usr/bin/ctr --namespace=k8s.io images import ` + pauseArchive + "\n",
		"/etc/systemd/system/kubelet.service": `[Unit]
Description=kubelet
Wants=containerd.service
After=containerd.service

[Service]
Type=notify
ExecStart=/usr/local/bin/kubelet --config=/var/lib/kubelet/config.yaml
Restart=always
RestartSec=1
`,
		"/var/lib/kubelet/config.yaml": `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: ` + Manifests + `
fileCheckFrequency: 20s
readOnlyPort: 0
address: 127.0.0.1
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: false}
authorization: {mode: AlwaysAllow}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
# The disk is this machine's: it may be nearly full.
evictionHard: {nodefs.available: 0%}
imageGCHighThresholdPercent: 100
`,
	}
}

// makePause makes the image, if a host needs it.
func (g *Ground) makePause(ctx context.Context) error {
	if len(g.options.Kubelets) == 0 {
		return nil
	}
	file := filepath.Join(g.state, "pause")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "github.com/kcmgen/kcmgen/e2e/ground/pause")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	r, err := finish(ctx, build)
	if err == nil && r.Code != 0 {
		err = errors.New(r.Err)
	}
	if err != nil {
		return fmt.Errorf("building the pause program: %w", err)
	}
	return writeImage(g.pauseFile(), pause, file)
}

// pauseFile is the archive in the ground's state.
func (g *Ground) pauseFile() string { return filepath.Join(g.state, "pause.tar") }

// kubeletLayer adds the host's kubelet, if it has one, to its layer.
func (h *Host) kubeletLayer() error {
	if h.kubelet == "" {
		return nil
	}
	lower := h.dir("lower")
	for path, content := range kubeletFiles() {
		if err := writeBelow(filepath.Join(lower, path), content, 0o644); err != nil {
			return err
		}
	}
	wants := filepath.Join(lower, "/etc/systemd/system/multi-user.target.wants")
	return errors.Join(
		os.MkdirAll(filepath.Join(lower, Manifests), 0o755),
		os.MkdirAll(filepath.Join(lower, "/var/lib/containerd"), 0o700), // its mount point
		os.MkdirAll(wants, 0o755),
		os.Symlink("/etc/systemd/system/kubelet.service", filepath.Join(wants, "kubelet.service")),
		share(h.kubelet, filepath.Join(lower, "/usr/local/bin/kubelet")),
		share(h.ground.pauseFile(), filepath.Join(lower, pauseArchive)),
	)
}

// inV1 makes groups of the host in all hierarchies of cgroup v1. It returns the command for
// a host with a kubelet: it puts itself into these groups first, which are then the roots
// of the host's namespace.
func (h *Host) inV1(args []string) ([]string, error) {
	enter := []string{"sh", "-euc", `while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@"`, "sh"}
	args = append(args, h.dir("containerd"))
	for i, dir := range h.ground.cgroups()[1:] {
		group := filepath.Join(dir, h.Name)
		if err := makeV1(group); err != nil {
			return nil, err
		}
		enter = append(enter, group)
		args = append(args, h.ground.v1[i].name)
	}
	return append(append(enter, "--"), args...), nil
}

// Import gives containerd the image of an OCI archive, as docs/images.md does.
func (h *Host) Import(ctx context.Context, archive string) error {
	if h.boot == nil {
		return fmt.Errorf("%s is off", h.Name)
	}
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	cmd := h.Command("ctr", "--namespace=k8s.io", "images", "import", "-")
	cmd.Stdin = file
	r, err := finish(ctx, cmd)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("on %s: importing %s: exit status %d: %s", h.Name, archive, r.Code, strings.TrimSpace(r.Err))
	}
	return err
}
