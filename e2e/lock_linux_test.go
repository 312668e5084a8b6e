package e2e

import (
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestLock: of two deployments at once the second says whose the lock is and since
// when, and changes nothing; a lock is free again soon after its holder is gone,
// however that came.
func TestLock(t *testing.T) {
	g := onGround(t)
	first := newSite(t, g, g.Hosts[0])
	first.settle(t, first.a)
	second := newSite(t, g, g.Hosts[0])
	t.Run("two at once", func(t *testing.T) { twoAtOnce(t, first, second) })
	for _, c := range few([]struct {
		holder string
		end    func(*exec.Cmd)
	}{
		{"cut off", func(*exec.Cmd) { first.h.Cut() }},
		{"killed", func(cmd *exec.Cmd) { _ = cmd.Process.Kill() }},
		{"frozen", func(cmd *exec.Cmd) { _ = cmd.Process.Signal(syscall.SIGSTOP) }},
	}, 3, 1) {
		t.Run(c.holder, func(t *testing.T) {
			took := first.holderGone(t, c.end)
			figure(t, "a lock whose holder is "+c.holder, "is free after %.1f s", took.Seconds())
		})
	}
}

// slow keeps a deployment in staging, with the lock: its sftp-server is never ready.
func slow(t *testing.T, h *ground.Host) {
	t.Helper()
	if err := h.WriteFile(t.Context(), "/usr/lib/openssh/sftp-server", "#!/bin/sh\nsleep 25\n", 0o755); err != nil {
		t.Fatal(err)
	}
}

func quick(t *testing.T, h *ground.Host) {
	t.Helper()
	if err := h.WriteFile(t.Context(), "/usr/lib/openssh/sftp-server", "#!/bin/sh\n"+realSFTP+"\n", 0o755); err != nil {
		t.Fatal(err)
	}
}

// holding is a deployment that has the lock and doesn't go on.
func (s *site) holding(t *testing.T) *exec.Cmd {
	t.Helper()
	s.forget(t, s.b)
	cmd := s.o.Command(s.deploy()...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.b.dir, io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() error {
		p, err := s.look(t.Context())
		if err == nil && !p.busy {
			err = fmt.Errorf("the lock isn't taken")
		}
		return err
	})
	return cmd
}

func twoAtOnce(t *testing.T, first, second *site) {
	if err := first.h.WrapSFTP(t.Context(), "#!/bin/sh\n"); err != nil {
		t.Fatal(err)
	}
	slow(t, first.h)
	cmd := first.holding(t)
	const listing = "ls -lR --time-style=full-iso /etc /usr/local /run/kcmgen.lock; cat /run/kcmgen.lock; systemctl show -p MainPID,NRestarts kube-controller-manager"
	before := do(t, first.h, "sh", "-c", listing)
	start := time.Now()
	r, err := second.run(t.Context(), second.b, second.deploy()...)
	if err != nil || r.code != 1 {
		t.Errorf("exit %d, %v", r.code, err)
	}
	if time.Since(start) > 10*time.Second {
		t.Errorf("it waited for %v", time.Since(start))
	}
	who := fmt.Sprintf(`cp-1: it is being changed by root@\S+ \(process %d\) since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, cmd.Process.Pid)
	if !regexp.MustCompile(who).MatchString(r.err) {
		t.Errorf("expected %s in\n%s", who, r.err)
	}
	has(t, r.err, "hint: wait for it to end")
	if after := do(t, first.h, "sh", "-c", listing); after != before {
		t.Errorf("the second one changed something: was\n%s\nis\n%s", before, after)
	}
	quick(t, first.h)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	figure(t, "two deployments at once", "the second ended after %.1f s, said who has the lock, and changed nothing", time.Since(start).Seconds())
}

// holderGone is how long it takes until the lock of a deployment is free, and then the
// next one gets it.
func (s *site) holderGone(t *testing.T, end func(*exec.Cmd)) time.Duration {
	slow(t, s.h)
	cmd := s.holding(t)
	start := time.Now()
	end(cmd)
	eventually(t, 35*time.Second, func() error {
		p, err := s.look(t.Context())
		if err == nil && p.busy {
			err = fmt.Errorf("the lock is still taken")
		}
		return err
	})
	took := time.Since(start)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	s.h.Heal()
	quick(t, s.h)
	s.settle(t, s.b)
	s.settle(t, s.a)
	return took
}
