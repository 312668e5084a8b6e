//go:build unix

package outdir_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/gen/outdir"
)

func openOut(t *testing.T, dir string, wait time.Duration, waiting func()) (*outdir.Dir, error) {
	t.Helper()
	if waiting == nil {
		waiting = func() {} // it may be called on a busy machine: see TestOpenOutSilent
	}
	return outdir.Open(t.Context(), dir, wait, waiting)
}

func TestOpenOut(t *testing.T) {
	for _, c := range []struct{ name, before, ignore, err string }{
		{"new", "", "# Private keys lie below: nothing here belongs in git.\n*\n", ""},
		{"there", "out/x=1", "# Private keys lie below: nothing here belongs in git.\n*\n", ""},
		{"a good .gitignore", "out/.gitignore=*", "*", ""},
		{"another good .gitignore", "out/.gitignore=!x\n*\n", "!x\n*\n", ""},
		{"a .gitignore with an exception", "out/.gitignore=*\n!x\n", "*\n!x\n", "lets files below it into git"},
		{"a .gitignore that only speaks of *", "out/.gitignore=# a *\n", "# a *\n", "lets files below it into git"},
		{"a bad .gitignore", "out/.gitignore=*.key\n", "*.key\n", "lets files below it into git"},
		{"a file", "out=", "", "not a directory"},
	} {
		dir := filepath.Join(t.TempDir(), "below")
		if c.before != "" {
			lay(t, dir, c.before)
		}
		out, err := openOut(t, filepath.Join(dir, "out"), time.Minute, nil)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s: %v", c.name, err)
			}
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if out != nil {
			if err := out.Close(); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if c.ignore == "" {
			continue
		}
		if data, err := os.ReadFile(filepath.Join(dir, "out", ".gitignore")); err != nil || string(data) != c.ignore {
			t.Errorf("%s: .gitignore is %q, %v", c.name, data, err)
		}
		// In any case the lock is free afterwards.
		out, err = openOut(t, filepath.Join(dir, "out"), time.Minute, nil)
		if (err == nil) != (c.err == "") {
			t.Errorf("%s: again: %v", c.name, err)
		}
		if err == nil {
			if err := out.Close(); err != nil {
				t.Errorf("%s: again: %v", c.name, err)
			}
		}
	}
}

// held are directories that stay open. A caller that gave up waiting for one must not get it
// later: see TestOpenOutGivesUp.
var held []*outdir.Dir

// TestOpenOutWaits: Open waits for a locked directory, reports it once, and gives up in
// time.
func TestOpenOutWaits(t *testing.T) {
	dir := t.TempDir()
	first, err := openOut(t, dir, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	held = append(held, first)
	said := 0
	// On a busy machine it may give up without calling waiting.
	for wait := 300 * time.Millisecond; said == 0 && wait < time.Hour; wait *= 2 {
		begin := time.Now()
		_, err = openOut(t, dir, wait, func() { said++ })
		if took := time.Since(begin); took < wait {
			t.Errorf("it gave up after %v, not %v", took, wait)
		}
		if !errors.Is(err, outdir.ErrLocked) || !strings.Contains(err.Error(), filepath.Join(dir, ".kcmgen.lock")) {
			t.Errorf("held by another run: %v", err)
		}
	}
	if said != 1 {
		t.Errorf("said %d times", said)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := outdir.Open(ctx, dir, time.Hour, func() { cancel(nil) }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestOpenOutGets: Open succeeds when the other run releases the lock.
func TestOpenOutGets(t *testing.T) {
	dir := t.TempDir()
	first, err := openOut(t, dir, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error)
	waits := make(chan struct{})
	go func() {
		out, err := outdir.Open(t.Context(), dir, time.Hour, func() { close(waits) })
		if err == nil {
			err = out.Close()
		}
		got <- err
	}()
	<-waits
	select {
	case err := <-got:
		t.Fatalf("two have it: %v", err)
	default:
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
}

// TestOpenOutSilent: for a free directory waiting isn't called, unless the machine is slow.
func TestOpenOutSilent(t *testing.T) {
	dir := t.TempDir()
	for range 100 {
		said := false
		out, err := openOut(t, dir, time.Minute, func() { said = true })
		if err == nil {
			err = out.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		if !said {
			return
		}
	}
	t.Error("it says each time that it waits")
}

// givingUpVar is set in a process of TestOpenOutGivesUp.
const givingUpVar = "TREE_TEST_GIVING_UP"

// TestOpenOutGivesUp: a caller that gave up waiting doesn't get the lock later, when it
// would never be released.
func TestOpenOutGivesUp(t *testing.T) {
	if os.Getenv(givingUpVar) != "" {
		givesUp(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestOpenOutGivesUp$", "-test.count=1")
	cmd.Env = append(os.Environ(), givingUpVar+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func givesUp(t *testing.T) {
	dir := t.TempDir()
	first, err := openOut(t, dir, time.Minute, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openOut(t, dir, 50*time.Millisecond, func() {}); !errors.Is(err, outdir.ErrLocked) {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for range 20 { // a lock without a holder is found by then
		time.Sleep(10 * time.Millisecond)
		runtime.GC()
	}
	third, err := openOut(t, dir, time.Minute, nil)
	if err != nil {
		t.Fatalf("who gave up has it: %v", err)
	}
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
}
