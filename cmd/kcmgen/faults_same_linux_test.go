//go:build amd64 || arm64

package main_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/internal/treetest/inject"
)

// testConcurrent is promise 4: of eight exports of two variants at once, each waits for its
// turn or reports the lock, and the tree is one of them.
func testConcurrent(t *testing.T, l *lab) {
	const rounds, runs = 50, 8
	s := l.site(t)
	mixed, waited, held := 0, 0, 0
	won := map[string]int{}
	for range rounds {
		var cmds []*exec.Cmd
		var outs []*strings.Builder
		for i := range runs {
			cmd, out := s.command(t, s.args([]variant{one, two}[i%2], lessOne...)...), &strings.Builder{}
			cmd.Stdout, cmd.Stderr = out, out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			cmds, outs = append(cmds, cmd), append(outs, out)
		}
		for i, cmd := range cmds {
			_ = cmd.Wait()
			said := outs[i].String()
			waited += strings.Count(said, "waiting for another kcmgen")
			switch code := cmd.ProcessState.ExitCode(); {
			case code == 1 && strings.Contains(said, ".kcmgen.lock: another kcmgen is writing to it"):
				held++
			case code != 0:
				t.Errorf("exit %d\n%s", code, said)
			}
		}
		isOne, isTwo := whole(s.demo(), one, nil), whole(s.demo(), two, nil)
		switch {
		case isOne == nil:
			won["one"]++
		case isTwo == nil:
			won["two"]++
		default:
			mixed++
			t.Errorf("a mixed tree: not one: %v; not two: %v", isOne, isTwo)
		}
		if left := leftovers(t, s); left != nil {
			t.Errorf("left behind: %q", left)
		}
	}
	t.Logf("promise 4: %d rounds of %d: %d mixed; ends as %v; %d said that they wait, %d gave up", rounds, runs, mixed, won, waited, held)
}

// testSameBytes is promise 6: the same keys give the same tree, whatever the environment.
func testSameBytes(t *testing.T, l *lab) {
	const runs = 100
	zones := []string{"", "UTC", "Asia/Kathmandu", "America/St_Johns", ":/nonsense"}
	locales := []string{"C", "tr_TR.UTF-8", "de_DE.UTF-8", "POSIX"}
	hashes, others := map[string]int{}, map[string]int{}
	for i := range runs {
		// One checkout after the other, each in another place.
		dir := filepath.Join(quickDir(t), strings.Repeat("d", 1+i%17), fmt.Sprintf("a b%d", i%5))
		s := l.siteIn(t, dir)
		copyTree(t, l.two, s.out())
		if i%2 == 0 { // everything but the keys anew
			if err := os.RemoveAll(filepath.Join(s.demo(), "nodes")); err != nil {
				t.Fatal(err)
			}
		} else { // through another tree and back
			s.shake(t)
		}
		mask := []string{"000", "022", "077", "007", "177"}[i%5]
		args := append([]string{l.as, "umask=" + mask, "--"}, s.args(two)...)
		if i%3 == 1 { // from below, to an absolute path
			args = append([]string{l.as, "umask=" + mask, "--"}, s.exe, "export", "../../cue/two", "-o", s.out())
		}
		cmd := s.command(t, args...)
		if i%3 == 1 {
			cmd.Dir = filepath.Join(s.work(), "cue", "one")
		}
		cmd.Env = append(slices.Clone(s.env), "TZ="+zones[i%len(zones)], "LC_ALL="+locales[i%len(locales)],
			"LANG="+locales[i%len(locales)], fmt.Sprintf("GOMAXPROCS=%d", 1+i%7), "HOME="+[]string{"", "/nonexistent", s.dir}[i%3])
		code, stdout, stderr := runCmd(t, cmd)
		if code != 0 || !strings.Contains(stdout, "wrote") {
			t.Fatalf("run %d: exit %d\n%s%s", i, code, stdout, stderr)
		}
		if strings.Contains(stderr, "made pki") {
			t.Fatalf("run %d made keys:\n%s", i, stderr)
		}
		hashes[hashTree(t, s.demo())]++
		others[strings.TrimSpace(stdout[strings.LastIndex(stdout, ":")+1:])]++
	}
	hashes[hashTree(t, filepath.Join(l.two, "demo"))]++
	t.Logf("promise 6: %d runs and the first export: %d hash(es); %v", runs, len(hashes), others)
	if len(hashes) != 1 {
		t.Errorf("%d different trees", len(hashes))
	}
}

// shake makes another tree with the same keys: a flag changes on every node, and all modes
// are wrong.
func (s *site) shake(t *testing.T) {
	t.Helper()
	v := two
	v.qps = "99"
	name := filepath.Join(s.work(), "cue", "two", "cluster.cue")
	writeFile(t, name, v.cue(), 0o644)
	s.mustExport(t, v)
	writeFile(t, name, two.cue(), 0o644)
	if err := os.Chmod(filepath.Join(s.demo(), "pki", "ca.crt"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hashTree returns one hash over the paths, modes and bytes below a directory.
func hashTree(t *testing.T, dir string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		fmt.Fprintf(h, "%q %v\n", rel, fi.Mode())
		if !fi.IsDir() {
			data, err := os.ReadFile(p)
			fmt.Fprintf(h, "%d\n%s", len(data), data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// testUnchanged is promise 7: if nothing changed, nothing is written, not even the times of
// a file.
func testUnchanged(t *testing.T, l *lab) {
	s := l.site(t)
	s.reset(t, l.two)
	for name, plant := range map[string]func(){
		"ours only":        func() {},
		"with others' too": func() { writeFile(t, filepath.Join(s.demo(), "notes"), "mine", 0o600) },
	} {
		plant()
		before := inodes(t, s.out())
		p := s.program(s.args(two))
		p.Under = s.out()
		res, err := inject.Trace(t.Context(), p)
		if err != nil || res.Exit != 0 || !strings.Contains(string(res.Output), "demo: nothing changed, nothing written\n") {
			t.Errorf("%s: exit %d, %v\n%s", name, res.Exit, err, res.Output)
		}
		var calls []inject.Call
		for _, c := range res.Calls {
			if c.Name != "openat" || filepath.Base(c.Path) != ".kcmgen.lock" {
				calls = append(calls, c)
			}
		}
		if len(calls) > 0 {
			t.Errorf("%s: it makes %d calls that change something: %v", name, len(calls), calls)
		}
		if after := inodes(t, s.out()); !maps.Equal(before, after) {
			t.Errorf("%s: inodes or times changed", name)
		}
		t.Logf("promise 7: %s: %d files, %d calls except the lock", name, len(before), len(calls))
	}
	// A change would be seen: the same check of an export that changes something.
	before := inodes(t, s.out())
	s.mustExport(t, one, lessOne...)
	if maps.Equal(before, inodes(t, s.out())) {
		t.Error("control: a change is not seen")
	}
}

// inodes returns what stat shows of all files below a directory, except access times.
func inodes(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(p, &st); err != nil {
			return err
		}
		st.Atim = syscall.Timespec{}
		all[p] = fmt.Sprint(st)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
