//go:build amd64 || arm64

package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/internal/treetest/inject"

	"github.com/kcmgen/kcmgen/gen/keys"
)

// others are files that kcmgen didn't write, by path in the cluster's directory. They get an
// old time, so that a touch shows.
var others = map[string]func(name string) error{
	"notes.txt":         func(n string) error { return os.WriteFile(n, []byte("mine\n"), 0o640) },
	".hidden":           func(n string) error { return os.WriteFile(n, nil, 0o600) },
	"pki/old-ca.key":    func(n string) error { return os.WriteFile(n, []byte("PRIVATE"), 0o400) },
	"nodes/cp-1/script": func(n string) error { return os.WriteFile(n, []byte("#!/bin/sh\n"), 0o755) },
	"unreadable":        func(n string) error { return os.WriteFile(n, []byte("x"), 0) },
	"empty":             func(n string) error { return os.Mkdir(n, 0o750) },
	"theirs":            func(n string) error { return os.Mkdir(n, 0o711) },
	"theirs/file":       func(n string) error { return os.WriteFile(n, []byte("x"), 0o666) },
	"nodes/cp-9":        func(n string) error { return os.Mkdir(n, 0o755) },
	"nodes/cp-9/unit":   func(n string) error { return os.WriteFile(n, []byte("x"), 0o644) },
	"link":              func(n string) error { return os.Symlink("notes.txt", n) },
	"dangling":          func(n string) error { return os.Symlink("/nowhere/at/all", n) },
	"outside":           func(n string) error { return os.Symlink("../../..", n) },
	"fifo":              func(n string) error { return syscall.Mkfifo(n, 0o622) },
}

