//go:build linux

package ground

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "embed"
)

//go:embed init.sh
var initScript []byte

// graceful bounds operations that usually take a second or two.
const graceful = 30 * time.Second

// Host is a machine with systemd as PID 1, as seen from inside.
type Host struct {
	Name    string
	Address netip.Addr
	// HostKeys are its public keys, each as in a known_hosts file after the
	// name: ed25519 first, then ecdsa.
	HostKeys []string

	ground  *Ground
	lower   string
	kubelet string  // its program; "": none
	boot    *daemon // nil: powered off
}

// dir returns a directory of the host in the ground's state.
func (h *Host) dir(name string) string { return filepath.Join(h.ground.state, h.Name, name) }

// empty removes all that the host ever wrote. The host must be off.
func (h *Host) empty() error {
	for _, name := range []string{"upper", "work", "root", "containerd"} {
		if err := os.RemoveAll(h.dir(name)); err != nil {
			return err
		}
		if err := os.MkdirAll(h.dir(name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Boot starts the host on its disk, and waits until systemd reports that it runs without a
// failed unit.
func (h *Host) Boot(ctx context.Context) error {
	for _, dir := range h.ground.cgroups() {
		if err := removeCgroups(filepath.Join(dir, h.Name)); err != nil {
			return err
		}
	}
	group := filepath.Join(h.ground.cgroup, h.Name)
	if err := os.Mkdir(group, 0o755); err != nil {
		return err
	}
	cgroup, err := os.Open(group)
	if err != nil {
		return err
	}
	defer cgroup.Close()
	if err := configure(ctx, "fabric", "link set "+h.Name+" up"); err != nil {
		return err
	}
	// The cgroup namespace comes last, from inside the groups that are its roots.
	args := []string{
		"unshare", "--uts", "--ipc", "--cgroup", "sh", filepath.Join(h.ground.state, "init.sh"),
		h.Name, h.dir("root"), h.lower, h.dir("upper"), h.dir("work"),
	}
	if h.kubelet != "" {
		if args, err = h.inV1(args); err != nil {
			return err
		}
	}
	cmd := inside(h.Name, args...)
	cmd.Env = []string{"container=e2e", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"} // and PID 1's
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWPID | syscall.CLONE_NEWNS,
		UseCgroupFD: true, CgroupFD: int(cgroup.Fd()),
		Setsid: true,
	}
	if h.boot, err = h.ground.launch(h.Name, cmd); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*graceful) // under load
	defer cancel()
	if err := poll(ctx, h.boot, func() error { return h.running(ctx) }); err != nil {
		return fmt.Errorf("booting %s: %w", h.Name, err)
	}
	return nil
}

// running returns nil once systemd has started everything.
func (h *Host) running(ctx context.Context) error {
	r, err := h.Run(ctx, "systemctl", "is-system-running", "--wait")
	if state := strings.TrimSpace(r.Out); err == nil && state != "running" {
		failed, _ := h.Run(ctx, "systemctl", "list-units", "--failed", "--plain", "--no-legend")
		err = fmt.Errorf("systemd is %q: %s%s", state, r.Err, failed.Out)
	}
	return err
}

// PowerOff simulates a loss of power: everything ends at once, without a packet on the
// network or a write by systemd. (Unsynced writes stay, since the kernel goes on.)
func (h *Host) PowerOff() {
	if h.boot == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), graceful)
	defer cancel()
	_ = configure(ctx, "fabric", "link set "+h.Name+" down") // else sockets say goodbye
	h.kill()
}

// kill ends PID 1, and with it all other processes, and waits for that.
func (h *Host) kill() {
	if h.boot != nil {
		h.boot.kill()
		h.boot = nil
	}
}

// PID returns the host's PID 1 in this machine's numbering.
func (h *Host) PID() int { return h.boot.cmd.Process.Pid }

// Command returns a program on the host, as root, without a network in between. Killing it
// doesn't kill what it started.
func (h *Host) Command(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{
		"--target=" + strconv.Itoa(h.PID()), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd=/", "--",
	}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "SYSTEMD_COLORS=0"}
	return cmd
}

// Run runs a program on the host to its end. An exit status is no error.
func (h *Host) Run(ctx context.Context, args ...string) (Result, error) {
	if h.boot == nil {
		return Result{}, fmt.Errorf("%s is off", h.Name)
	}
	return finish(ctx, h.Command(args...))
}

// Do is Run for a program that must succeed; it returns the output.
func (h *Host) Do(ctx context.Context, args ...string) (string, error) {
	return h.do(ctx, "", args...)
}

func (h *Host) do(ctx context.Context, stdin string, args ...string) (string, error) {
	if h.boot == nil {
		return "", fmt.Errorf("%s is off", h.Name)
	}
	cmd := h.Command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	r, err := finish(ctx, cmd)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("on %s: %q: exit status %d: %s", h.Name, args, r.Code, strings.TrimSpace(r.Err))
	}
	return r.Out, err
}

// Journal returns what a unit logged since the host was empty, over all its boots.
func (h *Host) Journal(ctx context.Context, unit string) (string, error) {
	return h.Do(ctx, "journalctl", "--no-pager", "--output=short-precise", "--unit="+unit)
}

// Show returns properties of a unit, as systemctl show names them.
func (h *Host) Show(ctx context.Context, unit string, properties ...string) (map[string]string, error) {
	out, err := h.Do(ctx, "systemctl", "show", "--property="+strings.Join(properties, ","), unit)
	values := map[string]string{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		values[name] = value
	}
	return values, err
}

// WriteFile writes a file of the host, and its directories.
func (h *Host) WriteFile(ctx context.Context, path, content string, mode os.FileMode) error {
	_, err := h.do(ctx, content, "sh", "-euc", `mkdir -p "${1%/*}"; cat >"$1"; chmod "$2" "$1"`, "sh", path, fmt.Sprintf("%o", mode))
	return err
}

// Extract copies a local directory's files to the host's root directory, all owned by root,
// as the README does with nodes/<node>.
func (h *Host) Extract(ctx context.Context, dir string) error {
	archive, err := program(ctx, "tar", "-C", dir, "--owner=0", "--group=0", "-c", ".")
	if err != nil {
		return err
	}
	_, err = h.do(ctx, archive, "tar", "-C", "/", "-xp", "--no-overwrite-dir")
	return err
}
