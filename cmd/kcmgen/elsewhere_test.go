//go:build !unix

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestExportRefused: on systems without file modes export refuses before any work (the
// cluster doesn't exist), and vet works.
func TestExportRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	var stdout, stderr strings.Builder
	code := run(t.Context(), []string{"export", "-o", out, "./nothing"}, stdio{out: &stdout, err: &stderr})
	want := "kcmgen: write to " + out + ": on " + runtime.GOOS + " no file modes keep private keys to their owner\nhint: run kcmgen export on Linux "
	if code != exitFailed || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("exit %d\n%s%s", code, &stdout, &stderr)
	}
	if _, err := os.Lstat(out); err == nil {
		t.Error("it made the directory")
	}
	t.Chdir(filepath.Join("..", ".."))
	stderr.Reset()
	if code := run(t.Context(), []string{"vet", "./cue/example"}, stdio{out: &stdout, err: &stderr}); code != exitOK {
		t.Errorf("vet: exit %d\n%s%s", code, &stdout, &stderr)
	}
}
