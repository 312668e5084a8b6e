package flags

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFacts: the committed data of a version is what the generator measures, byte for byte.
func TestFacts(t *testing.T) {
	version := versions[0]
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "-C", root+"/tools/kubernetes", "run", ".", "facts", "-o", dir, version)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("measuring %s: %v", version, err)
	}
	name := minorOf(version) + ".json"
	measured, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	committed, err := os.ReadFile(filepath.Join(root, "gen/flags/data", name))
	if err != nil {
		t.Fatal(err)
	}
	if string(measured) != string(committed) {
		t.Errorf("gen/flags/data/%s isn't what %s has; type: make facts VERSION=%s && git diff", name, version, version)
	}
}
