package e2e

import (
	"bufio"
	goflag "flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// benchDeploy enables TestBenchDeploy, which needs an idle machine.
var benchDeploy = goflag.Bool("bench-deploy", false, "compare the speed of deploy with ssh and scp")

// samples is the number of samples of each figure; the median counts.
const samples = 5

// TestBenchDeploy compares the time of a deploy with the same steps by hand, in one run, at
// 30 ms. It counts round trips by the difference between two distances.
func TestBenchDeploy(t *testing.T) {
	if !*benchDeploy {
		return // make bench-deploy
	}
	g := onGround(t)
	o := newOperator(t, g)
	b := &deployBench{t, g, o, rtt}
	login := b.row("ssh HOST true", 0, func() time.Duration { return b.run(0, "ssh", "-F", o.SSHConfig, "root@cp-1", "true") })
	b.row("scp, a file at a time, three hosts", login, b.scpEach)
	b.row("scp, all files of a host, three hosts", login, b.scpAll)
	b.row("tar over ssh, three hosts", login, b.tar)
	staged := b.row("deploy, until all three hosts are staged", login, b.staged)
	stagedTrips := b.trips("deploy, until all three hosts are staged", b.staged)
	b.first()
	same := b.row("deploy, nothing changed, three hosts", login, b.unchanged)
	sameTrips := b.trips("deploy, nothing changed, three hosts", b.unchanged)
	seen := b.row("status, three hosts", login, b.status)
	statusTrips := b.trips("status, three hosts", b.status)
	for _, c := range []struct {
		what      string
		got, most float64
	}{
		{"status against ssh true", seen.Seconds() / login.Seconds(), 1.5},
		{"status, round trips", statusTrips, 16},
		{"staging against ssh true", staged.Seconds() / login.Seconds(), 2.5},
		{"staging, round trips", stagedTrips, 30},
		{"nothing changed against ssh true", same.Seconds() / login.Seconds(), 1.5},
		{"nothing changed, round trips", sameTrips, 16},
	} {
		verdict := "ok"
		if c.got > c.most {
			verdict = "OVER"
			t.Errorf("%s: %.1f, at most %.1f", c.what, c.got, c.most)
		}
		fmt.Fprintf(os.Stderr, "%-44s %6.1f, at most %4.1f  %s\n", c.what, c.got, c.most, verdict)
	}
}

type deployBench struct {
	*testing.T
	g *ground.Ground
	o *ground.Operator
	// distance to the hosts, now
	distance time.Duration
}

// reset resets the hosts and waits until their boot is complete; sshd answers before that.
func (b *deployBench) reset() {
	b.Helper()
	if err := b.g.Reset(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, h := range b.g.Hosts {
		if _, err := h.Run(b.Context(), "timeout", "60", "systemctl", "is-system-running", "--wait"); err != nil {
			b.Fatal(err)
		}
	}
	b.g.SetRTT(b.distance)
}

// row measures and prints one figure, against another where there is one.
func (b *deployBench) row(what string, against time.Duration, once func() time.Duration) time.Duration {
	m := median(once, samples)
	ratio := ""
	if against > 0 {
		ratio = fmt.Sprintf("%5.1f x", m.Seconds()/against.Seconds())
	}
	fmt.Fprintf(os.Stderr, "%-44s %6.2f s %s\n", what, m.Seconds(), ratio)
	return m
}

func median(once func() time.Duration, n int) time.Duration {
	var all []time.Duration
	for range n {
		all = append(all, once())
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// trips returns the number of round trips, by the cost of a longer distance.
func (b *deployBench) trips(what string, once func() time.Duration) float64 {
	const further = 100 * time.Millisecond
	near := median(once, samples)
	b.distance = rtt + further
	b.g.SetRTT(b.distance)
	defer func() {
		b.distance = rtt
		b.g.SetRTT(rtt)
	}()
	far := median(once, samples)
	n := (far - near).Seconds() / further.Seconds()
	fmt.Fprintf(os.Stderr, "%-44s %6.1f round trips\n", what, n)
	return n
}

func (b *deployBench) run(want int, args ...string) time.Duration {
	b.Helper()
	start := time.Now()
	r, err := b.o.Run(b.Context(), args...)
	if err != nil || r.Code != want {
		b.Fatalf("%q: exit %d, %v\n%s%s", args, r.Code, err, r.Out, r.Err)
	}
	return time.Since(start)
}

func (b *deployBench) status() time.Duration {
	return b.run(0, kcmgen, "status", "--kubeconfig", b.o.Kubeconfig, ".")
}

// tree returns the directory of a host's exported files.
func (b *deployBench) tree(h *ground.Host) string {
	return b.o.Repository + "/out/example/nodes/" + h.Name
}

func (b *deployBench) scpEach() (total time.Duration) {
	for _, h := range b.g.Hosts {
		script := fmt.Sprintf("cd %s && ssh -F %s root@%s mkdir -p /tmp/e && for f in $(find . -type f); do scp -q -F %s $f root@%s:/tmp/e/ || exit 1; done",
			b.tree(h), b.o.SSHConfig, h.Name, b.o.SSHConfig, h.Name)
		total += b.run(0, "sh", "-c", script)
	}
	return total
}

func (b *deployBench) scpAll() (total time.Duration) {
	for _, h := range b.g.Hosts {
		total += b.run(0, "scp", "-q", "-r", "-F", b.o.SSHConfig, b.tree(h), "root@"+h.Name+":/tmp/")
	}
	return total
}

func (b *deployBench) tar() (total time.Duration) {
	for _, h := range b.g.Hosts {
		total += b.run(0, "sh", "-c", fmt.Sprintf("tar -C %s -cf - . | ssh -F %s root@%s 'mkdir -p /tmp/t && tar -C /tmp/t -xf -'", b.tree(h), b.o.SSHConfig, h.Name))
	}
	return total
}

func (b *deployBench) staged() time.Duration {
	b.Helper()
	b.reset()
	return b.stagedNow()
}

// stagedNow runs a first deployment until all hosts have their files, and ends it there.
func (b *deployBench) stagedNow() time.Duration {
	b.Helper()
	cmd := b.o.Command(kcmgen, "deploy", "--yes", "--kubeconfig", b.o.Kubeconfig, ".")
	talk, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	n := 0
	for lines := bufio.NewScanner(talk); lines.Scan(); {
		if strings.Contains(lines.Text(), ": staged: ") {
			if n++; n == len(b.g.Hosts) {
				return time.Since(start)
			}
		}
	}
	b.Fatal("it ended before all hosts were staged")
	return 0
}

func (b *deployBench) first() {
	b.Helper()
	b.reset()
	b.run(0, kcmgen, "deploy", "--yes", "--kubeconfig", b.o.Kubeconfig, ".")
}

func (b *deployBench) unchanged() time.Duration {
	return b.run(0, kcmgen, "deploy", "--yes", "--kubeconfig", b.o.Kubeconfig, ".")
}
