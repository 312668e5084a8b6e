//go:build linux

package ground

import (
	"context"
	"fmt"
	"strings"
)

// sftpServer is the program of Debian's SFTP subsystem.
const sftpServer = "/usr/lib/openssh/sftp-server"

// ConfigureSSHD puts lines before those of Debian's sshd_config, removes those that begin
// with the same word (there may be only one "Subsystem sftp"), and restarts sshd.
func (h *Host) ConfigureSSHD(ctx context.Context, lines ...string) error {
	const file = "/etc/ssh/sshd_config"
	old, err := h.Do(ctx, "cat", file)
	if err != nil {
		return err
	}
	replaced := map[string]bool{}
	for _, line := range lines {
		word, _, _ := strings.Cut(line, " ")
		replaced[word] = true
	}
	for line := range strings.Lines(old) {
		if fields := strings.Fields(line); len(fields) == 0 || !replaced[fields[0]] {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	if err := h.WriteFile(ctx, file, strings.Join(lines, "\n")+"\n", 0o644); err != nil {
		return err
	}
	_, err = h.Do(ctx, "systemctl", "restart", "ssh")
	return err
}

// WrapSFTP replaces sftp-server by a script. The real one is next to it, with the suffix
// .real.
func (h *Host) WrapSFTP(ctx context.Context, script string) error {
	if _, err := h.Do(ctx, "mv", "-n", sftpServer, sftpServer+".real"); err != nil {
		return err
	}
	return h.WriteFile(ctx, sftpServer, script, 0o755)
}

// Limit moves a directory with its contents to a tmpfs with limits: "size=64k",
// "nr_inodes=20".
func (h *Host) Limit(ctx context.Context, dir, options string) error {
	_, err := h.Do(ctx, "sh", "-euc", `
		mkdir -p "$1" /run/e2e-disk
		mount -t tmpfs -o "mode=$(stat -c %a "$1"),$2" tmpfs /run/e2e-disk
		cp -a "$1/." /run/e2e-disk
		mount --bind /run/e2e-disk "$1"
		umount /run/e2e-disk`, "sh", dir, options)
	return err
}

// ReadOnly makes a directory a read-only mount.
func (h *Host) ReadOnly(ctx context.Context, dir string) error {
	_, err := h.Do(ctx, "sh", "-euc", `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"`, "sh", dir)
	return err
}

// Unmount ends Limit, whose files are lost, or ReadOnly.
func (h *Host) Unmount(ctx context.Context, dir string) error {
	if _, err := h.Do(ctx, "umount", dir); err != nil {
		return fmt.Errorf("unmounting: %w", err)
	}
	return nil
}
