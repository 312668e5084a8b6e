package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// kills is promise 25, first half: whenever the operator's kcmgen is killed, the host
// has exactly the old generation or the new one, and the same command ends what was
// begun. strace kills it before its n-th system call of a kind, so each sample is
// another moment: of the connection, of staging, of the trial, of its confirmation.
func kills(t *testing.T, all []*site, calls map[string]int) {
	sum := newCount()
	share(t, all, few(sample(calls, 99), 99, 3), func(t *testing.T, s *site, at moment) {
		// Some aren't hit, since threads come in another order: there are more of them
		// than it takes.
		if sum.all() < 63 {
			s.killed(t, at, sum)
		}
	})
	figure(t, "kill -9 of kcmgen in a deploy", "%v", sum)
	if !testing.Short() && (sum.all() < 60 || sum.of["old"] == 0 || sum.of["new"] == 0) {
		t.Errorf("%v: at least 60, with both outcomes, are wanted", sum)
	}
}

// moment is before the n-th system call of a kind, in the thread that comes to it
// first.
type moment struct {
	call string
	n    int
}

func (m moment) String() string { return fmt.Sprintf("%s %d", m.call, m.n) }

// killing is a command that is killed at a moment. One processor has nearly all calls
// come from a few threads, in much the same order each time.
func (s *site) killing(m moment, command ...string) []string {
	inject := fmt.Sprintf("inject=%s:signal=KILL:when=%d", m.call, m.n)
	return append([]string{"env", "GOMAXPROCS=1", "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + m.call, "-e", inject}, command...)
}

// kinds are the system calls at which kcmgen is killed: what reaches the host reaches
// it by write, what comes back by read.
func kinds() []string {
	return []string{"write", "read", "connect", "close", "openat", "futex", "epoll_pwait", "renameat2,renameat,unlinkat,fsync"}
}

// traced deploys a variant undisturbed, and counts its calls: of the thread that makes
// the most of a kind.
func (s *site) traced(t *testing.T, v *variant) map[string]int {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	args := append([]string{"env", "GOMAXPROCS=1", "strace", "-f", "-qq", "-o", file, "-e", "trace=" + strings.Join(kinds(), ",")}, s.deploy()...)
	if r, err := s.run(t.Context(), v, args...); err != nil || r.code != 0 {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	count, most := map[string]int{}, map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^(\d+) +([a-z][a-z0-9_]+)\(`).FindAllStringSubmatch(string(text), -1) {
		if m[2] == "syscall_0x1c4" {
			continue // fchmodat2, which strace has no name for
		}
		count[m[1]+m[2]]++
		most[m[2]] = max(most[m[2]], count[m[1]+m[2]])
	}
	t.Logf("calls of the busiest threads: %v", most)
	return most
}

// sample spreads moments over the calls of each kind: half of them over those that
// reach the host.
func sample(calls map[string]int, n int) []moment {
	var out []moment
	spread := func(call string, n int) {
		for i := range min(n, calls[call]) {
			out = append(out, moment{call, 1 + (calls[call]-1)*(2*i+1)/(2*n)})
		}
	}
	spread("write", n/2)
	spread("read", n/4)
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(calls)), func(c string) bool { return c == "write" || c == "read" })
	for _, call := range others {
		spread(call, max(1, (n-n/2-n/4)/len(others)))
	}
	for len(out) < n { // kinds with few calls leave some over
		out = append(out, moment{"write", 1 + calls["write"]*(len(out)+1)/(n+2)})
	}
	return out
}

// killed kills one deployment, judges the host, and has the next one end it.
func (s *site) killed(t *testing.T, at moment, sum *count) {
	t.Helper()
	from, to := s.a, s.b
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s.forget(t, to)
	r, err := s.run(ctx, to, s.killing(at, s.deploy()...)...)
	if err != nil {
		t.Fatal(err)
	}
	if r.code != -1 { // another thread's turn this time
		sum.add("", "not hit", 0)
	} else {
		p, is, err := s.settled(ctx, 30*time.Second)
		if err != nil {
			t.Errorf("killed before %v, after\n%s\n%v", at, r.err, err)
			sum.add("torn", "", 0)
			return
		}
		sum.add(is.against(to), phase(r.err), 0)
		if len(p.left) > 0 && p.trial == "" && is == to {
			t.Logf("killed before %v: left %q", at, p.left)
		}
	}
	start := time.Now()
	if err := s.converge(ctx, to); err != nil {
		t.Errorf("killed before %v, after\n%s\nand again: %v", at, r.err, err)
		return
	}
	sum.add("converged", "", time.Since(start))
	s.a, s.b = to, from // the next one goes back
}

// phase is how far a deployment came, by what it said last.
func phase(said string) string {
	out := "connect"
	for _, p := range []struct{ word, phase string }{
		{"one after the other", "lock and stage"},
		{": staged:", "commit"},
		{": restart:", "trial"},
		{": healthy:", "soak"},
		{": done:", "confirmed"},
		{": back:", "going back"},
	} {
		if strings.Contains(said, p.word) {
			out = p.phase
		}
	}
	return out
}

// count is what became of many runs.
type count struct {
	mu     sync.Mutex
	of     map[string]int
	phases map[string]int
	worst  time.Duration
}

func newCount() *count { return &count{of: map[string]int{}, phases: map[string]int{}} }

func (c *count) add(outcome, phase string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if outcome != "" {
		c.of[outcome]++
	}
	if phase != "" {
		c.phases[phase]++
	}
	c.worst = max(c.worst, took)
}

func (c *count) all() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of["old"] + c.of["new"]
}

func (c *count) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var phases []string
	for _, p := range slices.Sorted(maps.Keys(c.phases)) {
		phases = append(phases, fmt.Sprintf("%s %d", p, c.phases[p]))
	}
	return fmt.Sprintf("%d: %d old, %d new, %d torn or mixed; %d converged, the slowest in %.1f s (%s)", c.of["old"]+c.of["new"],
		c.of["old"], c.of["new"], c.of["torn"], c.of["converged"], c.worst.Seconds(), strings.Join(phases, ", "))
}
