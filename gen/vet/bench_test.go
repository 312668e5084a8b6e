package vet

import (
	"testing"

	"github.com/kcmgen/kcmgen/gen/finding"
	"github.com/kcmgen/kcmgen/gen/spec"
)

// BenchmarkCommandLine judges a command line without a fault.
func BenchmarkCommandLine(b *testing.B) {
	v := spec.Version{Minor: 37}
	var l Line
	for i, f := range usual(v) {
		l.Args = append(l.Args, Arg{Parts: []string{f.String()}, At: finding.Pos{File: "f", Line: i + 1, Col: 1}})
	}
	for b.Loop() {
		if fs := CommandLine(v, []Line{l}); len(fs) > 0 {
			b.Fatal(fs)
		}
	}
}
