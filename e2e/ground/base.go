//go:build linux

package ground

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// packages are all that a host has: what deploying takes of it is a POSIX
// shell, sshd and systemd, so nothing else may slip in.
const packages = "dbus,iproute2,openssh-server,procps,sudo,systemd,systemd-sysv"

// recipe are mmdebstrap's arguments but for the folder. Manuals are left out
// for the sake of the cache; keys and the machine id, since hosts have their
// own.
func recipe() []string {
	return []string{
		"--variant=essential", "--include=" + packages,
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		`--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash ops`,
		`--customize-hook=rm -rf "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id "$1"/var/lib/apt/lists "$1"/etc/resolv.conf`,
		"bookworm",
	}
}

// base is the tree that all hosts share and none writes to. It is made, in half
// a minute, where the cache doesn't have it; the caller holds the lock.
func base(ctx context.Context, cache string) (string, error) {
	name := fmt.Sprintf("base-%x", sha256.Sum256([]byte(strings.Join(recipe(), "\n"))))[:len("base-")+12]
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	partial := dir + ".partial"
	if err := remove(partial); err != nil {
		return "", err
	}
	if _, err := program(ctx, "mmdebstrap", append(recipe(), partial)...); err != nil {
		return "", fmt.Errorf("making a Debian for the hosts in %s: %w", dir, err)
	}
	return dir, os.Rename(partial, dir)
}

// remove removes a tree that somebody may have been killed in: should anything
// of this machine still be mounted there, it isn't touched.
func remove(dir string) error {
	_, err := program(context.Background(), "rm", "-rf", "--one-file-system", dir)
	return err
}

// cacheDir is where the rest of kcmgen's tools keep what is made once.
func cacheDir() (string, error) {
	dir := os.Getenv("KCMGEN_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(user, "kcmgen")
	}
	dir = filepath.Join(dir, "e2e")
	return dir, os.MkdirAll(dir, 0o755)
}
