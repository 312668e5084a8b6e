//go:build amd64 || arm64

package inject_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// gone fails the test if the "hang" program working in dir has not ended. What
// is killed because its tracer has gone may take a moment.
func gone(t *testing.T, dir string, patience time.Duration) {
	t.Helper()
	pid, err := os.ReadFile(dir + "/pid")
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + string(pid) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the program is still there: %s", stat)
		}
	}
}

func TestTimeLimit(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	p := program(t, "hang", dir)
	// A busy machine may take longer to get to where the program hangs.
	for p.Timeout = 2 * time.Second; ; p.Timeout *= 2 {
		begin := time.Now()
		res, err := inject.Trace(t.Context(), p)
		if took := time.Since(begin); took < p.Timeout {
			t.Errorf("it took %v", took)
		}
		if !errors.Is(err, inject.ErrTimeout) || res.Signal != syscall.SIGKILL || len(res.Calls) > 2 {
			t.Fatalf("got %+v, error %v", res, err)
		}
		if len(res.Calls) == 2 {
			break
		}
		if p.Timeout > inject.DefaultTimeout {
			t.Fatalf("got %+v", res)
		}
	}
	gone(t, dir, 0)
}

// TestBlocked shows that a kill does not wait for ever for a call under way.
func TestBlocked(t *testing.T) {
	t.Parallel()
	res, err := inject.Kill(t.Context(), program(t, "blocked", tempDir(t)), 3)
	check(t, res, err)
	if !res.Hit || res.Signal != syscall.SIGKILL || len(res.Calls) != 3 || res.Last().Done {
		t.Errorf("got %+v", res)
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for t.Context().Err() == nil {
			if data, _ := os.ReadFile(dir + "/pid"); len(data) > 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		cancel()
	}()
	if _, err := inject.Trace(ctx, program(t, "hang", dir)); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	gone(t, dir, time.Minute)
}

// TestProcesses shows that the calls of other processes the program starts are
// counted, and that these die with it.
func TestProcesses(t *testing.T) {
	t.Parallel()
	for n, want := range []string{1: "", 2: "", 3: "one\n", 4: "one\n", 5: "one\ntwo\n"} {
		if n == 0 {
			continue
		}
		dir := tempDir(t)
		res, err := inject.Kill(t.Context(), program(t, "shell", dir), n)
		check(t, res, err)
		data, _ := os.ReadFile(dir + "/f")
		if hit := n < 5; string(data) != want || res.Hit != hit || hit == strings.Contains(string(res.Output), "done") {
			t.Errorf("killed before call %d: file %q, result %+v", n, data, res)
		}
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	for _, test := range []struct {
		under string
		only  []string
		want  string
	}{
		{dir + "/d", nil, "mkdir open write unlink"},
		{dir + "/c", nil, "rename chmod"},
		{dir, []string{"write", "close"}, "write close write close"},
		{dir + "/nothing", nil, ""},
	} {
		if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		p := program(t, "steps", dir)
		p.Under, p.Only = test.under, test.only
		res, err := inject.Trace(t.Context(), p)
		check(t, res, err)
		var got []string
		for _, c := range res.Calls {
			got = append(got, strings.Fields(describe(c))[1])
		}
		if got := strings.Join(got, " "); got != test.want || res.Exit != 0 {
			t.Errorf("under %s, only %v: got %q", test.under, test.only, got)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	p := program(t, "paths", dir)
	p.Under = ""
	res, err := inject.Trace(t.Context(), p)
	check(t, res, err)
	var got []string
	for _, c := range res.Calls {
		got = append(got, strings.ReplaceAll(describe(c), dir, "D"))
	}
	want := `1 mkdir D/d 0700
2 open D/d/f 0600 creating
3 pwrite64 D/d/f
4 chmod D/d/f 0400
5 ftruncate D/d/f
6 fsync D/d/f
7 rename D/d/f to D/g
8 linkat D/g to D/h`
	if got := strings.Join(got, "\n"); got != want || res.Exit != 0 {
		t.Errorf("got exit %d, output %q, calls\n%s\nwant\n%s", res.Exit, res.Output, got, want)
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	res, err := inject.Trace(t.Context(), program(t, "output", tempDir(t)))
	check(t, res, err)
	if len(res.Output) != 1<<20 || !strings.HasPrefix(string(res.Output), "0123456789abcdef0") || res.Exit != 0 {
		t.Errorf("got %d bytes of output, exit %d", len(res.Output), res.Exit)
	}
}

func TestSurroundings(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	p := inject.Program{
		Args: []string{"sh", "-c", `echo "$A $PWD $#"; echo err >&2; kill -TERM $$`, "sh", "x", "y"},
		Env:  []string{"A=1", "A=2"},
		Dir:  dir,
	}
	res, err := inject.Trace(t.Context(), p)
	check(t, res, err)
	if got, want := string(res.Output), "2 "+dir+" 2\nerr\n"; got != want {
		t.Errorf("got output %q, want %q", got, want)
	}
	if res.Exit != -1 || res.Signal != syscall.SIGTERM || len(res.Calls) != 0 {
		t.Errorf("got %+v", res)
	}
}

func TestUser(t *testing.T) {
	t.Parallel()
	need.Root(t)
	dir := tempDir(t)
	p := inject.Program{
		Args: []string{"/bin/sh", "-c", "id -u; id -g; id -G; echo x >" + dir + "/f"},
		Dir:  "/",
		User: &inject.User{UID: 65534, GID: 65533},
	}
	res, err := inject.Trace(t.Context(), p)
	check(t, res, err)
	if !strings.HasPrefix(string(res.Output), "65534\n65533\n65533\n") {
		t.Errorf("got output %q", res.Output)
	}
	if c := res.Last(); c.Path != dir+"/f" || c.Failed() != syscall.EACCES {
		t.Errorf("got %v", c)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	steps := program(t, "steps", tempDir(t))
	relative, unknown, noDir := steps, steps, steps
	relative.Under = "d"
	unknown.Only = []string{"frobnicate"}
	noDir.Dir = steps.Under + "/none"
	for name, run := range map[string]func() (inject.Result, error){
		"no program":           func() (inject.Result, error) { return inject.Trace(t.Context(), inject.Program{}) },
		"not absolute":         func() (inject.Result, error) { return inject.Trace(t.Context(), relative) },
		"frobnicate":           func() (inject.Result, error) { return inject.Trace(t.Context(), unknown) },
		"no such file":         func() (inject.Result, error) { return inject.Trace(t.Context(), noDir) },
		"no-such-program: no ": func() (inject.Result, error) { return inject.Trace(t.Context(), args("./no-such-program")) },
		"executable file not":  func() (inject.Result, error) { return inject.Trace(t.Context(), args("no-such-program")) },
		"permission denied":    func() (inject.Result, error) { return inject.Trace(t.Context(), args("/")) },
		"from 1":               func() (inject.Result, error) { return inject.Kill(t.Context(), steps, 0) },
		"no error number":      func() (inject.Result, error) { return inject.Fail(t.Context(), steps, 1, 0) },
	} {
		res, err := run()
		if err == nil || !strings.Contains(err.Error(), name) || len(res.Calls) != 0 {
			t.Errorf("want error with %q, got %v", name, err)
		}
	}
}

func args(args ...string) inject.Program {
	return inject.Program{Args: args}
}
