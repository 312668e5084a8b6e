package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestGround: the hosts behave as documented.
func TestGround(t *testing.T) {
	g := onGround(t)
	operator := newOperator(t, g)
	for _, h := range g.Hosts {
		t.Run(h.Name, func(t *testing.T) { checkHost(t, operator, h) })
	}
	t.Run("rtt", func(t *testing.T) { checkRTT(t, g) })
	t.Run("throughput", func(t *testing.T) { checkThroughput(t, g) })
	t.Run("cut", func(t *testing.T) { checkCut(t, g) })
	t.Run("power", func(t *testing.T) { checkPower(t, g, operator) })
	t.Run("disk", func(t *testing.T) { checkDisk(t, g.Hosts[0]) })
	t.Run("sshd", func(t *testing.T) { checkSSHD(t, operator, g.Hosts[1]) })
	t.Run("reset", func(t *testing.T) { checkReset(t, g) })
}

func checkHost(t *testing.T, operator *ground.Operator, h *ground.Host) {
	if out := do(t, h, "systemctl", "is-system-running"); out != "running\n" {
		t.Errorf("systemd is %q", out)
	}
	if out := do(t, h, "cat", "/proc/1/comm"); out != "systemd\n" {
		t.Errorf("PID 1 is %q", out)
	}
	for destination, command := range map[string]string{h.Name: "id -u; hostname", "ops@" + h.Name: "sudo -n sh -c 'id -u; hostname'"} {
		start := time.Now()
		r, err := operator.SSH(t.Context(), destination, command)
		if want := "0\n" + h.Name + "\n"; err != nil || r.Out != want {
			t.Errorf("ssh %s %s: %q, %v, expected %q\n%s", destination, command, r.Out, err, want, r.Err)
		}
		t.Logf("ssh %s: %.0f ms", destination, time.Since(start).Seconds()*1000)
	}
}

// connect returns the time of a TCP handshake: one round trip, seen from the client.
func connect(t *testing.T, g *ground.Ground, from, address string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	start := time.Now()
	conn, err := g.Dial(ctx, from, address)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	_ = conn.Close()
	return took
}

// checkRTT: only packets from and to the operator are delayed.
func checkRTT(t *testing.T, g *ground.Ground) {
	quickest := func(from, address string) time.Duration { // the machine may be busy
		least := connect(t, g, from, address)
		for range 30 {
			least = min(least, connect(t, g, from, address))
		}
		return least
	}
	within := func(what string, got, low, high time.Duration) {
		t.Logf("%s: %s", what, got)
		if got < low || got > high {
			t.Errorf("%s: %s, expected %s to %s", what, got, low, high)
		}
	}
	defer g.SetRTT(rtt)
	for _, distance := range []time.Duration{rtt, 100 * time.Millisecond, 0} {
		g.SetRTT(distance)
		within(fmt.Sprintf("to a host at %s", distance), quickest("operator", "10.77.0.12:22"), distance, distance+5*time.Millisecond)
		within(fmt.Sprintf("to the apiserver at %s", distance), quickest("operator", "10.77.0.10:6443"), distance, distance+5*time.Millisecond)
	}
	g.SetRTT(rtt)
	within("from host to host", quickest("cp-1", "10.77.0.12:22"), 0, 5*time.Millisecond)
	within("from host to apiserver", quickest("cp-1", "10.77.0.10:6443"), 0, 5*time.Millisecond)
}

// checkThroughput: the wire is as fast as an office's line, and counts all packets. The best
// of a few tries counts, since the machine may be busy.
func checkThroughput(t *testing.T, g *ground.Ground) {
	const size, least = 64 << 20, 200 // Mbit/s
	h, best := g.Hosts[2], 0.0
	before := h.Traffic()
	for range 3 {
		if best = max(best, size*8/1e6/send(t, g, h, size).Seconds()); best >= least {
			break
		}
	}
	after := h.Traffic()
	t.Logf("%.0f Mbit/s, %d packets out, %d in", best, after.OutPackets-before.OutPackets, after.InPackets-before.InPackets)
	if best < least {
		t.Errorf("%.0f Mbit/s, expected %d", best, least)
	}
	if sent := after.OutBytes - before.OutBytes; sent < size {
		t.Errorf("%d bytes counted of at least %d", sent, size)
	}
}

