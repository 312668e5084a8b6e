//go:build amd64 || arm64

package main_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// errnos are the errors of a disk that is full, over quota, broken or removed, and of a
// process with too many open files.
var errnos = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EROFS, syscall.EMFILE}

// testFail is promise 2: whichever system call fails, the old tree is intact, or the new
// one complete if it is in place already; kcmgen names the file, and exits 1.
func testFail(t *testing.T, l *lab) {
	var sum tally
	var absorbed atomic.Int64
	every := map[string]int{"first": 6, "change": 1, "unchanged": 1, "prune": 24, "two renames": 24}
	t.Run("at", func(t *testing.T) {
		for _, sc := range scenes(t, l) {
			sc.every = every[sc.name]
			t.Run(sc.name, func(t *testing.T) {
				t.Parallel()
				failEverywhere(t, sc, &sum, &absorbed)
				failForGood(t, sc, &sum)
			})
		}
		t.Run("broken writer", func(t *testing.T) {
			t.Parallel()
			failBrokenWriter(t, l)
		})
	})
	t.Logf("promise 2: faults: %v; %d did no harm", &sum, absorbed.Load())
	if sum.torn.Load() != 0 || sum.all() < 300 || sum.old.Load() < 100 || sum.new.Load() < 20 {
		t.Errorf("faults: %v; at least 300 with both outcomes and none torn wanted", &sum)
	}
}

// failEverywhere fails each call in turn, with one error after the other, and those around
// the swap with every error.
func failEverywhere(t *testing.T, sc *scene, sum *tally, absorbed *atomic.Int64) {
	sc.before(t)
	all, err := inject.Trace(t.Context(), sc.site.program(sc.args))
	if err != nil || all.Exit != 0 {
		t.Fatalf("exit %d: %v\n%s", all.Exit, err, all.Output)
	}
	swap := swapOf(all.Calls)
	for n := 1; n <= len(all.Calls); n++ {
		try := []syscall.Errno{errnos[n/sc.sample()%len(errnos)]}
		if swap >= 0 && n > swap-1 && n < swap+3 || len(all.Calls) < 5 {
			try = errnos
		} else if n%sc.sample() != 0 {
			continue
		}
		for _, errno := range try {
			sc.before(t)
			res, err := inject.Fail(t.Context(), sc.site.program(sc.args), n, errno)
			if err != nil || !res.Hit {
				t.Fatalf("call %d: hit %v, %v", n, res.Hit, err)
			}
			state, err := sc.judge(t)
			sum.count(state)
			if err == nil && state == "aside" {
				err = fmt.Errorf("there is no tree")
			}
			failed := res.Calls[n-1]
			var foreign *foreignError
			if errors.As(err, &foreign) {
				t.Errorf("%v: %v", failed, err)
			} else if err != nil {
				t.Errorf("%v: %v", failed, err)
			}
			if res.Exit == 0 && state == "new" && harmless(failed) {
				absorbed.Add(1)
				continue
			}
			sc.judgeOutput(t, res, failed, errno)
			if state != "old" && strings.Contains(string(res.Output), "old tree is as it was") {
				t.Errorf("%v: the new tree is in place, and it says\n%s", failed, res.Output)
			}
		}
		if n%40 == 0 {
			sum.converged.Add(1)
			sc.mustConverge(t, n)
		}
	}
}

// harmless reports whether export recovers from the failure of a call: files that can't be
// linked are copied.
func harmless(c inject.Call) bool { return c.Name == "linkat" }

// judgeOutput checks how a run ended and what it printed about the call that failed.
func (sc *scene) judgeOutput(t *testing.T, res inject.Result, failed inject.Call, errno syscall.Errno) {
	t.Helper()
	said := string(res.Output)
	if strings.HasPrefix(filepath.Base(failed.Path), "..gitignore") && res.Exit == 0 {
		t.Errorf("%v: it isn't reported", failed)
		return
	}
	if res.Exit != 1 {
		t.Errorf("%v: exit %d, signal %v\n%s", failed, res.Exit, res.Signal, said)
		return
	}
	if strings.Contains(said, "panic") || strings.Contains(said, "goroutine ") {
		t.Errorf("%v: it panics:\n%s", failed, said)
	}
	if !strings.Contains(said, errno.Error()) {
		t.Errorf("%v: the cause is not named:\n%s", failed, said)
	}
	names := []string{failed.Path, failed.To}
	if failed.Name == "unlinkat" { // os.Root names the directory that it empties
		rel, _ := filepath.Rel(sc.site.out(), failed.Path)
		top, _, _ := strings.Cut(rel, "/")
		names = append(names, filepath.Join(sc.site.out(), top))
	}
	for _, p := range names {
		if rel, err := filepath.Rel(sc.site.work(), p); err == nil && p != "" && strings.Contains(said, rel) {
			return
		}
	}
	t.Errorf("%v: the file is not named:\n%s", failed, said)
}

// failForGood simulates a disk that is full, or removed, from some call on.
func failForGood(t *testing.T, sc *scene, sum *tally) {
	full := []string{"openat", "write", "mkdirat", "linkat", "symlinkat", "fsync", "renameat", "renameat2"}
	sc.before(t)
	all, err := inject.Trace(t.Context(), sc.site.program(sc.args))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		n := 1 + i*len(all.Calls)/4
		errno, names := syscall.ENOSPC, full
		if i%2 == 1 {
			errno, names = syscall.EROFS, nil
		}
		sc.before(t)
		res, err := inject.FailFrom(t.Context(), sc.site.program(sc.args), n, errno, names...)
		if err != nil {
			t.Fatal(err)
		}
		state, err := sc.judge(t)
		sum.count(state)
		if err != nil {
			t.Errorf("everything from call %d on: %v", n, err)
		}
		if res.Hit && res.Exit != 1 || strings.Contains(string(res.Output), "panic") {
			t.Errorf("everything from call %d on fails with %v: exit %d\n%s", n, errno, res.Exit, res.Output)
		}
		sum.converged.Add(1)
		sc.mustConverge(t, n)
	}
}

// failBrokenWriter shows that the same faults expose a writer that ignores them.
func failBrokenWriter(t *testing.T, l *lab) {
	sc := brokenScene(t, l, "deaf")
	var found tally
	silent := 0
	for n := 2; ; n += 12 {
		sc.before(t)
		res, err := inject.Fail(t.Context(), sc.site.program(sc.args), n, syscall.ENOSPC)
		if err != nil {
			t.Fatal(err)
		}
		state, _ := sc.judge(t)
		if !res.Hit {
			if state != "new" {
				t.Errorf("undisturbed it leaves %q", state)
			}
			break
		}
		found.count(state)
		if res.Exit == 0 {
			silent++
		}
	}
	t.Logf("a deaf writer: faults: %v, %d not reported", &found, silent)
	if found.torn.Load() < 5 || silent < 5 {
		t.Error("its torn trees were not found")
	}
}
