//go:build linux

package ground

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// System is the operating system of hosts.
type System string

// Systems of hosts: Debian 12, Debian 13, and Debian 13 with sudo-rs and uutils, as in newer
// Ubuntus.
const (
	Bookworm System = "bookworm"
	Trixie   System = "trixie"
	Uutils   System = "uutils"
)

// packages returns all packages of a host. Deploying needs only a POSIX shell, sshd and
// systemd, so there must be no others, except those that a host has for its kubelet.
func (s System) packages(more []string) string {
	sudo := "sudo"
	if s == Uutils {
		sudo = "rust-coreutils,sudo-rs"
	}
	list := append(strings.Split("dbus,iproute2,openssh-server,procps,systemd,systemd-sysv,"+sudo, ","), more...)
	slices.Sort(list)
	return strings.Join(list, ",")
}

// recipe returns mmdebstrap's arguments without the directory. It leaves out manuals, to
// keep the cache small, and keys and the machine ID, since hosts have their own.
func (s System) recipe(more []string) []string {
	out := []string{
		"--variant=essential", "--include=" + s.packages(more),
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		`--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash ops`,
		`--customize-hook=rm -rf "$1"/etc/ssh/ssh_host_* "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id "$1"/var/lib/apt/lists "$1"/etc/resolv.conf`,
	}
	switch s {
	case Bookworm:
		return append(out, "bookworm")
	case Uutils: // under the usual names
		out = append(out,
			`--customize-hook=for f in "$1"/usr/lib/cargo/bin/coreutils/*; do ln -sf "/usr/lib/cargo/bin/coreutils/${f##*/}" "$1/usr/bin/${f##*/}"; done`,
			`--customize-hook=ln -s sudo-rs "$1"/usr/bin/sudo`,
			`--customize-hook=printf '%s\n' 'root ALL=(ALL:ALL) ALL' '@includedir /etc/sudoers.d' >"$1"/etc/sudoers && chmod 0440 "$1"/etc/sudoers`)
	}
	return append(out, "trixie")
}

// base returns the tree that all hosts of a system share read-only, with more packages for
// some. If the cache lacks it, it is made, in half a minute. The caller holds the lock.
func (s System) base(ctx context.Context, cache string, more ...string) (string, error) {
	if !slices.Contains([]System{Bookworm, Trixie, Uutils}, s) {
		return "", fmt.Errorf("no hosts have system %q: %s, %s and %s are known", s, Bookworm, Trixie, Uutils)
	}
	recipe := s.recipe(more)
	name := fmt.Sprintf("base-%x", sha256.Sum256([]byte(strings.Join(recipe, "\n"))))[:len("base-")+12]
	dir := filepath.Join(cache, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	partial := dir + ".partial"
	if err := remove(partial); err != nil {
		return "", err
	}
	if _, err := program(ctx, "mmdebstrap", append(recipe, partial)...); err != nil {
		return "", fmt.Errorf("making a Debian for the hosts in %s: %w", dir, err)
	}
	return dir, os.Rename(partial, dir)
}

// remove removes a tree that a killed run may have left. It doesn't touch anything of this
// machine that is still mounted there.
func remove(dir string) error {
	_, err := program(context.Background(), "rm", "-rf", "--one-file-system", dir)
	return err
}

// cacheDir returns the cache directory of kcmgen's tools.
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
