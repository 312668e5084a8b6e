//go:build amd64 || arm64

package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// otherUID is the id of a user that owns nothing here.
const otherUID = 65534

// becomeUser makes a command run as another user, if this process may do that. It reports
// whether the command runs without privilege.
func becomeUser(attr **syscall.SysProcAttr, uid uint32) bool {
	if os.Getuid() != 0 {
		return true
	}
	if data, err := os.ReadFile("/proc/self/uid_map"); err != nil || len(strings.Fields(string(data))) != 3 ||
		strings.Fields(string(data))[2] == "1" {
		return false // root of a namespace without other users
	}
	*attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return true
}

// refused checks that an export to a directory ends with exit 1 and a message that names it,
// before any work: the cluster is broken. It runs as this user and as another.
func refused(t *testing.T, s *site, name, out, why string, uid uint32) {
	t.Helper()
	broken := filepath.Join(s.work(), "cue", "broken")
	mkdir(t, broken)
	writeFile(t, filepath.Join(broken, "cluster.cue"), "package broken\n\ncluster: {{{\n", 0o644)
	before := look(t, s.dir, "")
	cmd := s.command(t, s.exe, "export", "./cue/broken", "-o", out)
	becomeUser(&cmd.SysProcAttr, uid)
	code, stdout, stderr := runCmd(t, cmd)
	rel := strings.TrimPrefix(out, s.work()+"/")
	if code != 1 || stdout != "" || !strings.Contains(stderr, why) || strings.Contains(stderr, "cluster.cue") ||
		!strings.Contains(stderr, rel[:strings.IndexByte(rel+"/", '/')]) {
		t.Errorf("%s: exit %d\n%s%s", name, code, stdout, stderr)
	}
	if d := before.differs(look(t, s.dir, "")); d != "" {
		t.Errorf("%s: it changed\n%s", name, d)
	}
}

// testRefused is promise 3: if the tree can't be written, or must not be by this user,
// nothing happens. (onMounts has a read-only mount.)
func testRefused(t *testing.T, l *lab) {
	s := l.site(t)
	if code, _, stderr := s.run(t, s.args(one, "-o", "/proc/self")...); code != 1 || !strings.Contains(stderr, "/proc/self") {
		t.Errorf("/proc/self: exit %d, %s", code, stderr)
	}
	writeFile(t, filepath.Join(s.work(), "file"), "", 0o666)
	refused(t, s, "a file", filepath.Join(s.work(), "file"), "it is a file", otherUID)
	if os.Getuid() != 0 {
		refused(t, s, "root's", "/usr", "permission denied", otherUID)
	}
	need.Root(t)
	own := func(dir string, uid int, mode os.FileMode) string {
		dir = filepath.Join(s.work(), dir)
		mkdir(t, dir)
		if err := errors.Join(os.Chown(dir, uid, uid), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	refused(t, s, "root's", own("roots", 0, 0o755), "permission denied", otherUID)
	refused(t, s, "below root's", filepath.Join(own("roots", 0, 0o755), "a/b"), "permission denied", otherUID)
	refused(t, s, "another's, open to all", own("open", 1, 0o777), "belongs to another user", otherUID)
	refused(t, s, "one's own without w", own("mine", otherUID, 0o555), "permission denied", otherUID)
	refused(t, s, "hidden", filepath.Join(own("hidden", 0, 0o700), "out"), "permission denied", otherUID)

	// Where it may write, the same command gets as far as the broken cluster.
	out := own("good", otherUID, 0o755)
	cmd := s.command(t, s.exe, "export", "./cue/broken", "-o", out)
	becomeUser(&cmd.SysProcAttr, otherUID)
	if code, _, stderr := runCmd(t, cmd); code != 3 || !strings.Contains(stderr, "cluster.cue") {
		t.Errorf("control: exit %d\n%s", code, stderr)
	}
	theirTree(t, l)
}

// theirTree has a tree by root in a user's own out/: the user can't read it, so it stays.
func theirTree(t *testing.T, l *lab) {
	s := l.site(t)
	s.reset(t, l.one)
	for _, name := range []string{s.out(), filepath.Join(s.out(), ".kcmgen.lock")} {
		if err := os.Chown(name, otherUID, otherUID); err != nil {
			t.Fatal(err)
		}
	}
	before := look(t, s.demo(), "")
	p := s.program(s.args(two))
	p.User = &inject.User{UID: otherUID, GID: otherUID}
	res, err := inject.Trace(t.Context(), p)
	if err != nil || res.Exit != 1 || !strings.Contains(string(res.Output), "out/demo: permission denied") {
		t.Errorf("root's tree: exit %d, %v\n%s", res.Exit, err, res.Output)
	}
	if d := before.differs(look(t, s.demo(), "")); d != "" {
		t.Errorf("root's tree changed:\n%s", d)
	}
}
