package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestKeyModes is promise 10 on a host: its sftp-server, traced, creates no key file that
// other users could open, even for a moment.
func TestKeyModes(t *testing.T) {
	g := onGround(t)
	s := newSite(t, g, g.Hosts[0])
	const waiting = "echo $$ >/run/sftp.pid; while [ ! -e /run/go ]; do sleep 0.05; done; rm /run/go\n"
	if err := s.h.WrapSFTP(t.Context(), "#!/bin/sh\n"+waiting+realSFTP+"\n"); err != nil {
		t.Fatal(err)
	}
	made, wide := s.traceSFTP(t, func() {
		r, err := s.run(t.Context(), s.a, s.deploy()...)
		if err != nil || r.code != 0 {
			t.Errorf("exit %d, %v\n%s", r.code, err, r.err)
		}
	})
	if len(wide) > 0 || made < 7 {
		t.Errorf("%d made, for others: %q", made, wide)
	}
	figure(t, "files that sftp-server makes", "%d, none of them for others before its mode is set, no key ever", made)
	// A writer that changes the mode afterwards is noticed.
	key := filepath.Join(s.a.dir, "copy.key")
	write(t, key, "secret")
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(s.a.dir, "batch"), "put copy.key /etc/copy.key\nchmod 600 /etc/copy.key\n")
	if _, wide := s.traceSFTP(t, func() {
		_, _ = s.run(t.Context(), s.a, "sftp", "-q", "-F", s.o.SSHConfig, "-b", "batch", "root@"+s.h.Name)
	}); len(wide) == 0 {
		t.Error("a key that others could open for a moment wasn't found")
	}
}

// traceSFTP traces the sftp-server that do starts. It returns how many files and directories
// that created, and which of them other users could open: when created or, for keys, at any
// time.
func (s *site) traceSFTP(t *testing.T, do func()) (made int, wide []string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace")
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	var inner string
	eventually(t, func() error {
		out, err := s.h.Do(t.Context(), "cat", "/run/sftp.pid")
		inner = strings.TrimSpace(out)
		return err
	})
	pid, umask := s.outer(t, inner)
	cmd := s.o.Command("strace", "-f", "-qq", "-y", "-o", file, "-e", "trace=openat,mkdir,chmod,fchmod,fchmodat,execve,umask", "-p", pid)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		status, err := os.ReadFile("/proc/" + pid + "/status")
		if err == nil && strings.Contains(string(status), "TracerPid:\t0\n") {
			err = fmt.Errorf("it isn't traced yet")
		}
		return err
	})
	if _, err := s.h.Do(t.Context(), "sh", "-c", "rm /run/sftp.pid; touch /run/go"); err != nil {
		t.Fatal(err)
	}
	<-done
	_ = cmd.Wait()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	creates := regexp.MustCompile(`(?m)(?:openat|mkdir)\((?:AT_FDCWD[^,]*, )?"([^"]+)", (?:[A-Z_|]*O_CREAT[A-Z_|]*, )?(0[0-7]+)\) = \d`)
	for _, m := range creates.FindAllStringSubmatch(string(text), -1) {
		made++
		mode, _ := strconv.ParseUint(m[2], 8, 32)
		if mode&^umask&0o077 != 0 {
			wide = append(wide, m[0])
		}
	}
	changes := regexp.MustCompile(`(?m)f?chmod(?:at)?\((?:\d+<([^>]+)>|"([^"]+)"|AT_FDCWD[^,]*, "([^"]+)"), (0[0-7]+)`)
	for _, m := range changes.FindAllStringSubmatch(string(text), -1) {
		name := m[1] + m[2] + m[3]
		mode, _ := strconv.ParseUint(m[4], 8, 32)
		if mode&0o077 != 0 && (strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".conf")) {
			wide = append(wide, m[0])
		}
	}
	return made, wide
}

// outer returns the PID of a host's process in this machine's numbering, and its umask.
func (s *site) outer(t *testing.T, inner string) (pid string, umask uint64) {
	t.Helper()
	files, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, file := range files {
		status, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid := filepath.Base(filepath.Dir(file))
		if !regexp.MustCompile(`(?m)^NSpid:\t`+pid+`\t`+inner+`$`).Match(status) || !sameNamespace(pid, s.h.PID()) {
			continue
		}
		m := regexp.MustCompile(`(?m)^Umask:\t(\d+)$`).FindSubmatch(status)
		umask, err := strconv.ParseUint(string(m[1]), 8, 32)
		if err != nil {
			t.Fatal(err)
		}
		return pid, umask
	}
	t.Fatalf("no process %s on the host", inner)
	return "", 0
}

func sameNamespace(pid string, init int) bool {
	a, err := os.Readlink("/proc/" + pid + "/ns/pid")
	b, berr := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", init))
	return err == nil && berr == nil && a == b
}
