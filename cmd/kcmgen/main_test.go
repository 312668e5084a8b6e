package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kcmgen/kcmgen/gen"
	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// TestMain makes the test binary kcmgen, for scripts, and a tracer, for faults.
func TestMain(m *testing.M) {
	inject.Main()
	testscript.Main(m, map[string]func(){
		"kcmgen": func() {
			if code, child := gen.Evaluator(os.Args[1:], os.Stdin, os.Stdout); child {
				os.Exit(code)
			}
			os.Exit(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
		},
	})
}
