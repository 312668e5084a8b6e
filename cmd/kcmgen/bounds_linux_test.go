package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/hostile"
)

// sampled are the inputs of TestBounds without KCMGEN_BOUNDS=all: one of each kind at least.
var sampled = []string{
	"double-string-32", "double-string-64", "double-let-30", "double-nested-list-30", "double-loop-30", "double-struct-22", "double-json-40",
	"range-billion", "repeat-list", "repeat-string-most", "times-string", "square-40", "shift", "exponent",
	"choice-structs-14", "loops-12", "loops-dependent", "chain-sum-400000", "chain-labels-9000", "regexp-nested", "regexp-subject",
	"template-recursion", "long-string-wrong", "long-wrong-nodes", "recursion-struct", "recursion-cluster", "recursion-count", "recursion-fibonacci",
	"deep-structs-2000", "embed-yaml-aliases", "module-growing", "vocabulary-edited", "site-policy", "patterns-many",
}

// bound is what a run may take: CPU time and the most memory of the process and of its
// children. Wall time is bounded far away, since a machine may be busy.
type bound struct {
	time   time.Duration
	memory int64 // bytes
	output int   // bytes
}

// cost is what a run took.
type cost struct {
	cpu, wall time.Duration
	memory    int64 // bytes
	code      int
	output    string
}

// faults are what is wrong with a run: beyond its bounds, or not explained.
func (c cost) faults(b bound) []string {
	var out []string
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	fault(c.cpu > b.time, "%v of CPU time, at most %v", c.cpu, b.time)
	fault(c.wall > 6*b.time, "%v of wall time, at most %v", c.wall, 6*b.time)
	fault(c.memory > b.memory, "%d MB of memory, at most %d", c.memory>>20, b.memory>>20)
	fault(len(c.output) > b.output, "%d bytes of output, at most %d", len(c.output), b.output)
	fault(!slices.Contains([]int{exitOK, exitFailed, exitFindings}, c.code), "exit code %d", c.code)
	for _, trace := range []string{"goroutine ", "panic:", "fatal error", "runtime:", ".go:"} {
		fault(strings.Contains(c.output, trace), "the output has %q", trace)
	}
	named := strings.Contains(c.output, "prod") || strings.Contains(c.output, "module.cue") || strings.Contains(c.output, "schemas")
	fault(c.code != exitOK && !named, "no file is named")
	return out
}

// vetInput runs vet as a process of its own on an input.
func vetInput(t *testing.T, in hostile.Input, env ...string) cost {
	t.Helper()
	dir := t.TempDir()
	if err := in.Write(dir); err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("kcmgen")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "vet", "--no-cache", "./prod")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	forgetPeak()
	begin := time.Now()
	_ = cmd.Run() // its exit code is looked at
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{
		cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall: time.Since(begin),
		memory: usage.Maxrss << 10, code: cmd.ProcessState.ExitCode(), output: output.String(),
	}
}

// forgetPeak makes this process small: Linux counts the most memory that it ever had for a
// program that it starts.
func forgetPeak() {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // without it the figures are too high
}

// TestBounds: whatever a cluster's CUE is, a vet of it ends within its limits, and says why.
// All inputs are run at the real limits with KCMGEN_BOUNDS=all, and a sample at smaller ones
// without. KCMGEN_BOUNDS=all:PART runs those whose name has PART.
func TestBounds(t *testing.T) {
	all, part, _ := strings.Cut(os.Getenv("KCMGEN_BOUNDS"), ":")
	b := bound{10 * time.Second, 1 << 30, 4 << 20}
	var env []string
	if all != "all" {
		env = []string{"KCMGEN_MAX_TIME=500ms", "KCMGEN_MAX_MEMORY=256MiB"}
		b = bound{2 * time.Second, 512 << 20, 4 << 20}
	}
	var figures []string
	var over int
	for in := range hostile.Inputs() {
		if all != "all" && !slices.Contains(sampled, in.Name) || !strings.Contains(in.Name, part) {
			continue
		}
		t.Run(in.Name, func(t *testing.T) {
			c := vetInput(t, in, env...)
			first, _, _ := strings.Cut(c.output, "\n")
			figures = append(figures, fmt.Sprintf("%-28s %6.2f s %6.2f s %5d MB  exit %d  %.150s", in.Name, c.cpu.Seconds(), c.wall.Seconds(), c.memory>>20, c.code, first))
			if faults := c.faults(b); len(faults) > 0 {
				over++
				t.Errorf("%s\n%.2000s", strings.Join(faults, "\n"), c.output)
			}
		})
	}
	t.Logf("CPU time, wall time and memory of %d inputs, %d past the bounds of %v and %d MB:\n%s", len(figures), over, b.time, b.memory>>20, strings.Join(figures, "\n"))
	if want := len(sampled); all != "all" && len(figures) != want {
		t.Errorf("%d inputs were run, %d are named", len(figures), want)
	}
	if part == "" && all == "all" && len(figures) < 100 {
		t.Errorf("%d inputs, at least 100 were expected", len(figures))
	}
}

// TestBoundsFail: an evaluator without the limits fails TestBounds.
func TestBoundsFail(t *testing.T) {
	for in := range hostile.Inputs() {
		switch in.Name {
		case "loops-12": // it takes long
			c := vetInput(t, in, "KCMGEN_MAX_TIME=3s", "KCMGEN_MAX_MEMORY=4GiB")
			if faults := c.faults(bound{time.Second, 4 << 30, 4 << 20}); len(faults) == 0 {
				t.Errorf("%s: %v, and no fault", in.Name, c.cpu)
			}
		case "repeat-string": // it takes memory
			c := vetInput(t, in, "KCMGEN_MAX_TIME=60s", "KCMGEN_MAX_MEMORY=4GiB")
			if faults := c.faults(bound{time.Minute, 300 << 20, 4 << 20}); len(faults) == 0 {
				t.Errorf("%s: %d MB, and no fault", in.Name, c.memory>>20)
			}
		}
	}
}
