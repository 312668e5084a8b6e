package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOutage: an apiserver that is away for a while fails no rollout and no way back, however
// many processes end by it. One that stays away ends the rollout with its own exit code and
// error.
func TestOutage(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	t.Cleanup(func() { s.present(t) })
	s.export(t, strings.Replace(judgedInSeconds(), `soak: "1s"`, `soak: "6s"`, 1))
	s.deploy(t, 0)
	t.Run("hangs for 12 s", func(t *testing.T) {
		s.flag(t, "concurrent-gc-syncs", 21)
		p := s.plan(t, "deploy")
		b := s.begin(t, s.args("deploy")...)
		b.until(t, p.Steps[0].Node+": healthy:")
		goOn, err := s.HangAPI()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(12 * time.Second)
		if err := goOn(); err != nil {
			t.Fatal(err)
		}
		s.survives(t, b)
	})
	t.Run("refuses for 40 s, while the leader is on trial", func(t *testing.T) {
		s.flag(t, "concurrent-gc-syncs", 22)
		p := s.plan(t, "deploy")
		b := s.begin(t, s.args("deploy")...)
		b.until(t, p.Steps[2].Node+": restart:")
		s.StopAPI()
		b.until(t, "waits: for the apiserver, which is away: ")
		time.Sleep(40 * time.Second)
		s.present(t)
		s.survives(t, b)
		figure(t, "the apiserver is away for 12 s and for 40 s", "the rollouts wait, and end well")
	})
	t.Run("on the way back", func(t *testing.T) {
		before := s.calm(t)
		p := s.plan(t, "rollback")
		// Only one host: during an outage another may become the leader, and a configuration
		// that has led stays.
		bad := alteredAt(t, s.o.Repository+"/out", p.Steps[1].Node, unpaired)
		b := s.begin(t, s.args("deploy", "-o", bad)...)
		b.until(t, ": back: ")
		s.StopAPI()
		time.Sleep(20 * time.Second)
		s.present(t)
		if code := b.end(t, 4*time.Minute); code != 5 {
			t.Errorf("exit %d", code)
		}
		s.calmAgain(t, before)
	})
	t.Run("for good", func(t *testing.T) {
		before := s.calm(t)
		s.flag(t, "concurrent-gc-syncs", 24)
		p := s.plan(t, "deploy")
		b := s.begin(t, s.args("deploy")...)
		b.until(t, p.Steps[0].Node+": healthy:")
		s.StopAPI()
		code := b.end(t, 4*time.Minute)
		if code != 7 {
			t.Errorf("exit %d", code)
		}
		has(t, b.text.String(), "kcmgen: went back: "+p.Steps[0].Node+": the apiserver has been away for 1m", "nothing is known to be wrong with the host", "hint: hosts go on by themselves")
		s.present(t)
		s.calmAgain(t, before)
		s.deploy(t, 0)
		s.newEverywhere(t)
		figure(t, "an apiserver that stays away", "exit %d, every host has what it had", code)
	})
}

// present starts the apiserver if none runs.
func (s *scene) present(t *testing.T) {
	t.Helper()
	s.StopAPI()
	// Also after the end of the test and its context.
	if err := s.StartAPI(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

// survives waits for a deployment to succeed.
func (s *scene) survives(t *testing.T, b *begun) {
	t.Helper()
	if code := b.end(t, 4*time.Minute); code != 0 {
		t.Fatalf("exit %d", code)
	}
	s.newEverywhere(t)
}

// calm returns what all hosts have, without the number of restarts, which may change.
func (s *scene) calm(t *testing.T) map[string]string {
	t.Helper()
	out := pictures(t, s.Ground)
	for name, text := range out {
		var kept strings.Builder
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "NRestarts=") {
				kept.WriteString(line)
			}
		}
		out[name] = kept.String()
	}
	return out
}

// calmAgain waits until the hosts are as they were, with a leader.
func (s *scene) calmAgain(t *testing.T, before map[string]string) {
	t.Helper()
	eventually(t, func() error {
		for name, now := range s.calm(t) {
			if d := differences(before[name], now); len(d) > 0 {
				return fmt.Errorf("%s: %q", name, d)
			}
		}
		return renewed(t, s.Ground)
	})
}

// releasing makes the process release its lease when it exits.
func releasing(t *testing.T, n *node) {
	t.Helper()
	n.flag(t, "feature-gates", "ControllerManagerReleaseLeaderElectionLockOnExit=true")
	if !strings.Contains(n.unit, "\nRestart=always\n") {
		t.Fatalf("no Restart=always in\n%s", n.unit)
	}
}

