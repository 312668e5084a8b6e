package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReviewed: a written plan is carried out as it is, without a question, or not at all:
// what has changed since is named.
func TestReviewed(t *testing.T) {
	s := onScene(t)
	s.deploy(t, 0)
	other := s.altered(t, otherPair)
	file := filepath.Join(t.TempDir(), "prod.plan")
	approved := func(code int) string {
		args := []string{"deploy", "--kubeconfig", s.o.Kubeconfig, ".", "-o", other, "--plan", file}
		return s.must(t, code, args...).Err
	}
	s.deploy(t, 0, "-o", other, "--dry-run", "--out-plan", file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var plan struct {
		Schema int
		Steps  []struct{ Node string }
	}
	if err := json.Unmarshal(data, &plan); err != nil || plan.Schema != 1 || len(plan.Steps) != 3 || strings.Contains(string(data), "PRIVATE KEY") {
		t.Fatalf("%v in %s", err, data)
	}

	// A unit is edited meanwhile.
	before := pictures(t, s.Ground)
	h, unit := s.host(plan.Steps[1].Node), "/etc/systemd/system/kube-controller-manager.service"
	do(t, h, "cp", "-a", unit, unit+".kept")
	do(t, h, "sh", "-c", "echo '# by hand' >>"+unit)
	if said := approved(4); !strings.Contains(said, h.Name+": what it runs was ") || !strings.Contains(said, ", and is found") {
		t.Errorf("%s isn't named:\n%s", h.Name, said)
	}
	do(t, h, "mv", unit+".kept", unit)
	do(t, h, "systemctl", "daemon-reload")
	s.asBefore(t, before)

	// The plan holds again and is carried out.
	approved(0)
	if said := approved(4); !strings.Contains(said, "what it runs was ") {
		t.Errorf("done twice:\n%s", said)
	}
}
