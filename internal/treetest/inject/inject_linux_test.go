//go:build amd64 || arm64

package inject_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// check fails the test if a run went wrong.
func check(t *testing.T, res inject.Result, err error) inject.Result {
	t.Helper()
	if err != nil {
		t.Fatalf("%v; output: %s", err, res.Output)
	}
	return res
}

func TestTrace(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	res, err := inject.Trace(t.Context(), program(t, "steps", dir))
	check(t, res, err)
	if res.Hit || res.Exit != 0 || res.Signal != 0 || len(res.Output) != 0 {
		t.Errorf("got %+v", res)
	}
	// Which of the calls of a kind it is depends on Go and the architecture.
	want := []string{
		"1 mkdir D/d 0750",
		"2 open D/d/key 0600 creating",
		"3 write D/d/key",
		"4 open D/b 0644 creating",
		"5 write D/b",
		"6 rename D/b to D/c",
		"7 symlink D/l to c",
		"8 chmod D/c 0640",
		"9 unlink D/d/key",
	}
	var got []string
	for _, c := range res.Calls {
		got = append(got, strings.ReplaceAll(describe(c), dir, "D"))
		if !c.Done || c.Failed() != 0 || c.PID == 0 || c.TID == 0 {
			t.Errorf("call %+v", c)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got calls\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(got) != len(want) {
		return
	}
	if open, write := res.Calls[1], res.Calls[2]; open.FD != write.FD || write.Ret != int64(len("secret")) {
		t.Errorf("got %+v and %+v", open, write)
	}
	if got := listing(t, dir); got != stepEffects[9] {
		t.Errorf("got files %s", got)
	}
}

// describe is a call without what is up to Go and the architecture.
func describe(c inject.Call) string {
	name := c.Name
	for _, base := range []string{"open", "mkdir", "rename", "symlink", "chmod", "unlink"} {
		if strings.Contains(name, base) {
			name = base
		}
	}
	s := fmt.Sprintf("%d %s %s", c.N, name, c.Path)
	if c.To != "" {
		s += " to " + c.To
	}
	if c.Mode != 0 {
		s += fmt.Sprintf(" %#o", c.Mode)
	}
	if name == "open" && c.Flags&syscall.O_CREAT != 0 {
		s += " creating"
	}
	return s
}

// TestKill also shows that what is killed before its n-th call has made the
// n-1 before it, and that the sweep ends by itself.
func TestKill(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		dir := tempDir(t)
		res, err := inject.Kill(t.Context(), program(t, "steps", dir), n)
		check(t, res, err)
		if got := listing(t, dir); got != stepEffects[n-1] {
			t.Errorf("killed before call %d: got files %s", n, got)
		}
		if !res.Hit {
			if n != len(stepEffects) || res.Exit != 0 || res.Signal != 0 {
				t.Errorf("run %d was not killed: %+v", n, res)
			}
			return
		}
		if last := res.Last(); res.Signal != syscall.SIGKILL || res.Exit != -1 || last.N != n || last.Done {
			t.Errorf("killed before call %d: got %+v", n, res)
		}
	}
}

func TestKillAfter(t *testing.T) {
	t.Parallel()
	for n := 1; n < len(stepEffects); n++ {
		dir := tempDir(t)
		res, err := inject.KillAfter(t.Context(), program(t, "steps", dir), n)
		check(t, res, err)
		if got := listing(t, dir); got != stepEffects[n] {
			t.Errorf("killed after call %d: got files %s", n, got)
		}
		if last := res.Last(); !res.Hit || res.Signal != syscall.SIGKILL || last.N != n || !last.Done || last.Failed() != 0 {
			t.Errorf("killed after call %d: got %+v", n, res)
		}
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	errnos := []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT}
	for n := 1; n < len(stepEffects); n++ {
		errno, dir := errnos[n%len(errnos)], tempDir(t)
		res, err := inject.Fail(t.Context(), program(t, "steps", dir), n, errno)
		check(t, res, err)
		if res.Exit != 1 || !strings.Contains(string(res.Output), errno.Error()) {
			t.Errorf("call %d failed: exit %d, output %q", n, res.Exit, res.Output)
		}
		if len(res.Calls) < n {
			t.Fatalf("call %d failed: %d calls", n, len(res.Calls))
		}
		if c := res.Calls[n-1]; !res.Hit || !c.Done || c.Failed() != errno {
			t.Errorf("call %d failed: got %v", n, c)
		}
		if got := listing(t, dir); got != stepEffects[n-1] {
			t.Errorf("call %d failed: got files %s", n, got)
		}
	}
	res, err := inject.Fail(t.Context(), program(t, "steps", tempDir(t)), len(stepEffects), syscall.EIO)
	check(t, res, err)
	if res.Hit || res.Exit != 0 {
		t.Errorf("there is no such call to fail: got %+v", res)
	}
}

func TestFailFrom(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	res, err := inject.FailFrom(t.Context(), program(t, "threads", dir), 1, syscall.ENOSPC, "write")
	check(t, res, err)
	failed := 0
	for _, c := range res.Calls {
		if want := c.Name == "write"; want != (c.Failed() == syscall.ENOSPC) {
			t.Errorf("got %v", c)
		} else if want {
			failed++
		}
	}
	if failed != threadCount || !res.Hit || res.Exit != 1 {
		t.Errorf("%d calls failed: %+v", failed, res)
	}
}

// TestThreads shows that the calls of all threads are counted, and that a kill
// leaves just the effects of those that came before.
func TestThreads(t *testing.T) {
	t.Parallel()
	const total = threadCount * (1 + threadWrites)
	for _, n := range []int{total + 1, total, total / 2, 73, 21, 5} {
		dir := tempDir(t)
		res, err := inject.Kill(t.Context(), program(t, "threads", dir), n)
		check(t, res, err)
		tids, effects := map[int]bool{}, 0
		for i, c := range res.Calls {
			tids[c.TID] = true
			if c.N != i+1 || c.Done != (c.N < n) {
				t.Errorf("killed before call %d: got %v", n, c)
			}
		}
		if res.Hit != (n <= total) || len(res.Calls) != min(n, total) {
			t.Errorf("killed before call %d: %d calls, hit %v", n, len(res.Calls), res.Hit)
		}
		if n >= total && len(tids) < threadCount {
			t.Errorf("calls of %d threads", len(tids))
		}
		files, _ := filepath.Glob(dir + "/*")
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			effects += 1 + int(info.Size())
		}
		if effects != n-1 {
			t.Errorf("killed before call %d: %d effects", n, effects)
		}
	}
}

