//go:build linux

package host_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/deploy/plan"
	"github.com/kcmgen/kcmgen/gen/image"
	"github.com/kcmgen/kcmgen/internal/need"
)

// containerd starts a containerd of the test's own, and returns its socket.
func containerd(t *testing.T) string {
	t.Helper()
	need.Program(t, "containerd")
	need.Program(t, "ctr")
	need.Root(t)
	dir := t.TempDir()
	socket := filepath.Join(dir, "containerd.sock")
	config := filepath.Join(dir, "config.toml")
	text := "version = 2\nroot = \"" + dir + "/root\"\nstate = \"" + dir + "/state\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"" + socket + "\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// Its mounts end with its namespace.
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "containerd", "-c", config)
	var says bytes.Buffer
	cmd.Stderr = &says
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for within(t).Err() == nil {
		if exec.Command("ctr", "-a", socket, "version").Run() == nil {
			return socket
		}
	}
	t.Fatalf("containerd doesn't answer: %s", &says)
	return ""
}

// crio returns a socket that is named like CRI-O's, and settings for podman, which reads the
// same storage.
func crio(t *testing.T) (socket, setup string) {
	t.Helper()
	need.Program(t, "podman")
	need.Root(t)
	dir := t.TempDir()
	socket = filepath.Join(dir, "crio.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	config := filepath.Join(dir, "storage.conf")
	text := "[storage]\ndriver = \"vfs\"\ngraphroot = \"" + dir + "/graph\"\nrunroot = \"" + dir + "/run\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return socket, "export CONTAINERS_STORAGE_CONF=" + host.Quote(config)
}

// archive writes an image's archive where a deployment puts it, and returns the image.
func archive(t *testing.T, dir, name, content string) (file string, i *plan.Image) {
	t.Helper()
	var b bytes.Buffer
	digest, _, err := image.Image{Name: name, Arch: "amd64", Version: "v1.37.1", Program: image.Bytes("/kcm", 0o755, []byte(content))}.Write(&b)
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "image."+content+".partial")
	file = filepath.Join(at, "image.tar")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, &plan.Image{Name: plan.ImageName(name), Digest: digest}
}

// TestImages: an image gets to the runtime, and a tag that means another image now means the
// old one again when a host goes back.
func TestImages(t *testing.T) {
	t.Run("containerd", func(t *testing.T) { images(t, "ctr", containerd(t), ":") })
	t.Run("CRI-O's storage", func(t *testing.T) {
		socket, setup := crio(t)
		images(t, "podman", socket, setup)
	})
}

func images(t *testing.T, tool, socket, setup string) {
	t.Helper()
	s, dir := podSession(t, setup+" && mkdir manifests home home/aaaaaaaaaaaaaaaa home/bbbbbbbbbbbbbbbb", "--container-runtime-endpoint=unix://"+socket)
	u := plan.Unit{GenerationsDir: dir + "/home", File: dir + "/manifests/kcm.yaml", Name: "kube-system/kcm"}
	const name = "localhost/kcm:latest"
	digest := func() string {
		t.Helper()
		seen, err := s.Look(within(t), u, plan.ImageOf{Name: name}, nil, 50)
		if err != nil || seen.Kubelet.Runtime != tool || seen.Kubelet.Silent != "" {
			t.Fatalf("the kubelet is %+v, %v", seen.Kubelet, err)
		}
		return seen.Kubelet.ImageDigest
	}
	if got := digest(); got != "" {
		t.Errorf("at first the image is %q", got)
	}
	old, first := archive(t, dir+"/home", name, "one")
	if err := s.ImportImage(within(t), old, first, "aaaaaaaaaaaaaaaa"); err != nil {
		t.Fatal(err)
	}
	if got := digest(); got != first.Digest {
		t.Errorf("the image is %q, expected %q", got, first.Digest)
	}
	if left, _ := filepath.Glob(dir + "/home/*.partial"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	broken, third := archive(t, dir+"/home", name, "three")
	if err := os.WriteFile(broken, []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.ImportImage(within(t), broken, third, "dddddddddddddddd"); err == nil || !strings.Contains(err.Error(), "can't import the image "+name) {
		t.Errorf("a broken archive: %v", err)
	}
	if got := digest(); got != first.Digest {
		t.Errorf("after a failed import the image is %q, expected %q", got, first.Digest)
	}
	fresh, second := archive(t, dir+"/home", name, "two")
	wrong := *second
	wrong.Digest = first.Digest
	if err := s.ImportImage(within(t), fresh, &wrong, "cccccccccccccccc"); err == nil || !strings.Contains(err.Error(), "after the import, "+name+" is "+second.Digest) {
		t.Errorf("another digest than expected: %v", err)
	}
	if err := s.ImportImage(within(t), fresh, second, "bbbbbbbbbbbbbbbb"); err != nil {
		t.Fatal(err)
	}
	if got := digest(); got != first.Digest {
		t.Errorf("before the new generation is tried, the image is %q, expected %q", got, first.Digest)
	}
	// A rollback pulls nothing, and renames nothing.
	if err := s.PullImage(within(t), plan.ImageOf{Name: name, Generation: "bbbbbbbbbbbbbbbb"}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ generation, digest string }{{"bbbbbbbbbbbbbbbb", second.Digest}, {"aaaaaaaaaaaaaaaa", first.Digest}} {
		manifest := filepath.Join(dir, "home", c.generation, "kcm.yaml")
		if err := os.WriteFile(manifest, []byte("    image: "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Do(within(t), host.Raw("image_restore "+c.generation+" "+host.Quote(manifest))); err != nil {
			t.Error(err)
		}
		if got := digest(); got != c.digest {
			t.Errorf("with generation %s the image is %q, expected %q", c.generation, got, c.digest)
		}
	}
	kept := func(generation string) bool {
		t.Helper()
		out, err := s.Do(within(t), host.Raw("runtime && image_digest $(kept "+generation+")"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(out[0]) != ""
	}
	if !kept("aaaaaaaaaaaaaaaa") || !kept("bbbbbbbbbbbbbbbb") {
		t.Error("an image of a generation isn't kept")
	}
	if err := os.RemoveAll(dir + "/home/bbbbbbbbbbbbbbbb"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Do(within(t), host.Raw("images_unkeep "+host.Quote(dir+"/home"))); err != nil {
		t.Error(err)
	}
	if !kept("aaaaaaaaaaaaaaaa") || kept("bbbbbbbbbbbbbbbb") {
		t.Error("the images that are kept aren't those of the generations that are there")
	}
	if _, err := s.Do(within(t), host.Raw("rm -rf "+host.Quote(dir+"/home/aaaaaaaaaaaaaaaa")+"; images_unkeep "+host.Quote(dir+"/home"))); err != nil {
		t.Error(err)
	}
}

// TestSilentRuntime: a runtime that doesn't answer is no runtime without images.
func TestSilentRuntime(t *testing.T) {
	need.Program(t, "ctr")
	socket := filepath.Join(t.TempDir(), "containerd.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	s, dir := podSession(t, "mkdir manifests", "--container-runtime-endpoint=unix://"+socket)
	u := plan.Unit{GenerationsDir: dir + "/home", File: dir + "/manifests/kcm.yaml", Name: "kube-system/kcm"}
	seen, err := s.Look(within(t), u, plan.ImageOf{Name: "localhost/kcm:latest"}, nil, 50)
	if err != nil || seen.Kubelet.Silent != socket {
		t.Errorf("%+v, %v: expected a silent %s", seen.Kubelet, err, socket)
	}
}
