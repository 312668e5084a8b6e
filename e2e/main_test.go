// Package e2e tests kcmgen on hosts with systemd and a real control plane. It runs the built
// program, as a user does.
package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/kcmgen/kcmgen/e2e/programs"
)

// kcmgen is the program under test, built by TestMain.
var kcmgen string

// builder builds real programs of Kubernetes.
var builder = programs.Builder{Root: ".."}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if kcmgen = os.Getenv(leaving); kcmgen != "" {
		return leaveGround()
	}
	dir, err := os.MkdirTemp("", "kcmgen-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if kcmgen, err = programs.Kcmgen("..", dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	failed := code != 0
	if failed {
		hosts.tell()
	}
	if err := hosts.stop(failed); err != nil {
		fmt.Fprintln(os.Stderr, "ending the hosts:", err)
		return 1
	}
	if err := figures.print(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "the figures:", err)
		return 1
	}
	return code
}

// result is the result of a program.
type result struct {
	out, err string
	code     int
}
