//go:build amd64 || arm64

package main_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// TestFaults tests promises 1 to 8 and the first half of 10 with the built program: it is
// killed, its calls fail, it runs out of space, races and is moved about. Each check is
// first shown to find a writer that is broken on purpose.
func TestFaults(t *testing.T) {
	if os.Getenv(mountsVar) != "" {
		onMounts(t)
		return
	}
	if testing.Short() {
		t.Skip("not short")
	}
	l := newLab(t)
	for name, f := range map[string]func(*testing.T, *lab){
		"kill":        testKill,
		"fail":        testFail,
		"mounts":      testMounts,
		"refused":     testRefused,
		"two renames": testTwoRenames,
		"no modes":    testNoModes,
		"concurrent":  testConcurrent,
		"same bytes":  testSameBytes,
		"unchanged":   testUnchanged,
		"foreign":     testForeign,
		"key modes":   testKeyModes,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, l)
		})
	}
}

// A lab is the program, built once, and trees that it wrote without faults.
type lab struct {
	dir string // readable for all users
	exe string // kcmgen
	as  string // this test binary by the name asName
	one string // an out directory with only the tree of cue/one
	two string // the same after cue/two
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{dir: openDir(t)}
	built := os.Getenv(builtVar)
	if built == "" {
		built = l.dir
		build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", built, ".", "../../internal/treetest/inject/helper")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	l.exe = filepath.Join(built, "kcmgen")
	inject.SetHelper(filepath.Join(built, "helper"))
	l.as = linkSelf(t, l.dir)
	s := l.site(t)
	l.one, l.two = filepath.Join(l.dir, "one"), filepath.Join(l.dir, "two")
	s.mustExport(t, one)
	copyTree(t, s.out(), l.one)
	s.mustExport(t, two)
	copyTree(t, s.out(), l.two)
	return l
}

// builtVar names a directory with the programs that are already built, for a test in a test.
const builtVar = "KCMGEN_FAULTS_BUILT"

// openDir returns a directory without symbolic links in its path that every user can reach;
// t.TempDir isn't one.
func openDir(t *testing.T) string { return openDirIn(t, "") }

func openDirIn(t *testing.T, parent string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "kcmgen-faults-")
	if err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A variant is what cue/<name> says of the one cluster "demo".
type variant struct {
	name  string
	qps   string // a flag that all nodes have
	nodes []string
}

var (
	one = variant{"one", "31", []string{"cp-1"}}
	two = variant{"two", "32", []string{"cp-1", "cp-2"}}
)

func (v variant) cue() string {
	var b strings.Builder
	fmt.Fprintf(&b, `package demo

import "github.com/kcmgen/kcmgen/schemas"

cluster: schemas.#Cluster & {
	name:    "demo"
	version: "v1.37.1"
	layout:  "systemd"
	networks: {pods: ["10.200.0.0/16"], services: ["10.32.0.0/16"], nodes: ["10.0.0.0/24"]}
	apiserver: flags: "service-cluster-ip-range": "10.32.0.0/16"
	flags: "kube-api-qps": %s
`, v.qps)
	for i, n := range v.nodes {
		fmt.Fprintf(&b, "\tnodes: %q: address: \"10.0.0.%d\"\n", n, 11+i)
	}
	return b.String() + "}\n"
}

// A site is a user's machine: a checkout with clusters, a home and a directory for
// temporary files.
type site struct {
	exe string
	dir string
	env []string
}

// site makes a new one. All users can read its files.
func (l *lab) site(t *testing.T) *site {
	t.Helper()
	return l.siteIn(t, quickDir(t))
}

// quickDir is openDir in memory if possible: a kill leaves the same state, and no run waits
// for a disk.
func quickDir(t *testing.T) string {
	t.Helper()
	const memory = "/dev/shm"
	if fi, err := os.Stat(memory); err != nil || fi.Mode()&(fs.ModeSticky|0o002) != fs.ModeSticky|0o002 {
		return openDir(t)
	}
	return openDirIn(t, memory)
}

func (l *lab) siteIn(t *testing.T, dir string) *site {
	t.Helper()
	s := &site{exe: l.exe, dir: dir}
	mkdir(t, s.work())
	for _, name := range []string{"cue.mod", "schemas"} {
		copyTree(t, filepath.Join("..", "..", name), filepath.Join(s.work(), name))
	}
	for _, name := range []string{"home", "tmp"} {
		mkdir(t, filepath.Join(dir, name))
	}
	for _, v := range []variant{one, two} {
		mkdir(t, filepath.Join(s.work(), "cue", v.name))
		writeFile(t, filepath.Join(s.work(), "cue", v.name, "cluster.cue"), v.cue(), 0o644)
	}
	// Without garbage collection it makes the same calls in half the time. All sites share
	// what kcmgen keeps of an evaluation: it lies outside of them, where no call is counted.
	s.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir + "/home", "TMPDIR=" + dir + "/tmp", "GOGC=off", "LC_ALL=C",
		"KCMGEN_CACHE=" + filepath.Join(l.dir, "cache"),
	}
	return s
}

