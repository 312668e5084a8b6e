package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/binarytest"
	"github.com/kcmgen/kcmgen/internal/need"
)

// programSite is a CUE module with a cluster of three hosts that get a program, and an
// output directory.
type programSite struct {
	dir  string
	size int64
}

// newProgramSite uses a program of a given size: it is padded after the ELF sections.
func newProgramSite(t *testing.T, size int64) *programSite {
	t.Helper()
	s := &programSite{dir: t.TempDir(), size: size}
	for _, dir := range []string{"schemas", "cue.mod"} {
		if err := os.CopyFS(filepath.Join(s.dir, dir), os.DirFS(filepath.Join("../..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	data, err := binarytest.Program(runtime.GOARCH, "")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(s.dir, "program")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	for left := size - int64(len(data)); left > 0; left -= 1 << 20 {
		if _, err := f.Write(bytes.Repeat([]byte{byte(left >> 20), 7, 1}, 1<<20)[:min(left, 1<<20)]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s.write(t, "v1.37.1")
	return s
}

// write writes the cluster with a version.
func (s *programSite) write(t *testing.T, version string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "program"))
	if err != nil {
		t.Fatal(err)
	}
	var nodes strings.Builder
	for i := range 3 {
		fmt.Fprintf(&nodes, "\tnodes: \"cp-%d\": {address: \"10.0.0.1%d\", arch: %q}\n", i, i, runtime.GOARCH)
	}
	text := fmt.Sprintf(`package c

import "github.com/kcmgen/kcmgen/schemas"

cluster: schemas.#Cluster & {
	name:    "c"
	version: %q
	layout:  "systemd"
%s	binary: {install: true, source: %s: {file: "../program", sha256: "%x"}}
}
`, version, &nodes, runtime.GOARCH, sha256.Sum256(data))
	if err := os.MkdirAll(filepath.Join(s.dir, "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "c/c.cue"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs kcmgen, which is killed when ctx ends. It returns its output and its peak memory
// in kB.
func (s *programSite) run(ctx context.Context, args ...string) (out string, peak int, err error) {
	var b bytes.Buffer
	cmd := exec.CommandContext(ctx, "kcmgen", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &b, &b
	cmd.Env = append(os.Environ(), "KCMGEN_CACHE="+filepath.Join(s.dir, "cache"))
	if err := cmd.Start(); err != nil {
		return "", 0, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	// The resource usage of a child includes this process's memory at the fork.
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	for {
		select {
		case err := <-done:
			return b.String(), peak, err
		case <-time.After(2 * time.Millisecond):
			data, _ := os.ReadFile(status)
			if _, rest, ok := strings.Cut(string(data), "VmHWM:"); ok && strings.Contains(string(data), "Name:\tkcmgen") {
				_, _ = fmt.Sscan(rest, &peak)
			}
		}
	}
}

// killedWriting kills kcmgen when it begins to write an image, and reports whether that was
// before its end.
func (s *programSite) killedWriting(t *testing.T) bool {
	t.Helper()
	part := filepath.Join(s.dir, "out/.c.put")
	if err := os.RemoveAll(part); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(need.Time(t))
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(part); err == nil {
				cancel()
			}
		}
	}()
	if out, _, err := s.run(ctx, "image", "./c"); err != nil && need.Time(t).Err() != nil {
		t.Fatalf("kcmgen image: %v\n%s", err, out)
	}
	_, err := os.Stat(part)
	return err == nil
}

// TestProgramMemory: a program of 70 MB for three hosts, and its image, are never in
// memory, in a first run and when nothing changed.
func TestProgramMemory(t *testing.T) {
	s := newProgramSite(t, 70_000_000)
	for _, args := range [][]string{{"export", "./c"}, {"export", "./c"}, {"image", "./c"}, {"fetch", "./c"}} {
		out, peak, err := s.run(t.Context(), args...)
		if err != nil {
			t.Fatalf("kcmgen %s: %v\n%s", args, err, out)
		}
		t.Logf("kcmgen %s: %d kB", args, peak)
		if peak == 0 || peak > 85_000 {
			t.Errorf("kcmgen %s took %d kB", args, peak)
		}
	}
	found, err := filepath.Glob(filepath.Join(s.dir, "out/c/nodes/*/usr/local/lib/kcmgen/*/kube-controller-manager"))
	if err != nil || len(found) != 3 {
		t.Fatalf("the hosts have %v (%v)", found, err)
	}
	for _, name := range found {
		if fi, err := os.Stat(name); err != nil || fi.Size() != s.size {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
}

// TestImageKilled kills kcmgen at many moments: the image is the old one or the new one, and
// the next run removes what the killed one left.
func TestImageKilled(t *testing.T) {
	s := newProgramSite(t, 6_000_000)
	archive := filepath.Join(s.dir, "out/c/image", runtime.GOARCH+".tar")
	images := map[string][]byte{}
	full := time.Duration(0)
	versions := []string{"v1.37.1", "v1.37.2"}
	for _, v := range versions {
		s.write(t, v)
		start := time.Now()
		if out, _, err := s.run(t.Context(), "image", "./c"); err != nil {
			t.Fatalf("kcmgen image: %v\n%s", err, out)
		}
		full = time.Since(start)
		data, err := os.ReadFile(archive)
		if err != nil {
			t.Fatal(err)
		}
		images[v] = data
	}
	const kills = 40
	old, replaced, left := versions[1], 0, 0
	for i := range kills {
		next := versions[i%2]
		s.write(t, next)
		if err := os.RemoveAll(filepath.Join(s.dir, "cache")); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), full*time.Duration(i+4)/kills)
		_, _, _ = s.run(ctx, "image", "./c")
		cancel()
		data, err := os.ReadFile(archive)
		switch {
		case err != nil:
			t.Fatal(err)
		case bytes.Equal(data, images[next]):
			old = next
			replaced++
		case !bytes.Equal(data, images[old]):
			t.Fatalf("killed after %s, it is neither the old image nor the new one (%d bytes)", full*time.Duration(i+4)/kills, len(data))
		}
		if _, err := os.Stat(filepath.Join(s.dir, "out/.c.put")); err == nil {
			left++
		}
	}
	// On a machine with varying load all kills may have come too early or too late: one while
	// writing counts, too.
	for left == 0 {
		s.write(t, versions[(slices.Index(versions, old)+1)%2])
		if s.killedWriting(t) {
			left++
		}
	}
	t.Logf("%d kills: %d left a part, %d came after the image", kills, left, replaced)
	if out, _, err := s.run(t.Context(), "export", "./c"); err != nil {
		t.Fatalf("kcmgen export: %v\n%s", err, out)
	}
	if found, err := filepath.Glob(filepath.Join(s.dir, "out/.c*")); err != nil || len(found) > 0 {
		t.Errorf("there is still %v (%v)", found, err)
	}
}
