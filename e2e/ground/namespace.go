//go:build linux

package ground

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// prefix begins the names of the ground's namespaces and control groups. Everything with
// such a name may be removed.
const prefix = "kcmgen-"

// netns returns the path where ip keeps a network namespace.
func netns(name string) string { return "/run/netns/" + prefix + name }

// inside returns a command in a network namespace, with this machine's files.
func inside(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=" + netns(name), "--"}, args...)...)
}

// setns is the system call setns, which package syscall lacks.
func setns(fd uintptr) error {
	number := map[string]uintptr{"amd64": 308, "arm64": 268}[runtime.GOARCH]
	if number == 0 {
		return fmt.Errorf("which system call is setns on %s?", runtime.GOARCH)
	}
	if _, _, errno := syscall.RawSyscall(number, fd, syscall.CLONE_NEWNET, 0); errno != 0 {
		return os.NewSyscallError("setns", errno)
	}
	return nil
}

// in calls do on a thread in a network namespace. What do opens (a socket, a TUN) stays in
// that namespace.
func in(name string, do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			home, err := os.Open("/proc/thread-self/ns/net")
			if err != nil {
				return err
			}
			defer home.Close()
			there, err := os.Open(netns(name))
			if err != nil {
				return err
			}
			defer there.Close()
			if err := setns(there.Fd()); err != nil {
				return err
			}
			err = do()
			// Unlocked only if it is back: else the thread ends here.
			if back := setns(home.Fd()); back != nil {
				return errors.Join(err, back)
			}
			runtime.UnlockOSThread()
			return err
		}()
	}()
	return <-done
}

// Dial connects from the operator ("operator"), the control plane ("control")
// or a host, by its name, to an address whose host is an IP.
func (g *Ground) Dial(ctx context.Context, from, address string) (net.Conn, error) {
	var conn net.Conn
	err := in(from, func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp4", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("from %s: %w", from, err)
	}
	return conn, nil
}

// Listen listens at an address of the operator, the control plane or a host.
func (g *Ground) Listen(ctx context.Context, at, address string) (net.Listener, error) {
	var listener net.Listener
	err := in(at, func() (err error) {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp4", address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("at %s: %w", at, err)
	}
	return listener, nil
}
