package need_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

// outcome is a T that records how it ended.
type outcome string

func (s *outcome) Skip(args ...any) { *s += outcome("skip: " + fmt.Sprint(args...)); runtime.Goexit() }

func (s *outcome) Fatal(args ...any) {
	*s += outcome("fatal: " + fmt.Sprint(args...))
	runtime.Goexit()
}

// ended runs f as a test and returns how it ended.
func ended(f func(need.T)) string {
	var s outcome
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(&s)
	}()
	<-done
	return string(s)
}

// TestProgram: an installed program is found, a missing one skips in one form, and with CI
// set nothing is skipped.
func TestProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	if err := os.WriteFile(filepath.Join(dir, "fish"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ ci, name, want string }{
		{"", "fish", ""},
		{"1", "fish", ""},
		{"", "buildah", "skip: not run here: buildah (apt-get install buildah)"},
		{"1", "buildah", "fatal: not run here: buildah (apt-get install buildah), and with CI set "},
		{"", "cue", "skip: not run here: cue (make test builds it; "},
		{"1", "cue", "fatal: not run here: cue (make test builds it; "},
		{"", "fsh", "fatal: package need doesn't know "},
	} {
		t.Setenv("CI", c.ci)
		at := ""
		got := ended(func(t need.T) { at = need.Program(t, c.name) })
		if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") || (at == filepath.Join(dir, "fish")) != (c.want == "") {
			t.Errorf("CI=%q %s: %q, at %q; expected %q", c.ci, c.name, got, at, c.want)
		}
	}
}

// TestTime: the context ends before go test does.
func TestTime(t *testing.T) {
	end, ok := t.Deadline()
	ours, has := need.Time(t).Deadline()
	if ok != has || ok && !ours.Before(end) {
		t.Errorf("ends at %v, of %v", ours, end)
	}
	var ctx context.Context
	t.Run("ended", func(t *testing.T) { ctx = need.Time(t) })
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Error("it outlives its test")
	}
}
