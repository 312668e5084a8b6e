package conformance_test

import (
	"bytes"
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

	"github.com/kcmgen/kcmgen/internal/need"
)

// repo is the repository's root, as tests see it.
const repo = "../.."

var (
	kcmgen string // the built binary
	// scratch is a directory that other users can read: systemd's parser doesn't run as
	// root.
	scratch string
)

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kcmgen-conformance-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scratch, kcmgen = dir, filepath.Join(dir, "kcmgen")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", kcmgen, "./cmd/kcmgen")
	build.Dir = repo
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building kcmgen: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// result is a program's output.
type result struct {
	out, err string
	code     int
}

// execute runs a program to its end.
func execute(t testing.TB, dir string, env []string, name string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(need.Time(t), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	return finish(t, cmd)
}

func finish(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// ask runs a tool that must succeed, and returns its output.
func ask(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	r := execute(t, dir, nil, need.Program(t, name), args...)
	if r.code != 0 {
		t.Fatalf("%s %s: exit %d\n%s%s", name, strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// exported is the out tree of the ready clusters, with its time.
type exported struct {
	dir           string
	before, after time.Time
}

var exportReady = sync.OnceValues(func() (exported, error) {
	e := exported{dir: filepath.Join(scratch, "ready"), before: time.Now()}
	cmd := exec.Command(kcmgen, "export", "-o", e.dir, "./cue/example", "./cue/ha-systemd", "./cue/static-pod")
	cmd.Dir = repo
	out, err := cmd.CombinedOutput()
	e.after = time.Now()
	if err != nil {
		err = fmt.Errorf("kcmgen export ./cue/...: %w\n%s", err, out)
	}
	return e, err
})

// ready exports the ready clusters, once for all tests; no test changes the tree.
func ready(t testing.TB) exported {
	t.Helper()
	e, err := exportReady()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// module writes a CUE module with the vocabulary and these packages, by directory.
func module(t testing.TB, packages map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp(scratch, "module-")
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"cue.mod", "schemas"} {
		if err := os.CopyFS(filepath.Join(dir, sub), os.DirFS(filepath.Join(repo, sub))); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range packages {
		write(t, filepath.Join(dir, name, "cluster.cue"), text)
	}
	return dir
}

// cluster returns a package with a cluster of one node without findings, and with more
// fields, which are unified with the others.
func cluster(name, layout, fields string) string {
	return fmt.Sprintf(`package c

import "github.com/kcmgen/kcmgen/schemas"

cluster: schemas.#Cluster & {
	name:    %s
	version: *"v1.37.1" | =~"^v1"
	layout:  %q
	networks: services: ["10.32.0.0/16"]
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
	%s
}
`, quoted(name), layout, fields)
}

// oneNode is the field that most clusters here share.
const oneNode = "nodes: n1: address: \"10.0.0.11\"\n"

// quoted returns s as a CUE string in JSON's syntax. CUE files can't have a byte order
// mark.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(err)
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\ufeff", `\ufeff`)
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// files returns the files below dir whose base names match pattern, as in path.Match. Having
// none is a failure, because then nothing would be tested.
func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ok, err := filepath.Match(pattern, d.Name()); err != nil || !ok || d.IsDir() {
			return err
		}
		out = append(out, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatalf("no file %s below %s", pattern, dir)
	}
	return out
}
