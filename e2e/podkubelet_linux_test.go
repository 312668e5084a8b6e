package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// when is a moment of a deployment of a pod, as the host shows it.
type when struct {
	name string
	// wait returns once it has come. was is the process before.
	wait  func(t *testing.T, s *site, b *begun, was string)
	early bool // the host's command has just been sent
}

func whens() []when {
	return []when{
		{"before the kubelet notices", func(t *testing.T, s *site, b *begun, _ string) { b.until(t, ": restart:") }, true},
		{"when the old pod is gone", func(t *testing.T, s *site, b *begun, was string) {
			b.until(t, ": restart:")
			s.until(t, func(p string) bool { return p == "" })
		}, false},
		{"when the new pod has started", func(t *testing.T, s *site, b *begun, was string) {
			b.until(t, ": restart:")
			s.until(t, func(p string) bool { return p != "" && p != was })
		}, false},
		{"when it is healthy", func(t *testing.T, s *site, b *begun, _ string) { b.until(t, ": healthy:") }, false},
	}
}

// process returns the host's kube-controller-manager; "" if none runs.
func (s *site) process(t *testing.T) string {
	t.Helper()
	r, err := s.h.Run(t.Context(), "pidof", "kube-controller-manager")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(r.Out)
}

// tried waits until the host has a trial.
func (s *site) tried(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		if !onTrial(t, s.h) {
			return errors.New("it isn't on trial")
		}
		return nil
	})
}

// until waits until its process is as expected.
func (s *site) until(t *testing.T, is func(process string) bool) {
	t.Helper()
	eventually(t, func() error {
		if p := s.process(t); !is(p) {
			return fmt.Errorf("its process is %q", p)
		}
		return nil
	})
}

// kubeletsStopped stops the kubelet in the middle of a deployment, and starts it again when
// the deployment has ended, or when the host has gone back by itself.
func kubeletsStopped(t *testing.T, all []*site) {
	sum := newCount()
	type stop struct {
		when
		gone bool // the operator is
	}
	var stops []stop
	for _, w := range whens() {
		stops = append(stops, stop{w, false}, stop{w, true})
	}
	share(t, all, stops, func(t *testing.T, s *site, at stop) {
		what := at.name
		if at.gone {
			what += ", without the operator"
		}
		t.Run(what, func(t *testing.T) { s.kubeletStopped(t, at.when, at.gone, sum) })
	})
	figure(t, "the kubelet stopped in a deploy of pods", "%v", sum)
}

func (s *site) kubeletStopped(t *testing.T, at when, gone bool, sum *count) {
	s.ready(t)
	end, b := s.watched(t), s.begin(t)
	at.wait(t, s, b, s.process(t))
	do(t, s.h, "systemctl", "stop", "kubelet")
	code := 0
	if gone {
		if at.early {
			s.tried(t)
		}
		b.kill()
		eventually(t, func() error {
			if onTrial(t, s.h) {
				return errors.New("it is on trial")
			}
			return nil
		})
	} else {
		code = b.end(t, 4*time.Minute)
		if said := b.text.String(); code != 0 && !strings.Contains(said, "no kubelet runs") && !strings.Contains(said, "the kubelet doesn't stop the pod") {
			t.Errorf("it doesn't say what is wrong with the kubelet")
		}
	}
	end()
	do(t, s.h, "systemctl", "start", "kubelet")
	// A kubelet that has just started starts a pod first, and then ends those that have no
	// manifest any more.
	eventually(t, func() error {
		p, err := s.look(t.Context())
		if err == nil {
			_, err = p.judge(s.a, s.b)
		}
		return err
	})
	s.outcome(t, at.name, code, []int{0, 5, 6}, sum)
	s.again(t, sum)
}

// outcome checks what a host has after a deployment that ended with a code, and counts it.
func (s *site) outcome(t *testing.T, at string, code int, codes []int, sum *count) {
	t.Helper()
	p, is, err := s.settled(t.Context(), 30*time.Second)
	switch {
	case err != nil:
		t.Errorf("exit %d: %v", code, err)
		sum.add("torn", "", 0)
		return
	case !slices.Contains(codes, code), code == 5 && is != s.a, p.trial != "":
		t.Errorf("exit %d, expected one of %v; it has %s, trial %q", code, codes, is.against(s.b), p.trial)
	}
	sum.judged(s, p, is, fmt.Sprintf("%s: exit %d", at, code))
}

// runtimesRestarted restarts containerd in the middle of a deployment.
func runtimesRestarted(t *testing.T, all []*site) {
	sum := newCount()
	list := whens()
	if testing.Short() {
		list = list[1:2]
	}
	share(t, all, list, func(t *testing.T, s *site, at when) {
		t.Run(at.name, func(t *testing.T) {
			s.ready(t)
			end, b := s.watched(t), s.begin(t)
			at.wait(t, s, b, s.process(t))
			do(t, s.h, "systemctl", "restart", "containerd")
			s.outcome(t, at.name, b.end(t, 4*time.Minute), []int{0, 5}, sum)
			end()
			s.again(t, sum)
		})
	})
	figure(t, "the runtime restarted in a deploy of pods", "%v", sum)
}

// kubeletsPoll has kubelets look at their directory only every 20 s: it is covered by another
// one after they began to watch it, so that inotify doesn't tell them of changes.
func kubeletsPoll(t *testing.T, all []*site) {
	sum := newCount()
	everywhere(t, all, func(t *testing.T, s *site) {
		if err := s.h.Limit(t.Context(), ground.Manifests, "size=1m"); err != nil {
			t.Fatal(err)
		}
		for range 2 { // at other moments between two looks of the kubelet
			s.ready(t)
			start := time.Now()
			if err := s.converge(t.Context(), s.b); err != nil {
				t.Error(err)
				return
			}
			sum.add("converged", "", time.Since(start))
			s.next(t)
		}
		s.interrupted(t, sum)
		do(t, s.h, "sh", "-euc", uncover, "sh", ground.Manifests)
	})
	figure(t, "kubelets that poll", "%d deployments in %.0f s at most; %d more were interrupted, and went back", sum.of["converged"], sum.worst.Seconds(), sum.of["interrupted"])
}

// uncover ends ground.Limit. The directory below gets the manifest before: its own is an older
// one.
const uncover = `
	mkdir /run/below
	mount --bind "${1%/*}" /run/below
	cp -p "$1"/*.yaml "/run/below/${1##*/}/.m"
	mv "/run/below/${1##*/}/.m" "/run/below/${1##*/}/kube-controller-manager.yaml"
	umount /run/below
	umount -l "$1" # the kubelet may be looking
	rmdir /run/below`

// interrupted interrupts a deployment while the kubelet hasn't looked at its directory yet: the
// host goes back.
func (s *site) interrupted(t *testing.T, sum *count) {
	t.Helper()
	s.ready(t)
	b := s.begin(t)
	b.until(t, ": restart:")
	s.tried(t)
	if err := b.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	code := b.end(t, 4*time.Minute)
	p, is, err := s.settled(t.Context(), 30*time.Second)
	switch {
	case err != nil:
		t.Error(err)
		return
	case code != 5 || is != s.a || p.trial != "":
		t.Errorf("exit %d, it has %s, trial %q", code, is.against(s.b), p.trial)
	}
	sum.add("interrupted", "", 0)
}
