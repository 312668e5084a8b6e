package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// maxExposure is the highest score of a hardened unit by systemd-analyze (10 is the worst).
// What remains: root, the network, no IP address list.
const maxExposure = 2.0

// hostRoot makes a host's root of a node's files, the program and systemd's own units.
func hostRoot(t testing.TB, node, binary string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(node)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, binary), "#!/bin/sh\n")
	if err := os.Chmod(filepath.Join(root, binary), 0o755); err != nil {
		t.Fatal(err)
	}
	systemd, err := filepath.EvalSymlinks(need.Program(t, "systemd"))
	if err != nil {
		t.Fatal(err)
	}
	own := filepath.Join(filepath.Dir(systemd), "system")
	for _, pattern := range []string{"*.target", "*.slice", "*.mount"} {
		for _, unit := range files(t, own, pattern) {
			if text, err := os.ReadFile(unit); err == nil {
				write(t, filepath.Join(root, "usr/lib/systemd/system", filepath.Base(unit)), string(text))
			}
		}
	}
	return root
}

// TestSystemdVerifies: systemd-analyze has no complaint about any unit. First it must find
// errors in broken ones.
func TestSystemdVerifies(t *testing.T) {
	e := ready(t)
	analyze := need.Program(t, "systemd-analyze")
	for cluster, binary := range map[string]string{"ha-systemd": "opt/k8s/bin/kube-controller-manager", "example": "usr/local/bin/kube-controller-manager"} {
		nodes, err := filepath.Glob(filepath.Join(e.dir, cluster, "nodes/*"))
		if err != nil || len(nodes) != 3 {
			t.Fatalf("%d nodes (%v)", len(nodes), err)
		}
		for _, node := range nodes {
			t.Run(cluster+"/"+filepath.Base(node), func(t *testing.T) {
				t.Parallel()
				root := hostRoot(t, node, binary)
				verify := func() result {
					return execute(t, "", nil, analyze, "verify", "--man=no", "--recursive-errors=no", "--root="+root, filepath.Base(seedUnit))
				}
				if r := verify(); r.code != 0 || r.err != "" || r.out != "" {
					t.Errorf("systemd-analyze verify: exit %d\n%s%s", r.code, r.out, r.err)
				}
				unit := filepath.Join(root, seedUnit)
				text := read(t, unit)
				for _, spoilt := range [][2]string{{"ProtectHome=yes", "ProtectHome=maybe"}, {"WantedBy=", "WantedBY="}, {"  --v=2", "  --v=\"2"}, {"ExecStart=/", "ExecStart=/no"}} {
					if !strings.Contains(text, spoilt[0]) {
						continue
					}
					write(t, unit, strings.Replace(text, spoilt[0], spoilt[1], 1))
					if r := verify(); r.err == "" {
						t.Errorf("systemd-analyze doesn't mind %q: it judges nothing", spoilt[1])
					}
				}
			})
		}
	}
}

// TestSystemdExposure: systemd rates each unit's sandbox.
func TestSystemdExposure(t *testing.T) {
	e := ready(t)
	for _, unit := range files(t, e.dir, filepath.Base(seedUnit)) {
		if !strings.HasSuffix(unit, seedUnit) {
			continue
		}
		text := ask(t, "", "systemd-analyze", "security", "--offline=true", "--no-pager", unit)
		_, rating, _ := strings.Cut(text, "Overall exposure level for "+filepath.Base(unit)+":")
		var level float64
		if _, err := fmt.Sscan(rating, &level); err != nil {
			t.Fatalf("no exposure level: %v\n%s", err, text)
		}
		if level > maxExposure {
			t.Errorf("%s: exposure %.1f, at most %.1f", unit, level, maxExposure)
		}
		t.Logf("%s: exposure %.1f", strings.TrimPrefix(unit, e.dir), level)
	}
}