// plantOthers puts all of them into a tree.
func plantOthers(t *testing.T, demo string) []string {
	t.Helper()
	var names []string
	for name := range others {
		names = append(names, name)
	}
	slices.Sort(names)
	past := time.Unix(1e9, 5)
	for _, name := range names {
		if err := others[name](filepath.Join(demo, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Backward(names) {
		if err := lutimes(filepath.Join(demo, name), past); err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// sight returns what must stay of a foreign file: kind, mode, owner and contents, and its
// time.
func sight(t *testing.T, name string) (what, when string) {
	t.Helper()
	fi, err := os.Lstat(name)
	if err != nil {
		return "gone", ""
	}
	data := ""
	switch {
	case fi.Mode()&os.ModeSymlink != 0:
		data, _ = os.Readlink(name)
	case fi.Mode().IsRegular():
		b, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrPermission) {
			t.Fatal(err)
		}
		data = string(b)
	}
	st := fi.Sys().(*syscall.Stat_t)
	return strings.Join([]string{fi.Mode().String(), data, string(rune('0' + st.Uid%10))}, " "), fi.ModTime().UTC().String()
}

// testForeign is promise 8: files that kcmgen didn't write are reported, and stay as they
// are unless --prune is given.
func testForeign(t *testing.T, l *lab) {
	s := l.site(t)
	s.reset(t, l.one)
	names := plantOthers(t, s.demo())
	type seen struct{ what, when string }
	before := map[string]seen{}
	for _, n := range names {
		what, when := sight(t, filepath.Join(s.demo(), n))
		before[n] = seen{what, when}
	}
	for i, v := range []variant{one, two, two, one} { // unchanged, changed, unchanged, a node less
		var more []string
		if i == 3 {
			more = lessOne
		}
		code, stdout, stderr := s.run(t, s.args(v, more...)...)
		if code != 0 {
			t.Fatalf("%s: exit %d\n%s", v.name, code, stderr)
		}
		for _, n := range names {
			if !strings.Contains(stderr, "demo: kept "+n+": kcmgen didn't write it") {
				t.Errorf("%s: %s is not reported", v.name, n)
			}
			what, when := sight(t, filepath.Join(s.demo(), n))
			if what != before[n].what {
				t.Errorf("%s: %s was %q, is %q", v.name, n, before[n].what, what)
			} else if when != before[n].when {
				t.Errorf("%s: %s is of %s, was of %s", v.name, n, when, before[n].when)
			}
		}
		if err := whole(s.demo(), v, names); err != nil {
			t.Errorf("%s: %v\n%s", v.name, err, stdout)
		}
	}
	_, _, stderr := s.run(t, s.args(one, "--prune")...)
	var kept []string
	for _, n := range names {
		word := "removed "
		if keys.IsKeyPath(n) {
			word, kept = "kept ", append(kept, n)
		}
		if !strings.Contains(stderr, "demo: "+word+n+": ") {
			t.Errorf("--prune doesn't report %s:\n%s", n, stderr)
		}
	}
	if err := whole(s.demo(), one, kept); err != nil {
		t.Errorf("--prune: %v", err)
	}
	if what, _ := sight(t, s.work()); !strings.HasPrefix(what, "d") {
		t.Error("--prune followed a link")
	}
	t.Logf("promise 8: %d kinds of files × 4 exports and --prune", len(names))
	inTheWay(t, l)
	fileForDirectory(t, l)
	fifoForOurs(t, l)
	t.Run("another's file", func(t *testing.T) { anothersFile(t, l) })
}

// fileForDirectory puts a foreign file where the manifest lists a directory.
func fileForDirectory(t *testing.T, l *lab) {
	s := l.site(t)
	s.reset(t, l.one)
	found, err := filepath.Glob(filepath.Join(s.demo(), "nodes/cp-1/etc/kubernetes/kcmgen/*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	if err := os.RemoveAll(found[0]); err != nil {
		t.Fatal(err)
	}
	writeFile(t, found[0], "the only copy", 0o600)
	code, _, stderr := s.run(t, s.args(one)...)
	if data, err := os.ReadFile(found[0]); code != 1 || string(data) != "the only copy" {
		t.Errorf("exit %d, %v, the file is gone\n%s", code, err, stderr)
	}
}

// fifoForOurs puts fifos where kcmgen reads files: it must not block.
func fifoForOurs(t *testing.T, l *lab) {
	for _, name := range []string{"demo/manifest.json", "demo/pki/ca.key", ".gitignore", ".kcmgen.lock"} {
		s := l.site(t)
		s.reset(t, l.one)
		fifo := filepath.Join(s.out(), name)
		if err := errors.Join(os.Remove(fifo), syscall.Mkfifo(fifo, 0o600)); err != nil {
			t.Fatal(err)
		}
		res, err := inject.Trace(t.Context(), s.program(s.args(two)))
		if errors.Is(err, inject.ErrTimeout) {
			t.Errorf("%s: it waits for ever", name)
		} else if err != nil || res.Exit > 1 || res.Exit == 1 && !strings.Contains(string(res.Output), strings.TrimPrefix(name, "demo/")) {
			t.Errorf("%s: exit %d, %v\n%s", name, res.Exit, err, res.Output)
		}
	}
}

// inTheWay puts a foreign file where the tree needs its own.
func inTheWay(t *testing.T, l *lab) {
	for name, plant := range map[string]func(n string) error{
		"file": func(n string) error { return os.WriteFile(n, []byte("the only copy"), 0o600) },
		"link": func(n string) error { return os.Symlink("/etc/passwd", n) },
		"fifo": func(n string) error { return syscall.Mkfifo(n, 0o600) },
		"a directory": func(n string) error {
			return errors.Join(os.Mkdir(n, 0o755), os.WriteFile(n+"/x", nil, 0o600))
		},
	} {
		for _, at := range []string{"pki/nodes/cp-2", "nodes/cp-2/etc", "nodes/cp-2/etc/systemd/system/kube-controller-manager.service", "pki/nodes/cp-2/client.key"} {
			directory := !strings.Contains(filepath.Base(at), ".")
			if name == "a directory" && directory {
				continue // it is one anyway
			}
			s := l.site(t)
			s.reset(t, l.one)
			file := filepath.Join(s.demo(), at)
			mkdir(t, filepath.Dir(file))
			if err := plant(file); err != nil {
				t.Fatal(err)
			}
			before := look(t, s.out(), "")
			code, _, stderr := s.run(t, s.args(two)...)
			if code != 1 || !strings.Contains(stderr, at) {
				t.Errorf("%s at %s: exit %d\n%s", name, at, code, stderr)
			}
			after := look(t, s.out(), "")
			delete(before, ".")
			delete(after, ".")
			if d := before.differs(after); d != "" {
				t.Errorf("%s at %s: it changed\n%s", name, at, d)
			}
			if code, _, stderr := s.run(t, s.args(two, "--prune")...); keys.IsKeyPath(at) {
				now := look(t, s.out(), "")
				delete(now, ".")
				if d := after.differs(now); code != 1 || d != "" {
					t.Errorf("%s at %s: --prune takes a key away: exit %d\n%s%s", name, at, code, d, stderr)
				}
			} else if code != 0 {
				t.Errorf("%s at %s: --prune: exit %d\n%s", name, at, code, stderr)
			} else if err := whole(s.demo(), two, nil); err != nil {
				t.Errorf("%s at %s: --prune: %v", name, at, err)
			}
		}
	}
}

// anothersFile puts another user's file into the tree of an unprivileged user: the kernel's
// protected_hardlinks forbids linking it.
func anothersFile(t *testing.T, l *lab) {
	need.Root(t)
	for _, mode := range []os.FileMode{0o644, 0o600} {
		s := l.site(t)
		s.reset(t, l.one)
		err := filepath.WalkDir(s.out(), func(p string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(p, otherUID, otherUID))
		})
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(s.demo(), "roots")
		writeFile(t, name, "root's\n", mode)
		if err := lutimes(name, time.Unix(1e9, 0)); err != nil {
			t.Fatal(err)
		}
		what, when := sight(t, name)
		cmd := s.command(t, s.args(two)...)
		if !becomeUser(&cmd.SysProcAttr, otherUID) {
			return
		}
		code, _, stderr := runCmd(t, cmd)
		whatNow, whenNow := sight(t, name)
		switch {
		case code == 1 && strings.Contains(stderr, "roots") && what == whatNow && when == whenNow:
			t.Logf("root's %v file stops it: %s", mode, strings.TrimSpace(stderr))
		case code != 0 || !strings.Contains(stderr, "kept roots"):
			t.Errorf("root's %v file: exit %d\n%s", mode, code, stderr)
		case what != whatNow || when != whenNow:
			t.Errorf("root's %v file was %q of %s, is %q of %s", mode, what, when, whatNow, whenNow)
		}
	}
}
