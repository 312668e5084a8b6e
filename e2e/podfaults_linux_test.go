package e2e

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// podFault is a list of faults, which the hosts share.
type podFault struct {
	name string
	do   func(*testing.T, []*site)
}

// TestPodFaults: whatever interrupts a deployment of static pods, a host has one generation
// and runs it in one process, and the same command again succeeds. Three operators work
// concurrently, as in TestTransport. With -short each host has its own faults.
func TestPodFaults(t *testing.T) {
	g := onKubelets(t, clusterVersion, clusterVersion, olderKubelet)
	all, units := podOperators(t, g)
	pods := [2]*variant{all[0].a, all[0].b}
	kill, cut := podFault{"kill", podKills}, podFault{"cut", podCuts}
	faults := []podFault{kill, cut, {"power", podPower}, {"gone", podsAlone}, {"image", podImages}, {"room", podRooms}, {"kubelet", kubeletsStopped}, {"runtime", runtimesRestarted}, {"poll", kubeletsPoll}, {"layouts", func(t *testing.T, all []*site) { layoutKills(t, all, units) }}}
	if !testing.Short() {
		everywhere(t, all, func(t *testing.T, s *site) {
			s.measured(t)
			s.traced(t)
		})
		for _, f := range faults {
			t.Run(f.name, func(t *testing.T) { f.do(t, all) })
		}
		t.Run("broken deployer", func(t *testing.T) { brokenPods(t, all[0], pods) })
		return
	}
	var wait sync.WaitGroup
	for i, own := range [][]string{{"kill"}, {"runtime", "room"}, {"layouts"}} {
		wait.Go(func() {
			for _, name := range own {
				f := faults[slices.IndexFunc(faults, func(f podFault) bool { return f.name == name })]
				t.Run(f.name, func(t *testing.T) { f.do(t, all[i:i+1]) })
			}
		})
	}
	wait.Wait()
	if !t.Failed() {
		t.Run("broken deployer", func(t *testing.T) { brokenPods(t, all[0], pods) })
	}
}

// podKills kills kcmgen before a system call.
func podKills(t *testing.T, all []*site) {
	sum := newCount()
	at := moments(40)
	if testing.Short() {
		at = []moment{{"commit", 0, 6}}
	}
	share(t, all, at, func(t *testing.T, s *site, at moment) { s.killed(t, at, sum) })
	cuts(t, "kill -9 of kcmgen in a deploy of pods", sum, 40)
	if testing.Short() {
		return
	}
	sum.phased(t, 4, "commit")
	sum.phased(t, 4, "gate", "soak")
	sum.phased(t, 4, "confirm", "confirmed")
}

// podCuts cuts connections at a piece, and SFTP at a packet.
func podCuts(t *testing.T, all []*site) {
	cuts(t, "connection cut in a deploy of pods", cutConnection(t, all, 42, 0), 40)
	cuts(t, "SFTP cut in a deploy of pods", cutSFTP(t, all, all[0].packets, 9, 0), 8)
}

// podPower kills kcmgen at a moment, and the host loses power at once. A host on trial boots
// into the old generation: the kubelet starts after that.
func podPower(t *testing.T, all []*site) {
	sum := newCount()
	at := []moment{{"lock and stage", 1, 2}, {"commit", 2, 6}, {"commit", 5, 6}, {"gate", 0, 2}, {"gate", 1, 2}, {"soak", 0, 1}, {"confirm", 3, 6}, {"confirm", 5, 6}, {"confirmed", 0, 1}}
	share(t, all, at, func(t *testing.T, s *site, at moment) {
		s.ready(t)
		r, err := s.run(t.Context(), s.b, s.killing(at.phase, at.call(s.calls[at.phase]), at.pause(), s.deploy()...)...)
		if err != nil {
			t.Fatal(err)
		}
		trial := onTrial(t, s.h)
		s.powerCycle(t)
		p, is, err := s.settled(t.Context(), 30*time.Second)
		switch {
		case err != nil:
			t.Errorf("power lost at %v, after exit %d\n%s\n%v", at, r.code, r.err, err)
			sum.add("torn", "", 0)
			return
		case p.trial != "" || trial && is == s.b:
			t.Errorf("power lost at %v: it has %s, trial %q", at, is.against(s.b), p.trial)
		}
		sum.judged(s, p, is, at.phase)
		s.again(t, sum)
	})
	cuts(t, "power lost in a deploy of pods", sum, 9)
}

// again deploys once more, without a fault.
func (s *site) again(t *testing.T, sum *count) {
	t.Helper()
	start := time.Now()
	if err := s.converge(t.Context(), s.b); err != nil {
		t.Errorf("again: %v", err)
		return
	}
	sum.add("converged", "", time.Since(start))
	s.next(t)
}

// podsAlone kills kcmgen in trials, without another run.
func podsAlone(t *testing.T, all []*site) {
	sum := newCount()
	everywhere(t, all, func(t *testing.T, s *site) { sum.add("", "", s.leftAlone(t)) })
	figure(t, "kill -9 in the trial of a pod", "%d of %d hosts go back by themselves, the last after %.0f s", len(all), len(all), sum.worst.Seconds())
}

// podImages has the same faults while the image comes to the host.
func podImages(t *testing.T, all []*site) {
	old := map[*site][2]any{}
	for _, s := range all {
		old[s], s.imageless = [2]any{s.calls, s.pieces}, true
	}
	everywhere(t, all, func(t *testing.T, s *site) {
		s.measured(t)
		s.traced(t)
	})
	sum := newCount()
	var at []moment
	for i := range 9 {
		at = append(at, moment{"lock and stage", i, 9})
	}
	share(t, all, at, func(t *testing.T, s *site, at moment) { s.killed(t, at, sum) })
	cuts(t, "kill -9 while an image comes to the host", sum, 9)
	cuts(t, "connection cut while an image comes to the host", cutConnection(t, all, 9, 0), 9)
	for _, s := range all {
		s.calls, s.pieces, s.imageless = old[s][0].(map[string]int), old[s][1].(int), false
	}
}

