package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const counter = "/run/sftpcut.count"

// tool builds a program of this repository other than kcmgen.
func tool(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", "build", "-o", file, "./"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// install puts sftpcut before the host's sftp-server, inactive.
func (s *site) install(t *testing.T) {
	t.Helper()
	file := tool(t, "sftpcut")
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.h.WriteFile(t.Context(), "/usr/local/bin/sftpcut", string(program), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := s.h.WrapSFTP(t.Context(), "#!/bin/sh\nexec /usr/local/bin/sftpcut "+counter+" $(cat /run/sftpcut) /usr/lib/openssh/sftp-server.real \"$@\"\n"); err != nil {
		t.Fatal(err)
	}
	s.sftp(t, 0, "never")
}

// measured deploys undisturbed, and counts the pieces and packets of its connections.
func (s *site) measured(t *testing.T) {
	t.Helper()
	s.ready(t)
	s.proxy.reset(0, "", false)
	if err := s.converge(t.Context(), s.b); err != nil {
		t.Fatal(err)
	}
	s.pieces, s.packets = s.proxy.pieces(), s.came(t)
	if t.Logf("%d pieces, %d packets of SFTP", s.pieces, s.packets); s.pieces < 50 || s.packets < 20 {
		t.Fatal("that is no deployment")
	}
	s.next(t)
}

// came returns the number of SFTP packets in the last session.
func (s *site) came(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(do(t, s.h, "cat", counter)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sftp makes the next SFTP sessions stop at packet n; 0: at none.
func (s *site) sftp(t *testing.T, n int, how string) {
	t.Helper()
	for file, content := range map[string]string{"/run/sftpcut": fmt.Sprintf("%d %s\n", n, how), counter: "0"} {
		if err := s.h.WriteFile(t.Context(), file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// cutSFTP is promise 22: SFTP breaks at each of its packets, in three ways, while the
// connection lives. Nothing is torn or mixed, and the same command again ends well.
func cutSFTP(t *testing.T, all []*site, packets, n, short int) *count {
	type sftpCut struct {
		n   int
		how string
	}
	var samples []sftpCut
	for at := 1; at <= packets; at++ {
		for _, how := range []string{"before", "inside", "after"} {
			samples = append(samples, sftpCut{at, how})
		}
	}
	sum := newCount()
	share(t, all, few(samples, n, short), func(t *testing.T, s *site, at sftpCut) {
		s.sftp(t, at.n, at.how)
		s.broken(t, fmt.Sprintf("%s packet %d of %d", at.how, at.n, packets), sum, func() bool {
			came := s.came(t)
			s.sftp(t, 0, "never")
			return came >= at.n
		})
	})
	return sum
}

// cutConnection is the same for the whole connection, which breaks at a piece in either
// direction. The network is back at once, or after the command has given up.
func cutConnection(t *testing.T, all []*site, n, short int) *count {
	type pieceCut struct {
		i     int
		how   string
		stays bool
	}
	if testing.Short() {
		n = short
	}
	var samples []pieceCut
	for i := range n {
		samples = append(samples, pieceCut{i, []string{"before", "inside", "after"}[i%3], i%2 == 1})
	}
	sum := newCount()
	share(t, all, samples, func(t *testing.T, s *site, at pieceCut) {
		// The number of pieces varies. If it ends before, an earlier piece is used.
		for piece := 1 + (2*at.i+1)*s.pieces/(2*n); ; piece = piece * 4 / 5 {
			s.proxy.reset(piece, at.how, at.stays)
			what := fmt.Sprintf("%s piece %d of %d, for good: %v", at.how, piece, s.pieces, at.stays)
			hit := s.broken(t, what, sum, func() bool {
				came := s.proxy.pieces()
				s.proxy.reset(0, "", false)
				return came >= piece
			})
			if hit || t.Failed() {
				return
			}
		}
	})
	return sum
}

// cuts adds a row to the table of figures.
func cuts(t *testing.T, name string, sum *count, n int) {
	t.Helper()
	figure(t, name, "%v", sum)
	if !testing.Short() {
		sum.enough(t, n)
	}
}

// broken runs one disturbed deployment, compares the host with the command's result, and
// deploys again without disturbance. mend ends the disturbance, and reports whether there
// was one.
func (s *site) broken(t *testing.T, what string, sum *count, mend func() bool) (hit bool) {
	t.Helper()
	from, to := s.a, s.b
	ctx, cancel := context.WithTimeout(t.Context(), s.slower()*4*time.Minute)
	defer cancel()
	s.ready(t)
	r, err := s.run(ctx, to, s.deploy()...)
	hit = mend()
	if err != nil {
		t.Fatalf("cut %s: %v", what, err)
	}
	p, is, err := s.settled(ctx, 45*time.Second)
	switch {
	case err != nil:
		t.Errorf("cut %s, after exit %d\n%s\n%v", what, r.code, r.err, err)
		sum.add("torn", "", 0)
		return hit
	case r.code == 0 && (is != to || p.trial != ""), r.code == 5 && (is != from || p.trial != ""), r.code == 1 && (is != from && !strings.Contains(r.err, "it runs what it should, confirmed") || p.trial != ""), !slices.Contains([]int{0, 1, 5, 6}, r.code):
		t.Errorf("cut %s: exit %d, and the host has %s, trial %q\n%s", what, r.code, is.against(to), p.trial, r.err)
	}
	if hit {
		sum.judged(s, p, is, fmt.Sprintf("%s, exit %d", phase(r.err), r.code))
	} else {
		sum.add("not hit", "", 0)
	}
	start := time.Now()
	if err := s.converge(ctx, to); err != nil {
		t.Errorf("cut %s, after\n%s\nand again: %v", what, r.err, err)
		return hit
	}
	sum.add("converged", "", time.Since(start))
	s.next(t)
	return hit
}

// phase returns how far a deployment came, by its last line.
func phase(said string) string {
	out := "connect"
	for _, p := range []struct{ word, phase string }{
		{"each has up to ", "lock and stage"},
		{": staged:", "check"},
		{": restart:", "commit and gate"},
		{": healthy:", "soak and confirm"},
		{": done:", "confirmed"},
	} {
		if strings.Contains(said, p.word) {
			out = p.phase
		}
	}
	return out
}
