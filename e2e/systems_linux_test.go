package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/ground"
)

// TestSystems runs all of deploy on hosts of other systems: a first deployment, a change,
// diff --live, a failing deployment, a rollback, a retirement.
func TestSystems(t *testing.T) {
	s := sceneOn(t, onSystems(t, ground.Trixie, ground.Uutils, ground.Bookworm))
	for i, words := range []string{"systemd 257 OpenSSH_10", "systemd 257 OpenSSH_10 sudo-rs uu_env cargo/bin/coreutils/stat", "systemd 252 OpenSSH_9"} {
		has(t, do(t, s.Hosts[i], "sh", "-c", "systemctl --version; ssh -V 2>&1; readlink /usr/bin/sudo /usr/bin/stat; env --version"), strings.Fields(words)...)
	}
	start := time.Now()
	s.deploy(t, 0, "--dry-run")
	s.deploy(t, 0)
	s.newEverywhere(t)
	before := pictures(t, s.Ground)
	s.flag(t, "concurrent-gc-syncs", 21)
	s.deploy(t, 0)
	s.newEverywhere(t)
	for _, h := range s.Hosts {
		has(t, do(t, h, "readlink", generations+"/current"), s.exported(t, h.Name))
		do(t, h, "chmod", "644", generations+"/"+s.exported(t, h.Name)+"/sa.key")
	}
	r := s.must(t, 4, "diff", "--live", ".")
	if n := strings.Count(r.Out, "/sa.key: mode is 644, not 600"); n != len(s.Hosts) {
		t.Errorf("a mode is seen on %d hosts", n)
	}
	s.deploy(t, 0) // undoes the change
	s.must(t, 0, "diff", "--live", ".")
	failing := s.Hosts
	if testing.Short() { // uutils differ most
		failing = failing[1:2]
	}
	for _, h := range failing {
		bad := alteredAt(t, s.o.Repository+"/out", h.Name, unpaired)
		s.deploy(t, 5, "-o", bad, "--limit", h.Name)
	}
	s.must(t, 0, s.args("rollback")...)
	s.asBefore(t, before)
	s.leaves(t)
	figure(t, "Debian 13, sudo-rs and uutils", "deployed, changed, taken back and retired in %.1f s", time.Since(start).Seconds())
}

// leaves removes two nodes from the cluster and retires them: nothing of kcmgen's is left.
func (s *scene) leaves(t *testing.T) {
	t.Helper()
	file := filepath.Join(s.o.Repository, "cluster.cue")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gone := []string{"cp-1", "cp-2"}
	for _, name := range gone {
		text = bytes.Replace(text, []byte(`"`+name+`": address`), []byte(`// "`+name+`": address`), 1)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	s.must(t, 0, "export", ".", "--accept", "node/"+strings.Join(gone, ",node/"))
	for _, name := range gone {
		s.must(t, 0, "retire", "--yes", name)
		left := do(t, s.host(name), "sh", "-c", `ls -d "$@" 2>/dev/null; pidof kube-controller-manager; true`, "sh",
			generations, "/"+unitOnHost, "/etc/systemd/system/kcmgen-recover.service")
		if left != "" {
			t.Errorf("%s is retired, and has still %s", name, left)
		}
	}
}
