//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// masked returns units that would change this machine, wait for devices that a namespace
// lacks, or start at some time during a test.
func masked() []string {
	return []string{
		"apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer", "systemd-tmpfiles-clean.timer",
		"dev-hugepages.mount", "dev-mqueue.mount", "sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
		"proc-sys-fs-binfmt_misc.automount", "getty.target", "systemd-binfmt.service", "systemd-logind.service", "systemd-modules-load.service", "systemd-networkd.service",
		"systemd-pstore.service", "systemd-resolved.service", "systemd-sysctl.service", "systemd-timesyncd.service", "systemd-udevd.service", "systemd-udev-trigger.service",
	}
}

// layers makes the layers between the base and what a host writes: a common one, and one for
// each host.
func (g *Ground) layers(ctx context.Context, bases []string) error {
	if err := os.WriteFile(filepath.Join(g.state, "init.sh"), initScript, 0o700); err != nil {
		return err
	}
	common := filepath.Join(g.state, "common")
	key := filepath.Join(g.state, "id_ed25519")
	if _, err := program(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", key); err != nil {
		return err
	}
	if err := g.commonLayer(common, key+".pub"); err != nil {
		return err
	}
	if err := g.makePause(ctx); err != nil {
		return err
	}
	for i, h := range g.Hosts {
		if err := errors.Join(h.layer(ctx), h.kubeletLayer()); err != nil {
			return err
		}
		h.lower = h.dir("lower") + ":" + common + ":" + bases[i]
	}
	return nil
}

// commonLayer makes what all hosts have besides Debian: kube-controller-manager, users that
// may log in, a persistent journal.
func (g *Ground) commonLayer(dir, public string) error {
	key, err := os.ReadFile(public)
	if err != nil {
		return err
	}
	files := []struct {
		path, content string
		mode          os.FileMode
		owner         int
	}{
		{"root/.ssh/authorized_keys", string(key), 0o600, 0},
		{"home/ops/.ssh/authorized_keys", string(key), 0o600, ops},
		{"etc/sudoers.d/ops", "ops ALL=(ALL) NOPASSWD: ALL\n", 0o440, 0},
		{"etc/systemd/journald.conf.d/e2e.conf", "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n", 0o644, 0},
	}
	for _, f := range files {
		path := filepath.Join(dir, f.path)
		if err := writeBelow(path, f.content, f.mode); err != nil {
			return err
		}
		if err := errors.Join(os.Chown(path, f.owner, f.owner), os.Chown(filepath.Dir(path), f.owner, f.owner)); err != nil {
			return err
		}
	}
	if err := errors.Join(
		os.Chmod(filepath.Join(dir, "root"), 0o700), os.Chmod(filepath.Join(dir, "root/.ssh"), 0o700),
		os.Chown(filepath.Join(dir, "home/ops"), ops, ops), os.Chmod(filepath.Join(dir, "home/ops/.ssh"), 0o700),
	); err != nil {
		return err
	}
	units := filepath.Join(dir, "etc/systemd/system")
	if err := os.MkdirAll(units, 0o755); err != nil {
		return err
	}
	for _, unit := range masked() {
		if err := os.Symlink("/dev/null", filepath.Join(units, unit)); err != nil {
			return err
		}
	}
	return share(g.options.ControllerManager, filepath.Join(dir, "usr/local/bin/kube-controller-manager"))
}

// ops is the UID of user ops.
const ops = 1000

// layer makes what is specific to a host.
func (h *Host) layer(ctx context.Context) error {
	if err := h.empty(); err != nil {
		return err
	}
	etc := filepath.Join(h.dir("lower"), "etc")
	files := map[string]string{
		"hostname":   h.Name + "\n",
		"hosts":      "127.0.0.1 localhost\n" + h.Address.String() + " " + h.Name + "\n",
		"machine-id": fmt.Sprintf("%032x\n", 0xe2e0000+int(h.Address.As4()[3])),
	}
	for name, content := range files {
		if err := writeBelow(filepath.Join(etc, name), content, 0o644); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(etc, "ssh"), 0o755); err != nil {
		return err
	}
	for _, kind := range []string{"ed25519", "ecdsa"} {
		file := filepath.Join(etc, "ssh", "ssh_host_"+kind+"_key")
		if _, err := program(ctx, "ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@"+h.Name, "-f", file); err != nil {
			return err
		}
		public, err := os.ReadFile(file + ".pub")
		if err != nil {
			return err
		}
		h.HostKeys = append(h.HostKeys, strings.Join(strings.Fields(string(public))[:2], " "))
	}
	return nil
}

// writeBelow writes a file and its directories, whatever the umask.
func writeBelow(path, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// share makes a hard link of a file, or copies it if that fails.
func share(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	_, err := program(context.Background(), "cp", "--reflink=auto", from, to)
	return err
}
