package e2e

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestBenchHandover compares how long no instance leads in a rollout with and without a
// hand-over of the lease, with the default times of leases: from the end of the leader's process
// until another one has the lease.
func TestBenchHandover(t *testing.T) {
	if !*benchDeploy {
		return // make bench-deploy
	}
	s := onScene(t)
	text := regexp.MustCompile(`(?m)^\t\t"leader-elect-.*\n`).ReplaceAllString(exampleOn, "")
	n := 20
	rollout := func(handover bool) time.Duration {
		n++
		set := strings.Replace(text, "deploy: {", fmt.Sprintf("deploy: {\n\t\thandover: %v", handover), 1)
		s.export(t, strings.Replace(set, "flags: {", fmt.Sprintf("flags: {\n\t\t\"kube-api-qps\": %d", n), 1))
		took, _ := s.leaderless(t)
		return took
	}
	s.export(t, text)
	s.deploy(t, 0)
	var took [2]time.Duration
	for i, handover := range []bool{false, true} {
		took[i] = median(func() time.Duration { return rollout(handover) }, samples)
	}
	ratio, verdict := took[1].Seconds()/took[0].Seconds(), "ok"
	if ratio > 0.2 {
		verdict = "OVER"
		t.Errorf("without a leader: %.2f times as long, at most 0.2", ratio)
	}
	fmt.Fprintf(os.Stderr, "%-44s %6.2f s\n%-44s %6.2f s %5.2f x, at most 0.2  %s\n",
		"a rollout without a leader", took[0].Seconds(), "the same with a hand-over", took[1].Seconds(), ratio, verdict)
}

// leaderless deploys the last export, and returns for how long no instance leads, and what the
// deployment said.
func (s *scene) leaderless(t *testing.T) (took time.Duration, said string) {
	t.Helper()
	leader := s.leader(t)
	was, err := s.Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone, led := make(chan time.Time, 1), make(chan time.Time, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	pid := strings.TrimSpace(do(t, leader, "systemctl", "show", unit, "-p", "MainPID", "--value"))
	go func() {
		_, _ = leader.Run(ctx, "sh", "-c", "while [ -d /proc/$0 ]; do sleep 0.02; done", pid)
		gone <- time.Now()
	}()
	go func() { led <- s.nextHolder(ctx, was) }()
	r := s.deploy(t, 0)
	return (<-led).Sub(<-gone), r.Out + r.Err
}

// nextHolder waits until another instance has the lease.
func (s *scene) nextHolder(ctx context.Context, was ground.Lease) time.Time {
	for ctx.Err() == nil {
		if l, err := s.Lease(ctx); err == nil && l.Holder != "" && l.Holder != was.Holder {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Now()
}
