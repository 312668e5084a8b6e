//go:build amd64 || arm64

package inject_test

import (
	"os/exec"
	"testing"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// BenchmarkUntraced and BenchmarkTraced differ by what a run costs.
func BenchmarkUntraced(b *testing.B) {
	for b.Loop() {
		p := program(b, "busy", tempDir(b))
		cmd := exec.Command(p.Args[0], p.Args[1:]...)
		cmd.Env = p.Env
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
}

func BenchmarkTraced(b *testing.B) {
	for b.Loop() {
		res, err := inject.Trace(b.Context(), program(b, "busy", tempDir(b)))
		if err != nil || res.Exit != 0 {
			b.Fatalf("%v: %s", err, res.Output)
		}
		b.ReportMetric(float64(len(res.Calls)), "calls")
	}
}

// BenchmarkKill is a run that is killed at its first call.
func BenchmarkKill(b *testing.B) {
	for b.Loop() {
		res, err := inject.Kill(b.Context(), program(b, "busy", tempDir(b)), 1)
		if err != nil || !res.Hit {
			b.Fatalf("%v: %s", err, res.Output)
		}
	}
}
