package e2e

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// brokenSite returns a site with a naive operator, who copies files over the old ones and
// then restarts. The checks of these tests must notice.
func brokenSite(t *testing.T, g *ground.Ground, h *ground.Host) *site {
	t.Helper()
	s := newSite(t, g, h)
	for _, v := range []*variant{s.a, s.b} {
		edit(t, filepath.Join(v.dir, "cluster.cue"), `layout:  "systemd"`, "layout:  \"systemd\"\n\tgenerations: false")
		s.export(t, v.dir)
		*v = *readVariant(t, v.name, v.dir, h.Name)
	}
	return s
}

// naive returns its command: one batch of sftp, and a restart.
func (s *site) naive(v *variant) []string {
	var batch strings.Builder
	for _, path := range slices.Sorted(maps.Keys(v.files)) {
		if strings.HasPrefix(v.files[path], "regular") {
			batch.WriteString("put -p out/example/nodes/" + s.h.Name + path + " " + path + "\n")
		}
	}
	_ = os.WriteFile(filepath.Join(v.dir, "batch"), []byte(batch.String()), 0o600)
	return []string{
		"sh", "-c", `sftp -q -F "$1" -b batch "root@$2" && ssh -F "$1" "root@$2" systemctl daemon-reload "&&" systemctl restart kube-controller-manager`,
		"sh", s.o.SSHConfig, s.h.Name,
	}
}

// naiveCalls counts the system calls of an undisturbed naive deployment, and the pieces of
// its connections.
func (s *site) naiveCalls(t *testing.T) (calls, pieces int) {
	t.Helper()
	s.proxy.reset(0, "", false)
	if r, err := s.run(t.Context(), s.b, s.killing("connect", 0, 0, s.naive(s.b)...)...); err != nil || r.code != 0 {
		t.Fatalf("exit %d, %v\n%s", r.code, err, r.err)
	}
	return s.counted(t)["connect"], s.proxy.pieces()
}

func indices(n int) []int {
	var out []int
	for i := range n {
		out = append(out, i)
	}
	return out
}

// brokenBy disturbs naive deployments, each at a later moment, and returns how many left
// the host torn or mixed.
func (s *site) brokenBy(t *testing.T, disturb func(ctx context.Context, v *variant, i int), tries []int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	do(t, s.h, "systemctl", "stop", unit)
	if err := s.h.Extract(ctx, filepath.Join(s.a.dir, "out/example/nodes", s.h.Name)); err != nil {
		t.Fatal(err)
	}
	do(t, s.h, "systemctl", "daemon-reload")
	do(t, s.h, "systemctl", "restart", unit)
	eventually(t, func() error { return s.is(ctx, s.a) })
	from, to, found := s.a, s.b, 0
	for _, i := range tries {
		disturb(ctx, to, i)
		time.Sleep(300 * time.Millisecond)
		if p, err := s.look(ctx); err != nil {
			t.Fatal(err)
		} else if _, err := p.runs(from, to); err != nil {
			t.Logf("found: %v", err)
			found++
		}
		r, err := s.run(ctx, to, s.naive(to)...)
		if err != nil || r.code != 0 {
			t.Fatalf("undisturbed it fails: exit %d, %v\n%s", r.code, err, r.err)
		}
		eventually(t, func() error { return s.is(ctx, to) })
		from, to = to, from
	}
	if found == 0 {
		t.Error("a deployer that writes in place was never found out")
	}
	return found
}

// is returns an error unless the host runs a variant.
func (s *site) is(ctx context.Context, v *variant) error {
	p, err := s.look(ctx)
	if err == nil {
		_, err = p.runs(v)
	}
	return err
}