// TestReleased: a leader that releases its lease exits with 0 when it loses it. With
// Restart=always all come back after every outage.
func TestReleased(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	t.Cleanup(func() { s.present(t) })
	s.export(t, strings.Replace(judgedInSeconds(), `soak: "1s"`, `soak: "6s"`, 1))
	s.deploy(t, 0, "-o", s.altered(t, releasing))
	for i := range 3 {
		s.StopAPI()
		time.Sleep(10 * time.Second) // many times the renew deadline of 2 s
		s.present(t)
		eventually(t, func() error {
			for _, h := range s.Hosts {
				if err := in(t, h, "active/running", "enabled"); err != nil {
					return err
				}
			}
			return renewed(t, s.Ground)
		})
		t.Logf("outage %d: all are back", i+1)
	}
	figure(t, "a leader that gives its lease back", "three outages: all come back")
}

// TestCoordinated: with coordinated leader election a rollout changes the leader once.
func TestCoordinated(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	t.Cleanup(func() { s.present(t) })
	s.StopAPI()
	if err := s.StartAPI(t.Context(), "--feature-gates=CoordinatedLeaderElection=true", "--runtime-config=coordination.k8s.io/v1beta1=true"); err != nil {
		t.Fatal(err)
	}
	s.deploy(t, 0, "-o", s.altered(t, setFlag("feature-gates", "CoordinatedLeaderElection=true")))
	was := s.leader(t)
	w := watchHosts(t, s.Ground)
	r := s.deploy(t, 0, "-o", s.altered(t, func(t *testing.T, n *node) {
		n.flag(t, "feature-gates", "CoordinatedLeaderElection=true")
		n.flag(t, "concurrent-gc-syncs", "21")
	}))
	saw := w.end()
	if order := strings.Fields(restarted(r)); len(order) != 3 || order[2] != was.Name {
		t.Errorf("%s leads, and restarted are %q", was.Name, order)
	}
	if len(saw.leaders) != 2 || saw.leaders[0] != was.Name {
		t.Errorf("leaders are %q: expected one change", saw.leaders)
	}
	saw.spared(t)
	figure(t, "coordinated leader election", "a rollout, %s", saw)
}

// TestOneHostname: two hosts with the same hostname are refused, and nothing is changed.
func TestOneHostname(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	s.flag(t, "concurrent-gc-syncs", 20) // something to go back to
	s.deploy(t, 0)
	a, _, leader := s.standbys(t)
	do(t, leader, "hostname", a.Name)
	t.Cleanup(func() { _, _ = leader.Run(t.Context(), "hostname", leader.Name) })
	s.flag(t, "concurrent-gc-syncs", 21)
	before := s.stamp(t)
	says := fmt.Sprintf(" have one hostname, %q", a.Name)
	for _, more := range [][]string{nil, {"--dry-run"}, {"--limit", a.Name}, {"--limit", leader.Name}} {
		r := s.deploy(t, 1, more...)
		has(t, r.Err, says, "hint: give each a name of its own: hostnamectl set-hostname ")
	}
	has(t, s.must(t, 1, s.args("rollback")...).Err, says)
	if d := differences(before, s.stamp(t)); len(d) > 0 {
		t.Errorf("something changed:\n%s", strings.Join(d, "\n"))
	}
	do(t, leader, "hostname", leader.Name)
	s.deploy(t, 0)
	s.newEverywhere(t)
}

// TestTalkativeShell: output of a login shell does no harm. If it is too much, a dry run
// reports it, with a remedy.
func TestTalkativeShell(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	talk := func(line string) {
		for _, h := range s.Hosts {
			do(t, h, "sh", "-c", `printf '%s\n' "$1" | tee /home/ops/.bashrc >/root/.bashrc`, "sh", line)
		}
	}
	talk("echo welcome to $(hostname); printf 'and no line end'")
	s.deploy(t, 0, "--dry-run")
	s.deploy(t, 0)
	s.newEverywhere(t)
	s.flag(t, "concurrent-gc-syncs", 21)
	talk("yes welcome | head -c 200000")
	for _, more := range [][]string{{"--dry-run"}, nil} {
		r := s.deploy(t, 1, more...)
		has(t, r.Err, `SFTP: the login's shell prints "welcome" by itself: `, "hint: what prints is mostly ~/.bashrc")
	}
	talk("echo welcome; case $- in *i*) ;; *) return ;; esac; yes welcome | head -c 200000")
	s.deploy(t, 0)
	s.newEverywhere(t)
	s.must(t, 0, "diff", "--live", ".")
	s.must(t, 0, s.args("rollback")...)
}
