package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// TestMain makes the test binary kcmgen, for scripts, and a tracer, for faults.
func TestMain(m *testing.M) {
	inject.Main()
	testscript.Main(m, map[string]func(){
		"kcmgen": func() {
			os.Exit(run(context.Background(), os.Args[1:], stdio{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
		},
	})
}
