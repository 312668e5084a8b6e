package e2e

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestTransport are promises 21 to 25, as far as one host has them: an operator who is
// killed, connections that break or stall, hosts without room, and links in the way.
// Three operators work at a time, each with a host of their own that goes from one
// generation to another and back; what goes wrong in between is shared out among them.
// What judges them has to find out a deployer that writes in place.
func TestTransport(t *testing.T) {
	g := onGround(t)
	all, undisturbed := operators(t, g)
	t.Run("sftp", func(t *testing.T) { cutSFTP(t, all, undisturbed.packets) })
	t.Run("connection", func(t *testing.T) { cutConnection(t, all, undisturbed.pieces) })
	direct(t, all)
	t.Run("kill", func(t *testing.T) { kills(t, all, undisturbed.calls) })
	t.Run("room", func(t *testing.T) { rooms(t, all) })
	t.Run("planted", func(t *testing.T) { planted(t, all) })
	t.Run("stall", func(t *testing.T) { stalling(t, g, all) })
	t.Run("broken deployer", func(t *testing.T) { brokenDeployer(t, g) })
}

// undisturbed is how much an undisturbed deployment consists of.
type undisturbed struct {
	packets int            // of SFTP
	pieces  int            // of what came over the connection, in both directions
	calls   map[string]int // of the system, by the busiest thread
}

// operators have their hosts run the first variant. What faults need is in place, and
// does nothing yet.
func operators(t *testing.T, g *ground.Ground) ([]*site, undisturbed) {
	t.Helper()
	var all []*site
	for _, h := range g.Hosts {
		s := newSite(t, g, h)
		s.install(t)
		s.proxy = s.throughProxy(t, g)
		all = append(all, s)
	}
	var u undisturbed
	everywhere(t, all, func(t *testing.T, s *site) {
		if s == all[0] {
			u.calls = s.traced(t, s.a)
			u.pieces = s.proxy.pieces()
		}
		s.settle(t, s.a)
	})
	var err error
	if u.packets, err = strconv.Atoi(strings.TrimSpace(do(t, all[0].h, "cat", counter))); err != nil || u.packets < 20 || u.pieces < 50 {
		t.Fatalf("%+v, %v", u, err)
	}
	return all, u
}

// direct takes the proxies away.
func direct(t *testing.T, all []*site) {
	t.Helper()
	for _, s := range all {
		config, err := os.ReadFile(s.o.SSHConfig)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(config), "\nHost ")
		write(t, s.o.SSHConfig, "Host "+rest)
	}
}

// share has operators work through samples, each through their part of them.
func share[T any](t *testing.T, all []*site, samples []T, do func(*testing.T, *site, T)) {
	t.Helper()
	everywhere(t, all, func(t *testing.T, s *site) {
		s.settle(t, s.a)
		for i := slices.Index(all, s); i < len(samples); i += len(all) {
			do(t, s, samples[i])
		}
	})
}

// few are so many of all, spread evenly; fewer where tests are to be short.
func few[T any](all []T, n, short int) []T {
	if testing.Short() {
		n = short
	}
	var out []T
	for i := range min(n, len(all)) {
		out = append(out, all[(2*i+1)*len(all)/(2*min(n, len(all)))])
	}
	return out
}

// brokenDeployer has the same faults find out one who puts files over the old ones.
func brokenDeployer(t *testing.T, g *ground.Ground) {
	s := brokenSite(t, g, g.Hosts[0])
	s.install(t)
	faults := map[string]func(context.Context, *variant, int){
		"SFTP cut": func(ctx context.Context, v *variant, i int) {
			s.sftp(t, 22+4*i, "inside")
			_, _ = s.run(ctx, v, s.naive(v)...)
			s.sftp(t, 0, "never")
		},
		"kill -9": func(ctx context.Context, v *variant, i int) {
			_, _ = s.run(ctx, v, s.killing(moment{"write", 30 + 6*i}, s.naive(v)...)...)
		},
		"no room": func(ctx context.Context, v *variant, _ int) { s.crowded(ctx, t, v) },
	}
	for _, c := range few([]struct {
		fault string
		times int
	}{{"kill -9", 6}, {"SFTP cut", 6}, {"no room", 1}}, 3, 1) {
		times := len(few(make([]int, c.times), c.times, 1))
		found := s.brokenBy(t, faults[c.fault], times)
		figure(t, c.fault+", for sftp over the old files", "%d of %d found torn or mixed", found, times)
	}
	do(t, s.h, "sh", "-euc", canary)
	before := do(t, s.h, "sh", "-c", canaryNow)
	do(t, s.h, "ln", "-sfn", "/canary/file", unitFile)
	_, _ = s.run(t.Context(), s.b, s.naive(s.b)...)
	if do(t, s.h, "sh", "-c", canaryNow) == before {
		t.Error("a deployer that writes through a link wasn't found out")
	}
}
