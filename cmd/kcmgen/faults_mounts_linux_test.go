//go:build amd64 || arm64

package main_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
)

// mountsVar is set in a process with its own mounts.
const mountsVar = "KCMGEN_FAULTS_MOUNTS"

// testMounts runs TestFaults again in a process that may mount: there it runs onMounts.
func testMounts(t *testing.T, l *lab) {
	need.Namespaces(t)           // a chroot gives root the process, and yet no mounts
	self, err := os.Executable() // /proc/self/exe would be of the mounts of this process, which in a chroot has another name
	if err != nil {
		t.Fatal(err)
	}
	for _, flags := range []uintptr{syscall.CLONE_NEWNS, syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER} {
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^TestFaults$", "-test.v", "-test.count=1")
		cmd.Env = append(os.Environ(), mountsVar+"=1", builtVar+"="+filepath.Dir(l.exe))
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		if flags&syscall.CLONE_NEWUSER != 0 {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Logf("no mounts of one's own with flags %#x: %v", flags, err)
			continue
		}
		if err != nil || !strings.Contains(string(out), "--- PASS: TestFaults ") {
			t.Errorf("%v\n%s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			if _, why, ok := strings.Cut(line, need.Mark); ok {
				t.Run("skipped there", func(t *testing.T) { t.Skip(need.Mark + strings.TrimSpace(why)) })
			}
			if strings.Contains(line, "promise") || strings.Contains(line, "PENDING") {
				t.Log(strings.TrimSpace(line))
			}
		}
		return
	}
	need.Missing(t, "mounts", "as root; or where users may have mounts of their own")
}

// onMounts is the part of promises 2 and 3 that needs real file systems: full, without
// inodes, read-only; and one that loses modes.
func onMounts(t *testing.T) {
	mount(t, "none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	l := newLab(t)
	t.Run("full", func(t *testing.T) { testFull(t, l) })
	t.Run("no inodes", func(t *testing.T) { testNoInodes(t, l) })
	t.Run("read-only", func(t *testing.T) { testReadOnly(t, l) })
	t.Run("modes lost", func(t *testing.T) { testModesLost(t, l) })
}

func mount(t *testing.T, from, to, kind string, flags uintptr, data string) {
	t.Helper()
	if err := syscall.Mount(from, to, kind, flags, data); err != nil {
		t.Fatalf("mounting %s: %v", to, err)
	}
}

// mounted mounts a small file system on out/, and puts a tree on it.
func mounted(t *testing.T, s *site, from, options string) {
	t.Helper()
	mkdir(t, s.out())
	mount(t, "tmpfs", s.out(), "tmpfs", 0, options)
	if from != "" {
		copyTree(t, from, s.out())
	}
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
}

// testFull leaves more and more free pages on a full disk.
func testFull(t *testing.T, l *lab) {
	page := os.Getpagesize()
	short, done := 0, false
	for free := 0; !done; free += 1 + free/4 {
		s := l.site(t)
		mounted(t, s, l.one, "size=4m")
		done = starve(t, s, fmt.Sprintf("%d pages free", free), func() func() {
			filler := filepath.Join(s.out(), "filler")
			f, err := os.Create(filler)
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for {
				n, err := f.Write(make([]byte, page))
				if size += n; err != nil {
					break
				}
			}
			if err := errors.Join(f.Truncate(int64(max(0, size-free*page))), f.Close()); err != nil {
				t.Fatal(err)
			}
			return func() { _ = os.Remove(filler) }
		})
		unmount(t, s.out())
		if !done {
			short++
		}
	}
	t.Logf("promise 2: a full disk: %d times too little room, the old tree intact", short)
	if short < 10 {
		t.Error("at least 10 times too little room wanted")
	}
}

// testNoInodes leaves more and more free inodes.
func testNoInodes(t *testing.T, l *lab) {
	used := len(look(t, l.one, "")) + 1
	short, done := 0, false
	for free := 0; !done; free += 1 + free/8 {
		s := l.site(t)
		mounted(t, s, l.one, "size=4m,nr_inodes="+strconv.Itoa(used+free))
		done = starve(t, s, fmt.Sprintf("%d inodes free", free), func() func() {
			return func() { mount(t, "tmpfs", s.out(), "tmpfs", syscall.MS_REMOUNT, "size=4m,nr_inodes=10000") }
		})
		unmount(t, s.out())
		if !done {
			short++
		}
	}
	t.Logf("promise 2: no inodes: %d times too few, the old tree intact", short)
	if short < 10 {
		t.Error("at least 10 times too few inodes wanted")
	}
}

// starve runs an export that needs space, and reports whether there was enough.
func starve(t *testing.T, s *site, what string, fill func() (free func())) bool {
	t.Helper()
	old := look(t, s.demo(), "")
	free := fill()
	code, stdout, stderr := s.run(t, s.args(two)...)
	if code == 0 {
		if err := whole(s.demo(), two, nil); err != nil {
			t.Errorf("%s: exit 0, but %v", what, err)
		}
		return true
	}
	if d := old.differs(look(t, s.demo(), "")); d != "" {
		t.Errorf("%s: the old tree changed:\n%s", what, d)
	}
	if code != 1 || !strings.Contains(stderr, "no space left on device") || !strings.Contains(stderr, "out/.demo.new") {
		t.Errorf("%s: exit %d\n%s%s", what, code, stdout, stderr)
	}
	if fi, err := os.Lstat(filepath.Join(s.out(), ".demo.new")); err == nil {
		t.Errorf("%s: %s is still there", what, fi.Name())
	}
	free()
	sc := &scene{site: s, args: s.args(two), want: two}
	if err := sc.converge(t); err != nil {
		t.Errorf("%s, then enough: %v", what, err)
	}
	return false
}

// testReadOnly is promise 3 on a read-only mount.
func testReadOnly(t *testing.T, l *lab) {
	for _, c := range []struct{ name, from string }{{"with a tree", l.one}, {"empty", ""}} {
		s := l.site(t)
		mounted(t, s, c.from, "size=4m,mode=777")
		mount(t, "tmpfs", s.out(), "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
		refused(t, s, c.name, s.out(), "read-only file system", otherUID)
		refused(t, s, c.name, filepath.Join(s.out(), "below/it"), "read-only file system", otherUID)
		unmount(t, s.out())
	}
}
