package e2e

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// canaryRights gives the canary a user with the rights that --rbac prints: with them every
// controller is watched.
func (s *scene) canaryRights(t *testing.T) {
	ca, cert, key := s.issue(t, "kcmgen-canary", -time.Hour, time.Hour)
	file := filepath.Join(t.TempDir(), "canary.conf")
	encode := base64.StdEncoding.EncodeToString
	config := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "c",
		"clusters": []any{map[string]any{"name": "c", "cluster": map[string]any{"server": "https://10.77.0.10:6443", "certificate-authority-data": encode(ca)}}},
		"users":    []any{map[string]any{"name": "u", "user": map[string]any{"client-certificate-data": encode(cert), "client-key-data": encode(key)}}},
		"contexts": []any{map[string]any{"name": "c", "context": map[string]any{"cluster": "c", "user": "u"}}},
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.must(t, 1, "canary", "--kubeconfig", file, ".") // it may do nothing yet
	rights := filepath.Join(t.TempDir(), "rights.yaml")
	if err := os.WriteFile(rights, []byte(s.must(t, 0, "canary", "--rbac").Out), 0o644); err != nil {
		t.Fatal(err)
	}
	s.kubectl(t, "apply", "-f", rights)
	defer s.kubectl(t, "delete", "-f", rights)
	r := s.must(t, 0, "canary", "--format", "json", "--kubeconfig", file, ".")
	var out canaryReport
	if err := json.Unmarshal([]byte(r.Out), &out); err != nil {
		t.Fatal(err)
	}
	for _, c := range out.Results {
		if c.Skipped {
			t.Errorf("%s: %s", c.Controller, c.Reason)
		}
	}
	s.spotless(t)
}

// kubectl runs the reference kubectl as the cluster's administrator.
func (s *scene) kubectl(t *testing.T, args ...string) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "../tools/install.sh", "reference").Output()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(strings.TrimSpace(string(dir)), "kubectl")
	r, err := s.o.Run(t.Context(), append([]string{program, "--kubeconfig", s.o.Kubeconfig}, args...)...)
	if err != nil || r.Code != 0 {
		t.Fatalf("kubectl %q: exit %d, %v\n%s%s", args, r.Code, err, r.Out, r.Err)
	}
}

// canaryEnded ends the canary by a signal while no controller runs: it removes what it made all the
// same.
func (s *scene) canaryEnded(t *testing.T) {
	for _, h := range s.Hosts {
		do(t, h, "systemctl", "stop", unit)
	}
	cmd := s.o.Command(kcmgen, "canary", "--timeout", "60s", "--kubeconfig", s.o.Kubeconfig, ".")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for end := time.Now().Add(time.Minute); len(s.canaries(t)) < 2; time.Sleep(100 * time.Millisecond) { // namespace and CSR
		if time.Now().After(end) {
			t.Fatal("it makes nothing")
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for _, h := range s.Hosts {
		do(t, h, "systemctl", "start", unit)
	}
	select {
	case err := <-ended:
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("it doesn't end")
	}
	s.spotless(t)
}
