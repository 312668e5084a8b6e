//go:build amd64 || arm64

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// twoRenames is what an export prints if two directories can't be exchanged.
const twoRenames = "out: its file system can't exchange two directories"

// testTwoRenames: without the exchange of two directories the trees are the same, and the
// message is printed once for all clusters.
func testTwoRenames(t *testing.T, l *lab) {
	for _, errno := range []syscall.Errno{syscall.EINVAL, syscall.ENOSYS} {
		s := l.site(t)
		other := filepath.Join(s.work(), "cue", "other")
		mkdir(t, other)
		write := func(v variant) {
			writeFile(t, filepath.Join(other, "cluster.cue"), strings.Replace(v.cue(), `"demo"`, `"other"`, 1), 0o644)
		}
		write(one)
		if first := s.mustStderr(t, s.args(one, "./cue/other")...); strings.Contains(first, twoRenames) {
			t.Errorf("%v: the first trees replace nothing, and yet:\n%s", errno, first)
		}
		write(two)
		res, err := inject.FailFrom(t.Context(), s.program(s.args(two, "./cue/other")), 1, errno, "renameat2")
		if err != nil || !res.Hit || res.Exit != 0 {
			t.Fatalf("%v: exit %d, hit %v, %v\n%s", errno, res.Exit, res.Hit, err, res.Output)
		}
		if n := strings.Count(string(res.Output), twoRenames); n != 1 {
			t.Errorf("%v: said %d times:\n%s", errno, n, res.Output)
		}
		if err := whole(s.demo(), two, nil); err != nil {
			t.Errorf("%v: %v", errno, err)
		}
		write(one)
		for _, dir := range []string{"./cue/one", "./cue/other"} { // what is accepted is of one cluster
			args := append([]string{s.exe, "export", dir}, lessOne...)
			if stderr := s.mustStderr(t, args...); strings.Contains(stderr, twoRenames) {
				t.Errorf("with the exchange:\n%s", stderr)
			}
		}
	}
}

// mustStderr runs a command that must succeed, and returns its stderr.
func (s *site) mustStderr(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := s.run(t, args...)
	if code != 0 {
		t.Fatalf("%q: exit %d\n%s%s", args, code, stdout, stderr)
	}
	return stderr
}

// testNoModes: the lock file shows whether a file system keeps modes, before there is a key.
// A mode that was changed later is restored. (onMounts has a real file system without
// modes.)
func testNoModes(t *testing.T, l *lab) {
	s := l.site(t)
	mkdir(t, s.out())
	lock := filepath.Join(s.out(), ".kcmgen.lock")
	writeFile(t, lock, "", 0o644)
	res, err := inject.FailFrom(t.Context(), s.program(s.args(one)), 1, syscall.EPERM, "fchmod")
	if err != nil || !res.Hit {
		t.Fatalf("hit %v, %v", res.Hit, err)
	}
	keylessRefusal(t, s, res.Exit, string(res.Output), "0644")
	s.mustExport(t, one)
	if fi, err := os.Lstat(lock); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the lock file is %v, %v", fi, err)
	}
}

// keylessRefusal checks that an export to a place without modes wrote no key.
func keylessRefusal(t *testing.T, s *site, code int, said, mode string) {
	t.Helper()
	want := "kcmgen: write to out: its file system keeps no file modes: a file made 0600 is " + mode + "\nhint: write to a disk "
	if code != 1 || !strings.Contains(said, want) {
		t.Errorf("exit %d\n%s\nwant:\n%s", code, said, want)
	}
	es, err := os.ReadDir(s.out())
	if err != nil || len(es) != 1 || es[0].Name() != ".kcmgen.lock" {
		t.Errorf("in out/ are %v, %v", es, err)
	}
}

// testModesLost is testNoModes on NTFS as ntfs-3g mounts it by default: it accepts every
// mode and forgets it.
func testModesLost(t *testing.T, l *lab) {
	dev, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = dev.Close()
	case os.Getenv("CI") != "":
		// No package could provide the device, and testNoModes shows the same with a fault.
		t.Logf("no file system in user space, so NTFS itself was not tried: %v", err)
		return
	default:
		need.Missing(t, "/dev/fuse", err.Error())
	}
	mkntfs, driver := need.Program(t, "mkntfs"), need.Program(t, "ntfs-3g")
	s := l.site(t)
	mkdir(t, s.out())
	image := filepath.Join(s.dir, "ntfs")
	writeFile(t, image, "", 0o600)
	if err := os.Truncate(image, 8<<20); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{mkntfs, "-F", "-Q", "-q", image}, {driver, image, s.out()}} {
		if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	// ntfs-3g ends when its mount does.
	t.Cleanup(func() { unmount(t, s.out()) })
	code, stdout, stderr := s.run(t, s.args(one)...)
	keylessRefusal(t, s, code, stdout+stderr, "0777")
	if code, stdout, stderr := s.run(t, s.exe, "vet", "./cue/one"); code != 0 {
		t.Errorf("vet: exit %d\n%s%s", code, stdout, stderr)
	}
	s.mustExport(t, one, "-o", filepath.Join(s.work(), "elsewhere"))
}
