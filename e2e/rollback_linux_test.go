package e2e

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// otherPair changes the serving certificate and a flag, so that unit and certificates both
// differ.
func otherPair(t *testing.T, n *node) {
	cert, key := pemPair(t, certificate(t, n.exportedCA(t), &x509.Certificate{
		Subject: pkix.Name{CommonName: "another"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, KeyUsage: x509.KeyUsageDigitalSignature,
	}))
	n.files["kube-controller-manager.crt"], n.files["kube-controller-manager.key"] = cert, key
	n.flag(t, "concurrent-gc-syncs", "21")
}

// TestRollback: unit and certificates go back together, through the gate. A rollback that
// fails it is undone.
func TestRollback(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	before := pictures(t, s.Ground)
	other := s.altered(t, otherPair)
	s.deploy(t, 0, "-o", other)
	newer := pictures(t, s.Ground)
	for h, was := range before {
		for _, kind := range []string{"- file ", "- mount ", "- serves ", "+ arg --concurrent-gc-syncs=21"} {
			if !strings.Contains(strings.Join(differences(was, newer[h]), "\n"), kind) {
				t.Errorf("%s: nothing with %q differs", h, kind)
			}
		}
	}
	s.previousBroken(t, newer)

	p := s.plan(t, "rollback")
	if leader := s.leader(t).Name; len(p.Steps) != 3 || p.Steps[2].Node != leader {
		t.Errorf("%s leads, and the plan is %+v", leader, p)
	}
	w := watchHosts(t, s.Ground)
	start := time.Now()
	s.must(t, 0, s.args("rollback")...)
	took := time.Since(start)
	saw := w.end()
	saw.spared(t)
	s.asBefore(t, before)
	figure(t, "rollback of three hosts", "%.1f s, %s", took.Seconds(), saw)

	s.must(t, 0, s.args("rollback")...) // the previous generation is the newer one now
	s.asBefore(t, newer)
}

// previousBroken: on the first host to go back, the previous generation can't start.
func (s *scene) previousBroken(t *testing.T, newer map[string]string) {
	first := s.plan(t, "rollback").Steps[0]
	h := s.host(first.Node)
	key := filepath.Join("/", homeOnHost, first.To, "kube-controller-manager.key")
	do(t, h, "cp", "-a", key, key+".kept")
	do(t, h, "cp", filepath.Join("/", homeOnHost, first.To, "sa.key"), key)
	w := watchHosts(t, s.Ground)
	start := time.Now()
	s.must(t, 5, s.args("rollback")...)
	took := time.Since(start)
	saw := w.end()
	saw.spared(t)
	s.asBefore(t, newer)
	do(t, h, "mv", key+".kept", key)
	figure(t, "rollback to a broken generation", "exit 5 after %.1f s, the newer one runs again, %s", took.Seconds(), saw)
}

// handMade installs a unit as written by hand on all hosts, with its files in other
// directories, and returns the unit.
func (s *scene) handMade(t *testing.T) string {
	t.Helper()
	n := &node{}
	for _, h := range s.Hosts {
		generation := s.exported(t, h.Name)
		dir := filepath.Join(s.o.Repository, "out", "example", "nodes", h.Name)
		if err := h.Extract(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		do(t, h, "mkdir", "-p", inProcess)
		do(t, h, "cp", "-a", "/"+homeOnHost+"/"+generation+"/.", inProcess)
		do(t, h, "rm", "-r", "/"+homeOnHost, inProcess+filepath.Base(unitOnHost))
		n.unit = do(t, h, "sed", "-e", "/^BindReadOnlyPaths=/d", "-e", "s/ for node cp-.*/ by hand/", "/"+unitOnHost)
		n.flag(t, "concurrent-gc-syncs", "19")
		if err := h.WriteFile(t.Context(), "/"+unitOnHost, n.unit, 0o644); err != nil {
			t.Fatal(err)
		}
		do(t, h, "systemctl", "daemon-reload")
		do(t, h, "systemctl", "enable", "--now", unit)
	}
	return n.unit
}

// TestRollbackFirst: a first deployment can be rolled back, too: to nothing, and to a unit
// written by hand.
func TestRollbackFirst(t *testing.T) {
	if sampled(t) {
		return
	}
	s := onScene(t)
	s.deploy(t, 0)
	s.must(t, 0, s.args("rollback")...)
	for _, h := range s.Hosts {
		show, err := h.Show(t.Context(), unit, "LoadState", "ActiveState", "MainPID")
		if err != nil || show["LoadState"] != "not-found" || show["MainPID"] != "0" {
			t.Errorf("%s: %v, %v", h.Name, show, err)
		}
		if out := do(t, h, "sh", "-c", "ls -A /etc/systemd/system | grep kube-controller; pgrep -x kube-controller; true"); out != "" {
			t.Errorf("%s still has %q", h.Name, out)
		}
	}
	figure(t, "rollback of a first deployment", "nothing is left running")

	byHand := s.handMade(t)
	s.leader(t)
	before := pictures(t, s.Ground)
	p := s.plan(t, "deploy")
	for _, step := range p.Steps {
		if step.From != "found" {
			t.Errorf("the plan for a unit written by hand: %+v", step)
		}
	}
	if notes := strings.Join(p.Notes, "\n"); strings.Count(notes, "wasn't written by kcmgen") < 1 {
		t.Errorf("nothing is said of the unit that was there: %s", notes)
	}
	w := watchHosts(t, s.Ground)
	s.deploy(t, 0)
	first := w.end()
	first.spared(t)
	w = watchHosts(t, s.Ground)
	s.must(t, 0, s.args("rollback")...)
	saw := w.end()
	saw.spared(t)
	s.asBefore(t, before)
	for _, h := range s.Hosts {
		if got := do(t, h, "cat", "/"+unitOnHost); got != byHand {
			t.Errorf("%s has another unit than before:\n%s", h.Name, got)
		}
	}
	figure(t, "rollback to a unit written by hand", "it runs again, as it was; %s", saw)
}
