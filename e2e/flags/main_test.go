// Package flags compares kcmgen's data and rules about flags with the real
// kube-controller-manager. It runs the built program, as a user does.
package flags

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/e2e/programs"
)

// kcmgen is the program under test, built by TestMain.
var kcmgen string

// root is the repository.
const root = "../.."

var builder = programs.Builder{Root: root}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kcmgen-e2e-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		kcmgen, err = programs.Kcmgen(root, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// result is the result of a program.
type result struct {
	out, err string
	code     int
}

// execute runs a program to its end, for a minute at most, with a minimal environment.
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

// flag is a flag in the output of kcmgen flags --format json.
type flag struct {
	Name, Type, Default string
	Hidden, Deprecated  bool
	Allowed             []string
	Min, Max            *float64
	MinDuration         string
}

// flagsOf returns all flags that kcmgen knows for a minor version.
func flagsOf(t testing.TB, minor string) []flag {
	t.Helper()
	var out []flag
	list(t, &out, "--version", minor, "--all")
	return out
}

// list reads the output of kcmgen flags.
func list[T any](t testing.TB, out *[]T, args ...string) {
	t.Helper()
	r := execute(t, t.TempDir(), "", kcmgen, append([]string{"flags", "--format", "json"}, args...)...)
	var doc struct {
		Schema                           int
		Flags, Controllers, FeatureGates []T
	}
	err := json.Unmarshal([]byte(r.out), &doc)
	*out = slices.Concat(doc.Flags, doc.Controllers, doc.FeatureGates)
	if err != nil || doc.Schema != 1 || len(*out) < 30 {
		t.Fatalf("kcmgen flags %q: %d of them, %v\n%s", args, len(*out), err, r.err)
	}
}

// kubernetes returns a program of a Kubernetes version.
func kubernetes(t testing.TB, version, name string) string {
	t.Helper()
	path, err := builder.Kubernetes(version, name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
