package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMadeCAEnds follows a CA that an export made to its end: kcmgen warns in time that it
// expires and that certificates expire with it, and makes no certificates after that.
func TestMadeCAEnds(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"cue.mod", "schemas"} {
		if err := os.CopyFS(filepath.Join(dir, sub), os.DirFS(filepath.Join("../..", sub))); err != nil {
			t.Fatal(err)
		}
	}
	write := func(address string) {
		text := `package one

import "github.com/kcmgen/kcmgen/schemas"

cluster: schemas.#Cluster & {
	name: "one", version: "v1.37.1", layout: "systemd"
	nodes: "cp-1": address: "` + address + `"
	pki: ca: expiry: "8760h"
}
`
		if err := os.MkdirAll(filepath.Join(dir, "one"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "one/cluster.cue"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	const life = 8760 * time.Hour
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const ends = "the CA out/one/pki/ca.crt, which kcmgen made, ends at 2027-01-02T02:59:05Z"
	for _, step := range []struct {
		at      time.Duration
		address string
		says    []string // on stdout or stderr
		not     string
		fails   bool
	}{
		{at: 0, address: "10.0.0.11", says: []string{"wrote"}, not: "ends"},
		{at: life/10*9 - 6*time.Minute, address: "10.0.0.11", says: []string{"nothing changed"}, not: "[ca-expiry]"},
		{at: life/10*9 - 4*time.Minute, address: "10.0.0.11", says: []string{"warning: " + ends, "nothing changed"}},
		{at: life / 20 * 19, address: "10.0.0.12", says: []string{
			"warning: " + ends, "made pki/nodes/cp-1/serving: subject alternative names changed",
			"pki/nodes/cp-1/serving: it ends with its CA, at 2027-01-02T02:59:05Z, and not after 8760h",
		}},
		{at: life - time.Hour, address: "10.0.0.12", says: []string{"warning: " + ends, "nothing changed"}},
		{at: life, address: "10.0.0.12", says: []string{"error: the CA out/one/pki/ca.crt, which kcmgen made, ended at 2027-01-02T02:59:05Z", "move ca.* out of out/one/pki and export with --accept ca", "nothing was written"}, fails: true},
	} {
		write(step.address)
		var said bytes.Buffer
		std := stdio{out: &said, err: &said, noCache: new(true)}
		err := runExport(t.Context(), exportOptions{}, []string{"./one"}, func() time.Time { return start.Add(step.at) }, std)
		if (err != nil) != step.fails {
			t.Fatalf("after %s: %v\n%s", step.at, err, said.String())
		}
		for _, s := range step.says {
			if !strings.Contains(said.String(), s) {
				t.Errorf("after %s nothing says %q:\n%s", step.at, s, said.String())
			}
		}
		if step.not != "" && strings.Contains(said.String(), step.not) {
			t.Errorf("after %s it says %q:\n%s", step.at, step.not, said.String())
		}
	}
}
