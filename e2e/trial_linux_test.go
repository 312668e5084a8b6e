package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// begun is a running kcmgen whose output is read line by line.
type begun struct {
	cmd   *exec.Cmd
	lines chan string
	text  strings.Builder
	gone  chan struct{}
}

func (s *scene) begin(t *testing.T, args ...string) *begun {
	t.Helper()
	return begin(t, s.o.Command(append([]string{kcmgen}, args...)...))
}

func begin(t *testing.T, cmd *exec.Cmd) *begun {
	t.Helper()
	b := &begun{cmd: cmd, lines: make(chan string, 1000), gone: make(chan struct{})}
	out, err := b.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(b.gone)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			b.text.WriteString(sc.Text() + "\n")
			b.lines <- sc.Text()
		}
		_ = b.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = b.cmd.Process.Kill()
		<-b.gone
	})
	return b
}

// until waits for a line that contains a text.
func (b *begun) until(t *testing.T, text string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line := <-b.lines:
			if strings.Contains(line, text) {
				return
			}
		case <-b.gone:
			t.Fatalf("it ended without saying %q:\n%s", text, b.text.String())
		case <-late:
			t.Fatalf("it doesn't say %q", text)
		}
	}
}

// kill ends it with SIGKILL.
func (b *begun) kill() {
	_ = b.cmd.Process.Kill()
	<-b.gone
}

// end waits for its end, and returns its exit code.
func (b *begun) end(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-b.gone:
	case <-time.After(limit):
		t.Fatalf("it goes on after %v", limit)
	}
	t.Logf("exit %d\n%s", b.cmd.ProcessState.ExitCode(), b.text.String())
	return b.cmd.ProcessState.ExitCode()
}

// slow makes trials long enough to act in the middle of one.
func (s *scene) slow(t *testing.T) {
	t.Helper()
	file := filepath.Join(s.o.Repository, "ground.cue")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s.export(t, strings.Replace(string(old), `soak: "1s"`, `soak: "4s"`, 1))
}

// onTrial reports whether a host has a generation on trial.
func onTrial(t *testing.T, h *ground.Host) bool {
	t.Helper()
	r, err := h.Run(t.Context(), "test", "-e", "/"+homeOnHost+"/trial")
	if err != nil {
		t.Fatal(err)
	}
	return r.Code == 0
}

// standing returns a deployed cluster with a change to deploy, in long trials.
func standing(t *testing.T) (*scene, map[string]string) {
	t.Helper()
	s := onScene(t)
	s.deploy(t, 0)
	before := pictures(t, s.Ground)
	s.slow(t)
	s.flag(t, "concurrent-gc-syncs", 21)
	return s, before
}

// TestOperatorGone: a host on trial whose operator is killed, and one whose network is cut,
// go back by themselves in the announced time. A confirmed one never does.
func TestOperatorGone(t *testing.T) {
	if sampled(t) {
		return
	}
	s, before := standing(t)
	killed, cut, confirmed := s.Hosts[0], s.Hosts[1], s.Hosts[2]
	revert := time.Duration(s.plan(t, "deploy").Revert * float64(time.Second))
	operators := map[*ground.Host]*begun{}
	from := map[*ground.Host]time.Time{}
	for _, h := range s.Hosts {
		o := s.another(t) // with a cluster of that host alone, since others would wait
		alone(t, o.o.Repository, h.Name)
		o.must(t, 0, "export", ".", "--accept", goneBut(h.Name))
		operators[h] = o.begin(t, s.args("deploy")...)
	}
	for _, h := range []*ground.Host{killed, cut} {
		operators[h].until(t, h.Name+": restart:")
		eventually(t, func() error {
			if !onTrial(t, h) {
				return fmt.Errorf("%s isn't on trial", h.Name)
			}
			return nil
		})
		from[h] = time.Now()
		if h == killed {
			operators[h].kill()
		} else {
			h.Cut()
		}
	}
	operators[confirmed].until(t, confirmed.Name+": done:")
	operators[confirmed].kill()
	kept := pictureOf(t, s.Ground, confirmed)

	var all sync.WaitGroup
	for _, h := range []*ground.Host{killed, cut} {
		all.Go(func() {
			for end := time.Now().Add(revert + 10*time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if !onTrial(t, h) {
					break
				}
			}
			took := time.Since(from[h])
			if took > revert+15*time.Second { // the timer is punctual, the restart may be slow
				t.Errorf("%s went back after %.1f s, announced were %v", h.Name, took.Seconds(), revert)
			}
			what := map[*ground.Host]string{killed: "kill -9 of kcmgen", cut: "the line cut"}[h]
			figure(t, what+" in a trial", "the host went back after %.1f s, announced were %v", took.Seconds(), revert)
		})
	}
	all.Wait()
	code := operators[cut].end(t, 2*time.Minute)
	figure(t, "the line cut in a trial, the operator's side", "exit %d", code)
	if code != 6 {
		t.Errorf("exit %d of an operator that can't know what the host has", code)
	}
	cut.Heal()
	for _, h := range []*ground.Host{killed, cut} {
		eventually(t, func() error {
			if d := differences(before[h.Name], pictureOf(t, s.Ground, h)); len(d) > 0 {
				return fmt.Errorf("%s: %q", h.Name, d)
			}
			return nil
		})
		told, err := h.Journal(t.Context(), "kcmgen-revert")
		if says := " to " + runs(before[h.Name]) + "\n"; err != nil || !strings.Contains(told, unitOnHost+": back from ") || !strings.Contains(told, says) {
			t.Errorf("%s: %q isn't in the timer's journal, %v:\n%s", h.Name, says, err, told)
		}
	}
	time.Sleep(time.Until(from[killed].Add(revert + 10*time.Second)))
	if d := differences(kept, pictureOf(t, s.Ground, confirmed)); len(d) > 0 {
		t.Errorf("%s was confirmed, and went back: %q", confirmed.Name, d)
	}
	s.deploy(t, 0) // converges
	s.newEverywhere(t)
}