// content is where containerd has the contents of images.
const content = "/var/lib/containerd/io.containerd.content.v1.content"

// podRooms is rooms for a host without space for the image.
func podRooms(t *testing.T, all []*site) {
	const fill = "dd if=/dev/zero of=$d/.full bs=64k count=8000 2>/dev/null\n"
	list := []place{
		{name: "full for an archive", limit: "size=4m", codes: []int{1}, says: []string{generations, "full"}},
		{name: "full while importing", limit: "size=12m", directory: content, codes: []int{1}, says: []string{podImage, "no space left on device"}},
		{name: "full while the archive comes", limit: "size=300m", sftp: "d=" + generations + "\n(sleep 0.3; " + strings.TrimSpace(fill) + ") >/dev/null 2>&1 </dev/null &\n" + realSFTP, codes: []int{1}, says: []string{generations, "full"}},
	}
	for _, s := range all {
		s.imageless = true
		defer func() { s.imageless = false }()
	}
	sum := newCount()
	share(t, all, few(list, 3, 1), func(t *testing.T, s *site, p place) {
		t.Run(p.name, func(t *testing.T) { s.cramped(t, p, sum) })
	})
	figure(t, "no room for a pod's image", "%v", sum)
}

// layoutKill is a kill in a change of layouts: of kcmgen, or, a while after the host's script
// began, of the script or the host, too.
type layoutKill struct {
	moment
	also  string
	delay time.Duration
}

func layoutMoments() []layoutKill {
	if testing.Short() {
		return []layoutKill{{moment{"commit", 0, 6}, "script", 500 * time.Millisecond}}
	}
	var out []layoutKill
	for i, m := range moments(24) {
		out = append(out, layoutKill{moment: m})
		if i < 24 {
			also := []string{"script", "script", "host"}[i/3%3]
			out = append(out, layoutKill{moment{"commit", 0, 6}, also, time.Duration(i) * 120 * time.Millisecond})
		}
	}
	return out
}

// layoutKills kills changes from pods to the unit and back. Afterwards exactly one process
// runs, of one of the two.
func layoutKills(t *testing.T, all []*site, units map[*site]*variant) {
	sums := map[string]*count{"": newCount(), "script": newCount(), "host": newCount()}
	everywhere(t, all, func(t *testing.T, s *site) {
		s.settle(t, s.a)
		s.b = units[s]
	})
	to := map[string]int{}
	var mu sync.Mutex
	share(t, all, layoutMoments(), func(t *testing.T, s *site, at layoutKill) {
		end := func() {}
		if at.also != "host" {
			end = s.watched(t)
		}
		mu.Lock()
		to[filepath.Ext(s.b.at())]++
		mu.Unlock()
		s.halves, s.powerless, s.delay = at.also == "script", at.also == "host", at.delay
		s.killed(t, at.moment, sums[at.also])
		s.halves, s.powerless, s.delay = false, false, 0
		end()
	})
	figure(t, "kill -9 of kcmgen in a change of layouts", "%v", sums[""])
	figure(t, "and of the script on the host", "%v", sums["script"])
	figure(t, "and power lost", "%v", sums["host"])
	figure(t, "changes of layouts", "%d to units, %d to pods", to[".service"], to[".yaml"])
	if testing.Short() {
		return
	}
	if to[".service"] < 20 || to[".yaml"] < 20 {
		t.Errorf("%v", to)
	}
	stopped := newCount()
	everywhere(t, all, func(t *testing.T, s *site) {
		for range 2 { // in both directions
			s.kubeletStopped(t, whens()[0], false, stopped)
		}
	})
	figure(t, "the kubelet stopped in a change of layouts", "%v", stopped)
}

// brokenPods checks that these checks notice a deployer that writes in place: half a manifest,
// and files that the process's generation shares with the next one.
func brokenPods(t *testing.T, s *site, pods [2]*variant) {
	t.Helper()
	s.a, s.b = pods[0], pods[1]
	s.settle(t, s.a)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	manifest := readFile(t, filepath.Join(s.b.dir, "out/example/nodes", s.h.Name, podFile))
	serving := readFile(t, filepath.Join(s.b.dir, "out/example/nodes", s.h.Name, generations, s.b.generation, "kube-controller-manager.crt"))
	found := 0
	for _, c := range []struct{ at, content, says string }{
		{podFile, manifest[:len(manifest)/2], "torn: " + podFile},
		{podFile, "", "torn: " + podFile},
		{filepath.Join(generations, s.a.generation, "kube-controller-manager.crt"), serving, "torn: the unit is that of " + s.a.name},
		{filepath.Join(generations, s.a.generation, "sa.key"), "", "torn: the unit is that of " + s.a.name},
	} {
		old := do(t, s.h, "cat", c.at)
		do(t, s.h, "sh", "-c", `printf %s "$2" >"$1"`, "sh", c.at, c.content)
		p, err := s.look(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.torn(s.states()...); err != nil && strings.Contains(err.Error(), c.says) {
			found++
		} else {
			t.Errorf("%s isn't noticed: %v", c.at, err)
		}
		do(t, s.h, "sh", "-c", `printf %s "$2" >"$1"`, "sh", c.at, old)
	}
	eventually(t, func() error { return s.is(t.Context(), s.a) })
	figure(t, "pods whose files are written in place", "%d of 4 found torn", found)
}
