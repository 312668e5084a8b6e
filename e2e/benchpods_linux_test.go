package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestBenchPods is TestBenchDeploy for static pods, and compares the way of an image to three
// hosts with one scp of it.
func TestBenchPods(t *testing.T) {
	if !*benchDeploy {
		return // make bench-deploy
	}
	g := onKubelets(t, clusterVersion, clusterVersion, olderKubelet)
	s := podsOn(t, g)
	s.must(t, 0, "image", ".")
	b := &podBench{deployBench{t, g, s.o, rtt}, s}
	login := b.row("ssh HOST true", 0, func() time.Duration { return b.run(0, "ssh", "-F", s.o.SSHConfig, "root@cp-1", "true") })
	staged := b.row("deploy of pods, until all are staged", login, b.staged)
	trips := b.trips("deploy of pods, until all are staged", b.staged)
	archive := filepath.Join(s.o.Repository, "out", "example", "image", "amd64.tar")
	scp := b.row("scp of the image to one host", 0, func() time.Duration {
		return b.run(0, "scp", "-q", "-F", s.o.SSHConfig, archive, "root@cp-3:/tmp/")
	})
	brought := b.row("the image brought to three hosts", scp, b.brought)
	for _, c := range []struct {
		what      string
		got, most float64
	}{
		{"staging of pods against ssh true", staged.Seconds() / login.Seconds(), 2.5},
		{"staging of pods, round trips", trips, 30},
		{"an image to three hosts against one scp", (brought - staged).Seconds() / scp.Seconds(), 1.2},
	} {
		verdict := "ok"
		if c.got > c.most {
			verdict = "OVER"
			t.Errorf("%s: %.1f, at most %.1f", c.what, c.got, c.most)
		}
		fmt.Fprintf(os.Stderr, "%-44s %6.1f, at most %4.1f  %s\n", c.what, c.got, c.most, verdict)
	}
}

type podBench struct {
	deployBench
	s *scene
}

// staged is deployBench's, on hosts that have the image already.
func (b *podBench) staged() time.Duration {
	b.Helper()
	b.reset()
	b.s.importedOn(b.T, b.g.Hosts)
	return b.stagedNow()
}

// brought is the same on hosts without the image.
func (b *podBench) brought() time.Duration {
	b.Helper()
	b.reset()
	return b.stagedNow()
}
