package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// kills is promise 25, first half: whenever the operator's kcmgen is killed, the host has
// exactly the old generation or the new one, and the same command completes the deployment.
// killat kills it before a system call, so each sample is another moment. Phases in which
// the host changes have the most samples.
func kills(t *testing.T, all []*site) {
	sum := newCount()
	at := moments(70)
	if testing.Short() {
		at = []moment{{"commit", 3, 6}, {"confirm", 5, 6}}
	}
	share(t, all, at, func(t *testing.T, s *site, at moment) { s.killed(t, at, sum) })
	figure(t, "kill -9 of kcmgen in a deploy", "%v", sum)
	if testing.Short() {
		return
	}
	sum.enough(t, 60)
	sum.atLeast(t, 1, "old")
	sum.atLeast(t, 1, "new")
	sum.phased(t, 4, "connect", "lock and stage")
	sum.phased(t, 8, "commit")
	sum.phased(t, 8, "gate", "soak")
	sum.phased(t, 8, "confirm", "confirmed")
}

// moment is a moment of a phase, before a system call: number i of of, spread evenly.
type moment struct {
	phase string
	i, of int
}

func (m moment) String() string { return fmt.Sprintf("%s %d/%d", m.phase, m.i+1, m.of) }

// moments returns n moments or a few more, over all phases.
func moments(n int) []moment {
	var out []moment
	for _, p := range []struct {
		phase   string
		percent int
	}{
		{"connect", 8}, {"lock and stage", 20}, {"check", 8}, {"commit", 20}, {"gate", 12}, {"soak", 10}, {"confirm", 14}, {"confirmed", 8},
	} {
		of := (n*p.percent + 99) / 100
		for i := range of {
			out = append(out, moment{p.phase, i, of})
		}
	}
	return out
}

// call returns the number of the system call, of those of the phase. In a confirm the end
// matters. A commit is only a few calls, in varying number.
func (m moment) call(calls int) int {
	part := (float64(m.i) + 0.5) / float64(m.of)
	switch m.phase {
	case "confirm":
		part = 1 - (1-part)*(1-part)
	case "commit":
		part *= 0.8
	}
	return 1 + int(float64(calls-1)*part)
}

// pause returns the time that the host gets after the call. In phases where kcmgen mostly
// waits for the host, time must be sampled, too.
func (m moment) pause() time.Duration {
	step := map[string]time.Duration{"commit": 60 * time.Millisecond, "confirm": 20 * time.Millisecond}[m.phase]
	return step * time.Duration(m.i*(m.i%2))
}

// killing returns a command that is killed before the n-th call of a phase, or a little
// later; with 0 its calls are only counted. It runs on one processor, so that the calls are
// much the same each time.
func (s *site) killing(phase string, n int, pause time.Duration, command ...string) []string {
	return append([]string{"env", "GOMAXPROCS=1", s.killat, s.report, strconv.Itoa(s.port()), phase, strconv.Itoa(n), pause.String()}, command...)
}

// port returns the port of the host's sshd for the operator.
func (s *site) port() int {
	if s.proxy != nil {
		return s.proxy.port
	}
	return 22
}

// traced deploys undisturbed, and counts the calls of each phase.
func (s *site) traced(t *testing.T) {
	t.Helper()
	s.ready(t)
	if r, err := s.run(t.Context(), s.b, s.killing("connect", 0, 0, s.deploy()...)...); err != nil || r.code != 0 {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.err)
	}
	s.calls = s.counted(t)
	t.Logf("calls: %v", s.calls)
	for _, m := range moments(1) {
		if s.calls[m.phase] < 3 {
			t.Errorf("%d calls in phase %s: it isn't detected", s.calls[m.phase], m.phase)
		}
	}
	s.next(t)
}