// newEverywhere checks that all hosts run what was exported, with nothing left of trials.
func (s *scene) newEverywhere(t *testing.T) {
	t.Helper()
	for _, h := range s.Hosts {
		p := pictureOf(t, s.Ground, h)
		if got, want := runs(p), s.exported(t, h.Name); got != want {
			t.Errorf("%s runs %s, not %s", h.Name, got, want)
		}
		for _, left := range []string{"TRIAL", "TIMER", "PARTIAL", "PROCESSES"} {
			if strings.Contains(p, left) {
				t.Errorf("%s: %s is left", h.Name, left)
			}
		}
	}
	if err := renewed(t, s.Ground); err != nil {
		t.Error(err)
	}
}

// TestAgainAtOnce: after a kill, the next deploy needn't wait until the host goes back.
func TestAgainAtOnce(t *testing.T) {
	if sampled(t) {
		return
	}
	s, _ := standing(t)
	first := s.plan(t, "deploy").Steps[0].Node
	b := s.begin(t, s.args("deploy")...)
	b.until(t, first+": healthy:")
	b.kill()
	start := time.Now()
	p := s.plan(t, "deploy")
	if p.Steps[0].Recover == "" && p.Steps[1].Recover == "" && p.Steps[2].Recover == "" {
		t.Errorf("the unfinished trial isn't mentioned: %+v", p)
	}
	w := watchHosts(t, s.Ground)
	eventually(t, func() error { // the killed session still holds the lock for a moment
		r, err := s.o.Kcmgen(t.Context(), s.args("deploy")...)
		if err == nil && r.Code != 0 {
			err = fmt.Errorf("exit %d: %s", r.Code, r.Err)
		}
		return err
	})
	w.end().spared(t)
	s.newEverywhere(t)
	figure(t, "deploy again after a kill -9 in a trial", "done %.1f s later", time.Since(start).Seconds())
}

// TestPowerLoss: after a loss of power in a trial the old generation boots, after the confirm
// the new one.
func TestPowerLoss(t *testing.T) {
	s, before := standing(t)
	steps := s.plan(t, "deploy").Steps
	h := s.host(steps[0].Node)
	b := s.begin(t, s.args("deploy", "--limit", h.Name)...)
	b.until(t, h.Name+": healthy:")
	h.PowerOff()
	b.kill()
	if err := h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return healthy(t.Context(), inside(s.Ground, h)) })
	if d := differences(before[h.Name], pictureOf(t, s.Ground, h)); len(d) > 0 {
		t.Errorf("after a loss of power in a trial: %q", d)
	}
	told, err := h.Journal(t.Context(), "kcmgen-recover")
	if says := ": back from " + s.exported(t, h.Name) + " to " + runs(before[h.Name]); err != nil || !strings.Contains(told, says) {
		t.Errorf("%q isn't in the boot unit's journal, %v:\n%s", says, err, told)
	}
	if testing.Short() {
		return
	}
	s.deploy(t, 0, "--limit", h.Name)
	after := pictureOf(t, s.Ground, h)
	h.PowerOff()
	if err := h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error { return healthy(t.Context(), inside(s.Ground, h)) })
	if d := differences(after, pictureOf(t, s.Ground, h)); len(d) > 0 {
		t.Errorf("after a loss of power once it was confirmed: %q", d)
	}
	if got := runs(after); got != s.exported(t, h.Name) {
		t.Errorf("%s runs %s", h.Name, got)
	}
	s.deploy(t, 0)
	s.newEverywhere(t)
	figure(t, "power loss", "in a trial the old generation boots, once confirmed the new one")
	s.unguarded(t)
}

// unguarded: if a naive operator copies files, restarts and is gone, nothing takes them back,
// with or without a loss of power. The checks of the trials above notice.
func (s *scene) unguarded(t *testing.T) {
	t.Helper()
	h := s.Hosts[0]
	before := pictureOf(t, s.Ground, h)
	naively(t, []*ground.Host{h}, s.altered(t, setFlag("concurrent-gc-syncs", "29")))
	found := 0
	for range 2 {
		eventually(t, func() error { return healthy(t.Context(), inside(s.Ground, h)) })
		if len(differences(before, pictureOf(t, s.Ground, h))) > 0 {
			found++
		}
		h.PowerOff()
		if err := h.Boot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if found != 2 {
		t.Errorf("%d of 2 times the checks noticed that nothing takes the files back", found)
	}
	figure(t, "operator gone, and power lost, for files over the old ones", "%d of 2 stay on the unconfirmed generation", found)
}
