package e2e

import (
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestLock: of two deployments at once the second reports who holds the lock since when, and
// changes nothing. A lock is free soon after its holder is gone, for any reason.
func TestLock(t *testing.T) {
	g := onGround(t)
	first := newSite(t, g, g.Hosts[0])
	first.settle(t, first.a)
	second := newSite(t, g, g.Hosts[0])
	t.Run("two at once", func(t *testing.T) { twoAtOnce(t, g, first, second) })
	if !testing.Short() {
		t.Run("two at the same moment", func(t *testing.T) { sameMoment(t, g, first, second) })
	}
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
			if took > 35*time.Second {
				t.Errorf("it was free after %v", took)
			}
			figure(t, "a lock whose holder is "+c.holder, "is free after %.1f s", took.Seconds())
		})
	}
}

// slow keeps a deployment in staging, with the lock: its sftp-server sends its version, which
// is tested before any change, and nothing else.
func slow(t *testing.T, h *ground.Host) {
	t.Helper()
	const script = "#!/bin/sh\n" + realSFTP + " | { dd bs=64k count=1 status=none; sleep 25; }\n"
	if err := h.WriteFile(t.Context(), "/usr/lib/openssh/sftp-server", script, 0o755); err != nil {
		t.Fatal(err)
	}
}

func quick(t *testing.T, h *ground.Host) {
	t.Helper()
	if err := h.WriteFile(t.Context(), "/usr/lib/openssh/sftp-server", "#!/bin/sh\n"+realSFTP+"\n", 0o755); err != nil {
		t.Fatal(err)
	}
}

// holding starts a deployment that keeps the lock and doesn't go on.
func (s *site) holding(t *testing.T) *exec.Cmd {
	t.Helper()
	s.forget(t, s.b)
	cmd := s.o.Command(s.deploy()...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.b.dir, io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		p, err := s.look(t.Context())
		if err == nil && !p.busy {
			err = fmt.Errorf("the lock isn't taken")
		}
		return err
	})
	return cmd
}

// listing is what a second deployment mustn't change.
const listing = "ls -lR --time-style=full-iso /etc /usr/local /run/kcmgen.lock; cat /run/kcmgen.lock; systemctl show -p MainPID,NRestarts kube-controller-manager"

func twoAtOnce(t *testing.T, g *ground.Ground, first, second *site) {
	if err := first.h.WrapSFTP(t.Context(), "#!/bin/sh\n"); err != nil {
		t.Fatal(err)
	}
	slow(t, first.h)
	cmd := first.holding(t)
	before := do(t, first.h, "sh", "-c", listing)
	start := time.Now()
	r, err := second.run(t.Context(), second.b, second.deploy()...)
	if err != nil || r.code != 1 {
		t.Errorf("exit %d, %v", r.code, err)
	}
	took := time.Since(start)
	if took > 10*time.Second {
		t.Errorf("it waited for %v", took)
	}
	who := fmt.Sprintf(`cp-1: it is being changed by root@\S+ \(process %d\) since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, cmd.Process.Pid)
	if !regexp.MustCompile(who).MatchString(r.err) {
		t.Errorf("expected %s in\n%s", who, r.err)
	}
	has(t, r.err, "hint: wait for it to end")
	if strings.Contains(r.err, "restart") {
		t.Errorf("it shows a plan that will change\n%s", r.err)
	}
	if r, err = second.run(t.Context(), second.b, append(second.deploy(), "--dry-run")...); err != nil || r.code != 0 {
		t.Errorf("a dry run: exit %d, %v", r.code, err)
	}
	if !regexp.MustCompile("note: " + who).MatchString(r.out + r.err) {
		t.Errorf("expected %s in\n%s%s", who, r.out, r.err)
	}
	if after := do(t, first.h, "sh", "-c", listing); after != before {
		t.Errorf("the second one changed something: was\n%s\nis\n%s", before, after)
	}
	quick(t, first.h)
	if !testing.Short() {
		first.unlocked(t, g, before)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	figure(t, "two deployments at once", "the second ended after %.1f s, said who has the lock, and changed nothing", took.Seconds())
}

// unlocked: a second deployment without a lock changes what the first is about to change.
func (s *site) unlocked(t *testing.T, g *ground.Ground, before string) {
	t.Helper()
	b := brokenSite(t, g, s.h)
	r, err := b.run(t.Context(), b.a, b.naive(b.a)...)
	if err != nil || r.code != 0 || do(t, s.h, "sh", "-c", listing) == before {
		t.Errorf("a deployment without a lock wasn't noticed: exit %d, %v\n%s", r.code, err, r.err)
	}
}

// sameMoment: of two deployments that begin together one succeeds, and the other changes
// nothing. With a lock file that is first checked and then created, both succeed.
func sameMoment(t *testing.T, g *ground.Ground, first, second *site) {
	const times = 3
	for i := range times {
		first.settle(t, first.a)
		first.forget(t, first.b)
		second.forget(t, second.b)
		rs := together(t, (*site).deploy, first, second)
		won, lost := first, rs[1]
		if rs[1].code == 0 {
			won, lost = second, rs[0]
		}
		if rs[0].code+rs[1].code != 1 || !strings.Contains(lost.err, "it is being changed by") {
			t.Errorf("exit %d and %d\n%s\n%s", rs[0].code, rs[1].code, rs[0].err, rs[1].err)
		}
		p, err := won.look(t.Context())
		if err == nil {
			_, err = p.judge(won.b)
		}
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	a, b := brokenSite(t, g, first.h), brokenSite(t, g, first.h)
	rs := together(t, (*site).checking, a, b)
	if rs[0].code != 0 || rs[1].code != 0 {
		t.Errorf("a check-then-create lock wasn't noticed: exit %d and %d\n%s\n%s", rs[0].code, rs[1].code, rs[0].err, rs[1].err)
	}
	do(t, first.h, "systemctl", "stop", unit)
	figure(t, "two deployments at the same moment", "one of them went through, %d times; both, of those who look for a lock before they make one", times)
}

// together deploys the second variants of sites to the same host, at the same moment.
func together(t *testing.T, command func(*site) []string, sites ...*site) []result {
	t.Helper()
	out := make([]result, len(sites))
	var all sync.WaitGroup
	for i, s := range sites {
		all.Go(func() {
			var err error
			if out[i], err = s.run(t.Context(), s.b, command(s)...); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	return out
}

// checking returns a naive deployment with a check-then-create lock.
func (s *site) checking() []string {
	const script = `ssh -F "$1" "$2" test ! -e /run/naive.lock && ssh -F "$1" "$2" touch /run/naive.lock && shift 2 && "$@"`
	return append([]string{"sh", "-c", script, "sh", s.o.SSHConfig, "root@" + s.h.Name}, s.naive(s.b)...)
}

// holderGone returns how long it takes until the next deployment gets the lock of one that
// has ended.
func (s *site) holderGone(t *testing.T, end func(*exec.Cmd)) time.Duration {
	slow(t, s.h)
	cmd := s.holding(t)
	start := time.Now()
	end(cmd)
	eventually(t, func() error {
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
