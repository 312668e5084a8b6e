// Package e2e holds kcmgen against the real thing. It drives the built program,
// as a user does, and real programs of Kubernetes, built once from Go modules.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// kcmgen is the program under test, built by TestMain.
var kcmgen string

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
	kcmgen = filepath.Join(dir, "kcmgen")
	build := exec.Command("go", "build", "-trimpath", "-o", kcmgen, "./cmd/kcmgen")
	build.Dir, build.Stderr = "..", os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building kcmgen:", err)
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

// result is what a program did.
type result struct {
	out, err string
	code     int
}

// execute runs a program to its end, which comes within a minute, with nothing of
// our environment but what it takes to find things.
func execute(t testing.TB, dir, stdin, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, errs bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(stdin), &out, &errs
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() < 0) {
		t.Fatalf("%s %q: %v\n%s", filepath.Base(name), args, err, errs.String())
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// flag is one of kcmgen flags --format json.
type flag struct {
	Name, Type, Default string
	Hidden, Deprecated  bool
	Allowed             []string
	Min, Max            *float64
	MinDuration         string
}

// flagsOf are all flags that kcmgen knows of a minor version.
func flagsOf(t testing.TB, minor string) []flag {
	t.Helper()
	var out []flag
	list(t, &out, "--version", minor, "--all")
	return out
}

// list reads what kcmgen flags lists.
func list[T any](t testing.TB, out *[]T, args ...string) {
	t.Helper()
	r := execute(t, t.TempDir(), "", kcmgen, append([]string{"flags", "--format", "json"}, args...)...)
	if err := json.Unmarshal([]byte(r.out), out); err != nil || len(*out) < 30 {
		t.Fatalf("kcmgen flags %q: %d of them, %v\n%s", args, len(*out), err, r.err)
	}
}

// built are the folders of programs, by version.
var built sync.Map

// kubernetes is a program of a Kubernetes version. It is built where the user's
// cache doesn't have it, which takes minutes.
func kubernetes(t testing.TB, version, name string) string {
	t.Helper()
	path, err := program(version, name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func program(version, name string) (string, error) {
	build, _ := built.LoadOrStore(version+" "+name, sync.OnceValues(func() (string, error) {
		cmd := exec.Command("go", "-C", "../tools/kubernetes", "run", ".", "build", version, name)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("building %s %s: %w", name, version, err)
		}
		return filepath.Join(strings.TrimSpace(string(out)), name), nil
	}))
	return build.(func() (string, error))()
}
