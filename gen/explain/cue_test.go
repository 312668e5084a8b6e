package explain_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/gen/explain"
	"github.com/kcmgen/kcmgen/gen/finding"
)

// base is a cluster that the examples are unified with: each of its values is a default.
const base = `package c

import "github.com/kcmgen/kcmgen/schemas/v1_37"

cluster: v1_37.#Cluster & {
	name:    %q
	version: "v1.37.1"
	layout:  *"systemd" | "staticPod"
	nodes: "cp-1": address: *"10.0.0.11" | string
	networks: {
		pods:     *["10.200.0.0/16"] | [...string]
		services: *["10.32.0.0/16"] | [...string]
	}
	apiserver: flags: "service-cluster-ip-range": *"10.32.0.0/16" | string
}
cluster: {
%s
}
`

// TestExamplesKeepTheirRules: the CUE that a rule shows is valid, and a cluster with it keeps
// the rule.
func TestExamplesKeepTheirRules(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"cue.mod", "schemas"} {
		if err := os.CopyFS(filepath.Join(dir, sub), os.DirFS(filepath.Join("../..", sub))); err != nil {
			t.Fatal(err)
		}
	}
	texts := map[string]string{}
	for _, r := range explain.Rules() {
		if r.CUE == "" {
			continue
		}
		texts[r.ID] = fmt.Sprintf(base, r.ID, r.CUE)
		if err := os.Mkdir(filepath.Join(dir, r.ID), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, r.ID, "cluster.cue"), []byte(texts[r.ID]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(texts) < 80 {
		t.Fatalf("only %d rules have an example", len(texts))
	}
	t.Chdir(dir)
	loaded, err := gen.Load(t.Context(), gen.Request{Args: []string{"./..."}, Now: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range loaded.Faults {
		t.Errorf("%s: %s [%s]", f.Pos, f.Message, f.Rule)
	}
	if len(loaded.Clusters) != len(texts) {
		t.Fatalf("%d clusters of %d examples", len(loaded.Clusters), len(texts))
	}
	for _, v := range loaded.Clusters {
		for _, f := range v.Findings {
			if f.Rule == v.Cluster.Name && f.Severity != finding.NotChecked && f.Waived == "" {
				t.Errorf("%s: the example breaks its own rule: %s\n%s", f.Rule, f.Message, texts[f.Rule])
			}
		}
	}
}