// TestTornIsSeen shows that what the harness is for works: a program that
// replaces two files in place is seen to leave one new and one old or empty,
// and one that does it right is not.
func TestTornIsSeen(t *testing.T) {
	t.Parallel()
	for name, wantTorn := range map[string]bool{"torn": true, "atomic": false} {
		seen := map[string]bool{}
		for n := 1; ; n++ {
			dir := tempDir(t)
			now := dir + "/now"
			if err := os.Mkdir(dir+"/v1", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("v1", now); err != nil {
				t.Fatal(err)
			}
			writeFiles(t, dir+"/v1", "old")
			p := program(t, name, dir)
			if name == "torn" {
				p.Args[1] = dir + "/v1"
			}
			res, err := inject.Kill(t.Context(), p, n)
			check(t, res, err)
			one, _ := os.ReadFile(now + "/1")
			two, _ := os.ReadFile(now + "/2")
			seen[string(one)+" "+string(two)] = true
			if !res.Hit {
				break
			}
		}
		torn := false
		for state := range seen {
			torn = torn || state != "old old" && state != "new new"
		}
		if torn != wantTorn || !seen["old old"] || !seen["new new"] {
			t.Errorf("%s: seen %v", name, seen)
		}
	}
}

func writeFiles(t *testing.T, dir, text string) {
	t.Helper()
	for _, name := range []string{"1", "2"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