// counted returns the calls of each phase from killat's report.
func (s *site) counted(t *testing.T) map[string]int {
	t.Helper()
	calls := map[string]int{}
	for line := range strings.Lines(readFile(t, s.report)) {
		count, phase, _ := strings.Cut(strings.TrimSpace(line), " ")
		calls[phase], _ = strconv.Atoi(count)
	}
	return calls
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// killed kills one deployment at a moment. If a phase has fewer calls this time, it tries
// again, earlier.
func (s *site) killed(t *testing.T, at moment, sum *count) {
	t.Helper()
	n := at.call(s.calls[at.phase])
	for range 4 {
		if s.killedBefore(t, at, n, sum) {
			return
		}
		n = 1 + 2*(n-1)/3
	}
	t.Errorf("%v isn't hit", at)
}

// killedBefore kills one deployment before the n-th call of a phase, checks the host, and
// deploys again. It returns false if the phase was over before.
func (s *site) killedBefore(t *testing.T, at moment, n int, sum *count) (hit bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.slower()*3*time.Minute)
	defer cancel()
	s.ready(t)
	r, err := s.run(ctx, s.b, s.killing(at.phase, n, at.pause()+s.delay, s.deploy()...)...)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case s.halves:
		s.killScript(t)
	case s.powerless:
		s.powerCycle(t)
	}
	if hit = r.code == killedCode; !hit {
		sum.add("not hit", "", 0)
	} else {
		phase, call, _ := strings.Cut(readFile(t, s.report), "\n")
		p, is, err := s.settled(ctx, 30*time.Second)
		if err != nil {
			t.Errorf("killed at %v, in %s before %s, after\n%s\n%v", at, phase, call, r.err, err)
			sum.add("torn", "", 0)
			return true
		}
		sum.judged(s, p, is, phase)
		t.Logf("killed at %v (call %d and %v): %s %s %s, trial %q", at, n, at.pause()+s.delay, phase, strings.TrimSpace(call), is.against(s.b), p.trial)
	}
	start := time.Now()
	if err := s.converge(ctx, s.b); err != nil {
		t.Errorf("killed at %v, after\n%s\nand again: %v", at, r.err, err)
		return true
	}
	if hit {
		sum.add("converged", "", time.Since(start))
	}
	s.next(t)
	return hit
}

// killedCode is killat's exit code after a kill.
const killedCode = 137

// count counts the outcomes of many runs.
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

// judged counts a disturbed deployment of a site, and what its host had then.
func (c *count) judged(s *site, p *picture, is *variant, phase string) {
	c.add(is.against(s.b), phase, 0)
	if is == s.b && p.trial != "" {
		c.add("on trial", "", 0)
	}
	if s.ordinary {
		c.add("ordinary", "", 0)
	}
}

// enough checks that at least n were counted, a third of them by an ordinary user.
func (c *count) enough(t *testing.T, n int) {
	t.Helper()
	if all := c.all(); all < n {
		t.Errorf("%d, expected at least %d", all, n)
	}
	c.atLeast(t, c.all()/3, "ordinary")
}

// atLeast and phased are for samples that must be dense.
func (c *count) atLeast(t *testing.T, n int, outcome string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[outcome] < n {
		t.Errorf("%q: %d, expected at least %d", outcome, c.of[outcome], n)
	}
}

func (c *count) phased(t *testing.T, n int, phases ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	got := 0
	for _, p := range phases {
		got += c.phases[p]
	}
	if got < n {
		t.Errorf("%q: %d, expected at least %d", phases, got, n)
	}
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
	for _, p := range inOrder(c.phases) {
		phases = append(phases, fmt.Sprintf("%s %d", p, c.phases[p]))
	}
	ordinary := ""
	if n := c.of["ordinary"]; n > 0 {
		ordinary = fmt.Sprintf("; %d as an ordinary user, with the lease", n)
	}
	trial, missed := "", ""
	if n := c.of["not hit"]; n > 0 {
		missed = fmt.Sprintf("; %d more weren't hit", n)
	}
	if n := c.of["on trial"]; n > 0 {
		trial = fmt.Sprintf(" (%d on trial)", n)
	}
	return fmt.Sprintf("%d: %d old, %d new%s, %d torn or mixed; %d converged, the slowest in %.1f s (%s)%s", c.of["old"]+c.of["new"],
		c.of["old"], c.of["new"], trial, c.of["torn"], c.of["converged"], c.worst.Seconds(), strings.Join(phases, ", "), ordinary+missed)
}

// inOrder returns the phases in their order, then others by name.
func inOrder(phases map[string]int) []string {
	var out []string
	for _, m := range moments(1) {
		if phases[m.phase] > 0 {
			out = append(out, m.phase)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(phases)) {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}