func (s *site) work() string { return filepath.Join(s.dir, "w") }
func (s *site) out() string  { return filepath.Join(s.work(), "out") }
func (s *site) demo() string { return filepath.Join(s.out(), "demo") }

// reset makes out/ a copy of a directory, or removes it.
func (s *site) reset(t *testing.T, from string) {
	t.Helper()
	tmp, err := filepath.Glob(filepath.Join(s.dir, "tmp", ".*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(tmp, s.out()) {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	if from != "" {
		copyTree(t, from, s.out())
	}
}

// lessOne accepts that one has a node less than two.
var lessOne = []string{"--accept", "node/cp-2"}

// args returns the arguments of an export.
func (s *site) args(v variant, more ...string) []string {
	return append([]string{s.exe, "export", "./cue/" + v.name}, more...)
}

// program returns a command for the tracer, which counts its calls anywhere in the site.
func (s *site) program(args []string) inject.Program {
	return inject.Program{Args: args, Env: s.env, Dir: s.work(), Under: s.dir}
}

// run runs a command to its end.
func (s *site) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runCmd(t, s.command(t, args...))
}

func (s *site) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(need.Time(t), args[0], args[1:]...)
	cmd.Env, cmd.Dir = s.env, s.work()
	return cmd
}

func runCmd(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var o, e strings.Builder
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

func (s *site) mustExport(t *testing.T, v variant, more ...string) string {
	t.Helper()
	code, stdout, stderr := s.run(t, s.args(v, more...)...)
	if code != 0 {
		t.Fatalf("export %s: exit %d\n%s%s", v.name, code, stdout, stderr)
	}
	return stdout
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name, text string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(name, []byte(text), mode), os.Chmod(name, mode)); err != nil {
		t.Fatal(err)
	}
}

// copyTree copies a directory with modes, times and symbolic links.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, p)
		dst := filepath.Join(to, rel)
		fi, err := e.Info()
		if err != nil {
			return err
		}
		switch {
		case e.IsDir():
			dirs = append(dirs, rel)
			return os.MkdirAll(dst, 0o700)
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			return errors.Join(err, os.Symlink(target, dst), lutimes(dst, fi.ModTime()))
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		return errors.Join(os.WriteFile(dst, data, 0o600), os.Chmod(dst, fi.Mode()), os.Chtimes(dst, fi.ModTime(), fi.ModTime()))
	})
	for _, rel := range slices.Backward(dirs) {
		fi, serr := os.Stat(filepath.Join(from, rel))
		if serr == nil {
			dst := filepath.Join(to, rel)
			serr = errors.Join(os.Chmod(dst, fi.Mode()), os.Chtimes(dst, fi.ModTime(), fi.ModTime()))
		}
		err = errors.Join(err, serr)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// lutimes sets the time of a symbolic link.
func lutimes(name string, mtime time.Time) error {
	const here, noFollow = -100, 0x100 // AT_FDCWD, AT_SYMLINK_NOFOLLOW
	fd := here
	at := syscall.NsecToTimespec(mtime.UnixNano())
	p, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	times := [2]syscall.Timespec{at, at}
	_, _, e := syscall.Syscall6(syscall.SYS_UTIMENSAT, uintptr(fd), uintptr(unsafe.Pointer(p)),
		uintptr(unsafe.Pointer(&times)), noFollow, 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
