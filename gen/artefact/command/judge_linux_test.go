package command

import (
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

	"github.com/kcmgen/kcmgen/gen/artefact/systemd/systemdtest"
	"github.com/kcmgen/kcmgen/gen/artefact/text"
)

func TestMain(m *testing.M) {
	if is, err := systemdtest.Print(os.Args); is {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const judge = "/usr/lib/systemd/systemd"

// TestJudge compares the arguments that Read finds in units with those that systemd passes.
// systemd runs as a user's, so this needs root but no systemd as PID 1. It only runs if the
// environment asks for it with KCMGEN_SYSTEMD=1.
func TestJudge(t *testing.T) {
	if _, err := os.Stat(judge); err != nil || os.Getuid() != 0 || os.Getenv("KCMGEN_SYSTEMD") == "" {
		t.Skip("needs systemd, root and KCMGEN_SYSTEMD=1")
	}
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, out := filepath.Join(dir, Program), filepath.Join(dir, "out")
	units := filepath.Join(dir, "home/.config/systemd/user")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	cases := systemdtest.Cases(1, 600, program, out, dir)
	var names []string
	for _, c := range cases {
		names = append(names, c.Name)
		for name, data := range caseFiles(c, units) {
			put(t, name, data)
		}
	}
	all := strings.Join(names, " ")
	put(t, filepath.Join(units, "default.target"), "[Unit]\nWants="+all+" done.service\n")
	put(t, filepath.Join(units, "done.service"), "[Unit]\nAfter="+all+"\n[Service]\nType=oneshot\nExecStart="+program+" print:"+out+"/done\n")
	put(t, filepath.Join(out, "empty"), "")
	said := runJudge(t, dir, filepath.Join(out, "done"))
	ran := 0
	for _, c := range cases {
		data, err := os.ReadFile(filepath.Join(out, c.Name)) //nolint:gosec // of this test
		want := []string{"systemd doesn't start it"}
		if err == nil {
			ran++
			want = strings.Split(strings.TrimSuffix("first\x00"+string(data), "\x00"), "\x00")
		}
		got, err := readCase(c)
		if err != nil {
			got = []string{"systemd doesn't start it"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v\ngot  %q\nwant %q\n%s\n", c.Name, err, got, want, said(c.Name))
			for name, data := range caseFiles(c, units) {
				t.Logf("%s:\n%s", name, data)
			}
		}
	}
	if t.Logf("systemd started %d of %d", ran, len(cases)); ran < len(cases)/2 {
		t.Error("that is too few")
	}
}

// caseFiles are the files of a case by their names.
func caseFiles(c systemdtest.Case, units string) map[string]string {
	out := map[string]string{filepath.Join(units, c.Name): c.Unit}
	for name, data := range c.DropIns {
		out[filepath.Join(units, c.Name+".d", name)] = data
	}
	for name, data := range c.Env {
		out[name] = data
	}
	return out
}

func put(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

// judgeScript starts systemd where it sees nothing but its own control group and processes: it
// moves those that it finds beside it.
const judgeScript = `set -eu
mount -t cgroup2 none /sys/fs/cgroup
[ "$(grep ^0:: /proc/self/cgroup)" = 0::/ ]
! grep -qx 0 /sys/fs/cgroup/cgroup.procs
mount -t tmpfs tmpfs /run
mkdir -p -m 700 /run/systemd/system /run/user
: >"$HOME/log"
mount --bind "$HOME/log" /dev/kmsg
` + judge + ` --user --log-target=kmsg --log-level=info || true`

// runJudge runs systemd until a file is there. It returns what systemd said of a unit.
func runJudge(t *testing.T, dir, done string) func(unit string) string {
	t.Helper()
	group := ownCgroup(t)
	home := filepath.Join(dir, "home")
	var said strings.Builder
	c := exec.CommandContext(t.Context(), "unshare", "--mount", "--propagation", "private", "--pid", "--mount-proc", "--fork", "--kill-child", "--cgroup", "sh", "-c", judgeScript)
	c.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())} //nolint:gosec // a small number
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "XDG_RUNTIME_DIR=/run/user"}
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	log := func() string {
		data, _ := os.ReadFile(filepath.Join(home, "log")) //nolint:gosec // of this test
		return string(data)
	}
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(done); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("systemd: %v: %s %s", err, said.String(), log())
		default:
		}
		if time.Since(start) > time.Minute {
			t.Errorf("systemd takes too long: %s", log())
			break
		}
	}
	_ = c.Process.Kill()
	if err := <-ended; err != nil {
		t.Log("systemd ended:", err)
	}
	all := log()
	return func(unit string) string {
		var b strings.Builder
		for line := range strings.Lines(all) {
			if strings.Contains(line, unit) || os.Getenv("KCMGEN_SYSTEMD") == "all" {
				b.WriteString(line)
			}
		}
		return b.String()
	}
}

// ownCgroup makes a control group for systemd, which goes away with the test.
func ownCgroup(t *testing.T) *os.File {
	t.Helper()
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[2] != "cgroup2" {
			continue
		}
		dir := filepath.Join(f[1], fmt.Sprintf("kcmgen-judge-%d", os.Getpid()))
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { removeCgroup(t, dir) })
		group, err := os.Open(dir) //nolint:gosec // as above
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = group.Close() })
		return group
	}
	t.Skip("cgroup2 is mounted nowhere")
	return nil
}

// removeCgroup removes a group and those in it, whose processes are about to end.
func removeCgroup(t *testing.T, dir string) {
	t.Helper()
	var dirs []string
	_ = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			dirs = append(dirs, name)
		}
		return nil
	})
	for _, d := range slices.Backward(dirs) {
		err := os.Remove(d)
		for range 100 {
			if err == nil {
				break
			}
			time.Sleep(20 * time.Millisecond)
			err = os.Remove(d)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// readCase returns the arguments that Read finds in a case, as systemd passes them. Variables
// that nothing sets are empty.
func readCase(c systemdtest.Case) ([]string, error) {
	set := &text.Set{}
	var in []Input
	for _, name := range sortedNames(caseFiles(c, "/units")) {
		in = append(in, Input{Name: name, Data: []byte(caseFiles(c, "/units")[name])})
	}
	results, err := Read(set, in, Options{})
	if len(results) != 1 {
		return nil, fmt.Errorf("%d results: %w", len(results), err)
	}
	var out []string
	for i, a := range results[0].Args {
		s := set.Fill(a.Text, func(h text.Hole) string {
			switch h.Expr {
			case "%n":
				return c.Name
			case "%N":
				return strings.TrimSuffix(c.Name, ".service")
			}
			return ""
		})
		if i == 0 {
			s = "first"
		}
		if hs := set.Holes(a.Text); a.IsHole() && len(hs) == 1 && strings.HasPrefix(hs[0].Expr, "$") && !strings.HasPrefix(hs[0].Expr, "${") {
			continue // no word
		}
		out = append(out, s)
	}
	return out, nil
}
