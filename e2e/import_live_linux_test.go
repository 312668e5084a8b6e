package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportLive: three hosts that were set up by hand become a cluster in CUE without a
// change to them, diff --live finds nothing, and a first deployment restarts each once and goes
// back as it was.
func TestImportLive(t *testing.T) {
	s := onScene(t)
	pictures := map[string]string{}
	for _, h := range s.Hosts {
		s.byHand(t, h, "/"+unitOnHost, "# by hand\n")
		pictures[h.Name] = pictureOf(t, s.Ground, h)
	}
	targets := []string{"import", "--live", "-o", "adopted", "--ssh-config", s.o.SSHConfig}
	for _, h := range s.Hosts {
		targets = append(targets, "ops@"+h.Name)
	}
	r := s.must(t, 0, targets...)
	for _, want := range []string{"cp-1: round trip: 21 of 21 arguments, 6 of 6 directives equal", "cp-3: round trip: 21 of 21 arguments", "Kubernetes " + clusterVersion} {
		if !strings.Contains(r.Out, want) {
			t.Errorf("import says no %q:\n%s%s", want, r.Out, r.Err)
		}
	}
	for _, h := range s.Hosts {
		if d := differences(pictures[h.Name], pictureOf(t, s.Ground, h)); len(d) > 0 {
			t.Errorf("import changed %s: %q", h.Name, d)
		}
	}
	s.noKeys(t, "adopted")
	s.adoptedCluster(t)
	s.must(t, 0, "export", "./adopted")
	r = s.must(t, 0, "diff", "--live", "--ssh-config", s.o.SSHConfig, "./adopted")
	if r.Out != "" {
		t.Errorf("diff --live of what was imported: %s", r.Out)
	}

	// A deployment has nothing to do either: no host restarts because its unit is worded
	// in another way.
	r = s.must(t, 0, "deploy", "--ssh-config", s.o.SSHConfig, "--kubeconfig", s.o.Kubeconfig, "./adopted")
	if !strings.Contains(r.Out+r.Err, "means what was exported: it stays until something changes") {
		t.Errorf("deploy of what was imported: %s%s", r.Out, r.Err)
	}
	for _, h := range s.Hosts {
		if d := differences(pictures[h.Name], pictureOf(t, s.Ground, h)); len(d) > 0 {
			t.Errorf("deploy changed %s: %q", h.Name, d)
		}
	}

	// A flag that is changed by hand is found, and so is a process that wasn't restarted.
	h := s.Hosts[0]
	do(t, h, "sed", "-i", "s/--v=2/--v=3/", "/"+unitOnHost)
	r = s.must(t, 4, "diff", "--live", "--ssh-config", s.o.SSHConfig, "./adopted")
	if !strings.Contains(r.Out, "--v") {
		t.Errorf("diff --live after a change by hand: %s", r.Out)
	}
	again := append([]string{"import", "--live", "-o", "again", "--ssh-config", s.o.SSHConfig}, "ops@"+h.Name)
	if r := s.must(t, 0, again...); !strings.Contains(r.Err, "the process on "+h.Name+" has --v=2, and its files don't") {
		t.Errorf("import of a host whose process is older than its unit: %s", r.Err)
	}
	figure(t, "import of hosts by hand", "3 hosts read without a change to them, diff --live finds nothing")
}

// adoptedCluster completes what import leaves to the operator.
func (s *scene) adoptedCluster(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.o.Repository, "adopted", "cluster.cue"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\npackage ")
	pkg, _, _ := strings.Cut(rest, "\n")
	waived := []string{"profiling-on", "bind-address-public", "tls-min-version"}
	more := fmt.Sprintf("package %s\n\ncluster: {\n", pkg)
	for _, rule := range waived {
		more += fmt.Sprintf("\twaivers: %q: reason: \"as it was by hand\"\n", rule)
	}
	if err := os.WriteFile(filepath.Join(s.o.Repository, "adopted", "waivers.cue"), []byte(more+"}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// noKeys checks that nothing of a private key is in what was written.
func (s *scene) noKeys(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.o.Repository, dir), func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if strings.Contains(string(data), "PRIVATE KEY") || strings.Contains(string(data), "client-key") {
			t.Errorf("%s has a key", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestImportLivePods is TestImportLive for a static pod that was made by hand.
func TestImportLivePods(t *testing.T) {
	if sampled(t) {
		return
	}
	s := podsOn(t, onKubelets(t, clusterVersion, clusterVersion, olderKubelet))
	s.imported(t)
	h := s.Hosts[0]
	s.podByHand(t, h)
	s.podRuns(t, h)
	before := pictureOf(t, s.Ground, h)
	r := s.must(t, 0, "import", "--live", "-o", "adopted", "--ssh-config", s.o.SSHConfig, "root@"+h.Name)
	for _, want := range []string{"round trip: ", "Kubernetes " + clusterVersion} {
		if !strings.Contains(r.Out, want) {
			t.Errorf("import says no %q:\n%s%s", want, r.Out, r.Err)
		}
	}
	s.noKeys(t, "adopted")
	s.adoptedCluster(t)
	s.must(t, 0, "export", "./adopted")
	if r := s.must(t, 0, "diff", "--live", "--ssh-config", s.o.SSHConfig, "./adopted"); r.Out != "" {
		t.Errorf("diff --live of what was imported: %s", r.Out)
	}
	if d := differences(before, pictureOf(t, s.Ground, h)); len(d) > 0 {
		t.Errorf("import changed %s: %q", h.Name, d)
	}
}
