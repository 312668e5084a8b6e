//go:build unix

package config

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFifos: opening a fifo without a writer blocks, and CUE opens files by their
// extension. A fifo next to a cluster is ignored; one in place of a CUE file is a
// finding.
func TestFifos(t *testing.T) {
	for name, want := range map[string]string{
		"prod/x.json": "", "prod/x.yaml": "", "prod/x.toml": "", "prod/x.txt": "", "prod/x.go": "", "x.json": "",
		"prod/x.cue": "prod/x.cue", "x.cue": "x.cue",
		"cue.mod/module.cue": "cue.mod/module.cue", "cue.mod/local-module.cue": "cue.mod/local-module.cue",
		"cue.mod/pkg/a.com/b/x.cue": "cue.mod/pkg/a.com/b/x.cue", "cue.mod/usr/a.com/b/x.cue": "cue.mod/usr/a.com/b/x.cue",
		"cue.mod/gen/a.com/b/x.cue": "cue.mod/gen/a.com/b/x.cue", "cue.mod/pkg/a.com/b/x.json": "",
		"shared/x.cue": "shared/x.cue",
	} {
		for kind, plant := range map[string]func(at string) error{
			"fifo":   func(at string) error { return syscall.Mkfifo(at, 0o644) },
			"device": func(at string) error { return os.Symlink("/dev/zero", at) },
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				root := module(t, map[string]string{
					"cue.mod/pkg/a.com/b/b.cue": "package b\nx: 1\n",
					"shared/shared.cue":         "package shared\nx: 1\n",
					"prod/more.cue":             "package prod\nimport (\"a.com/b\", \"example.com/clusters/shared\")\n_more: b.x + shared.x\n",
				})
				at := filepath.Join(root, name)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(at); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				if err := plant(at); err != nil {
					t.Fatal(err)
				}
				got, clusters := findings(t, root)
				switch {
				case want == "" && (len(got) > 0 || len(clusters) != 1):
					t.Errorf("%d clusters, %+v", len(clusters), got)
				case want != "" && (len(got) != 1 || got[0].Rule != "cue-unreadable" || got[0].Pos.File != want):
					t.Errorf("%+v, want %s alone", got, want)
				}
			})
		}
	}
}