// send returns how long it takes to send bytes from the operator to a host.
func send(t *testing.T, g *ground.Ground, h *ground.Host, size int64) time.Duration {
	t.Helper()
	listener, err := g.Listen(t.Context(), h.Name, h.Address.String()+":9000")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	received := make(chan int64, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		n, _ := io.Copy(io.Discard, conn)
		received <- n
	}()
	conn, err := g.Dial(t.Context(), "operator", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	start := time.Now()
	if _, err := io.Copy(conn, io.LimitReader(zeros{}, size)); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	select {
	case n := <-received:
		if n != size {
			t.Fatalf("%d bytes arrived of %d", n, size)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing arrived within a minute")
	}
	return time.Since(start)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// checkCut: a cut host is silent only to the operator. An open connection goes on after the
// cut.
func checkCut(t *testing.T, g *ground.Ground) {
	h := g.Hosts[0]
	address := h.Address.String() + ":22"
	conn, err := g.Dial(t.Context(), "operator", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewReader(conn)
	if banner, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(banner, "SSH-2.0-") {
		t.Fatalf("%q, %v", banner, err)
	}
	h.Cut()
	if _, err := fmt.Fprint(conn, "SSH-2.0-test\r\n"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if conn, err := g.Dial(ctx, "operator", address); !timedOut(err) {
		t.Errorf("connecting through a cut: %v, %v", conn, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if b, err := lines.ReadByte(); !timedOut(err) {
		t.Errorf("through a cut came %q, %v", b, err)
	}
	connect(t, g, "cp-2", address)
	connect(t, g, "operator", g.Hosts[1].Address.String()+":22")
	h.Heal()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := lines.ReadByte(); err != nil { // of the key exchange
		t.Errorf("the connection didn't outlive the cut: %v", err)
	}
}

// timedOut reports whether an error is a timeout.
func timedOut(err error) bool {
	timeout := net.Error(nil)
	return errors.As(err, &timeout) && timeout.Timeout()
}

// checkPower: after a loss of power, files are there and processes aren't, and no packet was
// sent.
func checkPower(t *testing.T, g *ground.Ground, operator *ground.Operator) {
	h := g.Hosts[2]
	if err := h.WriteFile(t.Context(), "/etc/kept", "kept", 0o600); err != nil {
		t.Fatal(err)
	}
	do(t, h, "systemd-run", "--unit=lost", "sleep", "600")
	conn, err := g.Dial(t.Context(), "cp-1", h.Address.String()+":22")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	lines := bufio.NewReader(conn)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	pid := h.PID()
	h.PowerOff()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("PID 1 lives: %v", err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if b, err := lines.ReadByte(); !timedOut(err) {
		t.Errorf("a host without power said %q, %v", b, err)
	}
	start := time.Now()
	if err := h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("booted in %.2f s", time.Since(start).Seconds())
	if out := do(t, h, "stat", "-c", "%a %U %s", "/etc/kept"); out != "600 root 4\n" {
		t.Errorf("/etc/kept is %q", out)
	}
	if show, err := h.Show(t.Context(), "lost", "LoadState"); err != nil || show["LoadState"] != "not-found" {
		t.Errorf("a transient unit outlived the power: %v, %v", show, err)
	}
	if r, err := operator.SSH(t.Context(), h.Name, "true"); err != nil || r.Code != 0 {
		t.Errorf("ssh after a boot: %v, %v", r, err)
	}
	if boots := do(t, h, "journalctl", "--list-boots", "--no-pager"); !strings.Contains(boots, "\n -1 ") {
		t.Errorf("the journal should know two boots: %s", boots)
	}
}

// checkDisk: a directory can be full, and read-only.
func checkDisk(t *testing.T, h *ground.Host) {
	ctx, dir := t.Context(), "/etc/kubernetes"
	do(t, h, "mkdir", dir)
	for want, limit := range map[string]func() error{
		"No space left on device": func() error { return h.Limit(ctx, dir, "size=16k") },
		"Read-only file system":   func() error { return h.ReadOnly(ctx, dir) },
	} {
		if err := limit(); err != nil {
			t.Fatal(err)
		}
		r, err := h.Run(ctx, "dd", "if=/dev/zero", "of="+dir+"/big", "bs=1k", "count=64")
		if err != nil || r.Code == 0 || !strings.Contains(r.Err, want) {
			t.Errorf("expected %q: %+v, %v", want, r, err)
		}
		if err := h.Unmount(ctx, dir); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSSHD: tests can reconfigure sshd and replace sftp-server.
func checkSSHD(t *testing.T, operator *ground.Operator, h *ground.Host) {
	ctx := t.Context()
	sftp := func() string {
		cmd := operator.Command("sftp", "-F", operator.SSHConfig, "-b", "-", "root@"+h.Name)
		cmd.Stdin = strings.NewReader("pwd\n")
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := sftp(); !strings.Contains(out, "working directory: /root") {
		t.Errorf("sftp: %s", out)
	}
	if err := h.WrapSFTP(ctx, "#!/bin/sh\ntouch /run/wrapped\nexec /usr/lib/openssh/sftp-server.real \"$@\"\n"); err != nil {
		t.Fatal(err)
	}
	if out := sftp(); !strings.Contains(out, "working directory: /root") {
		t.Errorf("sftp through a wrapper: %s", out)
	}
	do(t, h, "test", "-e", "/run/wrapped")
	if err := h.ConfigureSSHD(ctx, "Subsystem sftp /bin/false", "PermitRootLogin no"); err != nil {
		t.Fatal(err)
	}
	if r, err := operator.SSH(ctx, h.Name, "true"); err != nil || r.Code != 255 {
		t.Errorf("root gets in although sshd says no: %+v, %v", r, err)
	}
	if r, err := operator.SSH(ctx, "ops@"+h.Name, "true"); err != nil || r.Code != 0 {
		t.Errorf("ops doesn't get in: %+v, %v", r, err)
	}
}

// checkReset: nothing is left of the tests above.
func checkReset(t *testing.T, g *ground.Ground) {
	if err := g.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	for h, path := range map[*ground.Host]string{
		g.Hosts[0]: "/etc/kubernetes", g.Hosts[1]: "/usr/lib/openssh/sftp-server.real", g.Hosts[2]: "/etc/kept",
	} {
		if r, err := h.Run(t.Context(), "test", "-e", path); err != nil || r.Code != 1 {
			t.Errorf("%s still has %s: %v, %v", h.Name, path, r, err)
		}
	}
}

// leaving makes a copy of the test program start a ground, print a line, and wait to be
// killed.
const leaving = "KCMGEN_E2E_LEAVE"

// TestGroundKilled: nothing of a killed test goes on, and the next one removes what it left.
func TestGroundKilled(t *testing.T) {
	if err := hosts.stop(true); err != nil { // an earlier test's logs may be needed
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), leaving+"="+kcmgen)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	logs, err := bufio.NewReader(out).ReadString('\n')
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if err != nil {
		t.Fatal("the copy didn't start a ground: ", err)
	}
	state := filepath.Dir(strings.TrimSpace(logs))
	pids, err := filepath.Glob(filepath.Join(state, "pids", "*"))
	if err != nil || len(pids) != 5 {
		t.Fatalf("expected etcd, the apiserver and three hosts to be recorded, not %q, %v", pids, err)
	}
	for _, file := range pids {
		noted, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pid, _, _ := strings.Cut(string(noted), " ")
		eventually(t, func() error {
			if _, err := os.Stat("/proc/" + pid); !os.IsNotExist(err) {
				return fmt.Errorf("%s runs on as process %s", filepath.Base(file), pid)
			}
			return nil
		})
	}
	const groups = "/sys/fs/cgroup/*/kcmgen-e2e/cp-1/kubepods" // one in each hierarchy of cgroup v1
	before, err := filepath.Glob(groups)
	if err != nil {
		t.Fatal(err)
	}
	onGround(t)
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", state, err)
	}
	after, err := filepath.Glob(groups)
	if err != nil || len(after) > 0 {
		t.Errorf("control groups are left: %q, %v", after, err)
	}
	t.Logf("of %d groups for pods %d are left", len(before), len(after))
}

// leaveGround is what the copy does.
func leaveGround() int {
	g, err := startGround(kind{systems: usual(), kubelets: []string{clusterVersion}})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(g.Logs)
	time.Sleep(time.Minute) // if the test that started it is gone
	return 1
}
