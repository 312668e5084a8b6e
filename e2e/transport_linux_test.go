package e2e

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestTransport tests promises 21 to 25 for one host: a killed operator, connections that
// break or stall, hosts without space, and links in the way. Three operators work
// concurrently, each with a host that goes from one generation to another and back, and
// share the faults. The same checks must notice a deployer that writes in place.
func TestTransport(t *testing.T) {
	g := onGround(t)
	all := operators(t, g)
	t.Run("upgrade", func(t *testing.T) { upgrades(t, all) })
	if !testing.Short() {
		t.Run("first", func(t *testing.T) { firsts(t, all) })
	}
	direct(t, all)
	t.Run("room", func(t *testing.T) { rooms(t, all) })
	t.Run("planted", func(t *testing.T) { planted(t, all) })
	t.Run("stall", func(t *testing.T) { stalling(t, g, all) })
	t.Run("broken deployer", func(t *testing.T) { brokenDeployer(t, g) })
}

// operators returns three operators whose hosts run the first variant, with inactive fault
// injection. The last one logs in as a user and reads the lease.
func operators(t *testing.T, g *ground.Ground) []*site {
	t.Helper()
	var all []*site
	killat := tool(t, "killat")
	for i, h := range g.Hosts {
		s := newSite(t, g, h)
		s.killat, s.report = killat, filepath.Join(t.TempDir(), "report")
		s.install(t)
		if i == len(g.Hosts)-1 {
			s.asUser(t)
		}
		s.proxy = s.throughProxy(t, g)
		all = append(all, s)
	}
	everywhere(t, all, func(t *testing.T, s *site) { s.settle(t, s.a) })
	return all
}

// asUser makes the operator log in as a user that may sudo, and read the lease.
func (s *site) asUser(t *testing.T) {
	t.Helper()
	write(t, s.o.SSHConfig, "Host "+s.h.Name+"\n\tUser ops\n"+readFile(t, s.o.SSHConfig))
	s.ordinary = true
}

// upgrades tests faults in deployments from one generation to another.
func upgrades(t *testing.T, all []*site) {
	everywhere(t, all, func(t *testing.T, s *site) {
		if !testing.Short() || s == all[1] { // a sample needs no more
			s.measured(t)
		}
		if !testing.Short() || s == all[2] {
			s.traced(t)
		}
	})
	packets := all[1].packets
	parts := []struct {
		name string
		do   func(*testing.T, []*site)
	}{
		{"sftp", func(t *testing.T, all []*site) {
			cuts(t, "SFTP cut at a packet", cutSFTP(t, all, packets, 63, 2), 60)
		}},
		{"connection", func(t *testing.T, all []*site) {
			cuts(t, "connection cut at a piece", cutConnection(t, all, 63, 2), 60)
		}},
		{"kill", kills},
	}
	if !testing.Short() {
		for _, p := range parts {
			t.Run(p.name, func(t *testing.T) { p.do(t, all) })
		}
		return
	}
	var wait sync.WaitGroup // a sample: a site for each
	for i, p := range parts {
		wait.Go(func() { t.Run(p.name, func(t *testing.T) { p.do(t, all[i:i+1]) }) })
	}
	wait.Wait()
}

// direct removes the proxies and makes all operators log in as root.
func direct(t *testing.T, all []*site) {
	t.Helper()
	for _, s := range all {
		config, err := os.ReadFile(s.o.SSHConfig)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(config), "\nHost ")
		if s.ordinary {
			_, rest, _ = strings.Cut(rest, "\nHost ")
		}
		write(t, s.o.SSHConfig, "Host "+rest)
		s.proxy, s.ordinary = nil, false
	}
}

// share divides samples among the operators.
func share[T any](t *testing.T, all []*site, samples []T, do func(*testing.T, *site, T)) {
	t.Helper()
	everywhere(t, all, func(t *testing.T, s *site) {
		if s.a.generation != none {
			s.settle(t, s.a)
		}
		for i := slices.Index(all, s); i < len(samples); i += len(all) {
			do(t, s, samples[i])
		}
	})
}

// few returns n of all, spread evenly; fewer with -short.
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

// brokenDeployer checks that the same faults break a deployer that overwrites files.
func brokenDeployer(t *testing.T, g *ground.Ground) {
	s := brokenSite(t, g, g.Hosts[0])
	s.killat, s.report = tool(t, "killat"), filepath.Join(t.TempDir(), "report")
	s.install(t)
	s.proxy = s.throughProxy(t, g)
	const times = 6
	calls, pieces := s.naiveCalls(t)
	faults := map[string]func(context.Context, *variant, int){
		"SFTP cut": func(ctx context.Context, v *variant, i int) {
			s.sftp(t, 22+4*i, "inside")
			_, _ = s.run(ctx, v, s.naive(v)...)
			s.sftp(t, 0, "never")
		},
		"kill -9": func(ctx context.Context, v *variant, i int) {
			_, _ = s.run(ctx, v, s.killing("connect", calls*(i+1)/(times+1), 0, s.naive(v)...)...)
		},
		"connection cut": func(ctx context.Context, v *variant, i int) {
			s.proxy.reset(pieces*(i+1)/(times+1), "inside", false)
			_, _ = s.run(ctx, v, s.naive(v)...)
			s.proxy.reset(0, "", false)
		},
		"no room": func(ctx context.Context, v *variant, _ int) { s.crowded(ctx, t, v) },
	}
	for _, c := range few([]struct {
		fault string
		times int
	}{{"kill -9", times}, {"SFTP cut", times}, {"connection cut", times}, {"no room", 1}}, 4, 1) {
		tries := few(indices(c.times), c.times, 1)
		found := s.brokenBy(t, faults[c.fault], tries)
		figure(t, c.fault+", for sftp over the old files", "%d of %d found torn or mixed", found, len(tries))
	}
	do(t, s.h, "sh", "-euc", canary)
	before := do(t, s.h, "sh", "-c", canaryNow)
	do(t, s.h, "ln", "-sfn", "/canary/file", unitFile)
	_, _ = s.run(t.Context(), s.b, s.naive(s.b)...)
	if do(t, s.h, "sh", "-c", canaryNow) == before {
		t.Error("a deployer that writes through a link wasn't noticed")
	}
}
