//go:build linux

package host_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/internal/need"
	"github.com/kcmgen/kcmgen/internal/treetest"
)

// local is a command of this machine that acts as a host's.
type local struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.Reader
	errs io.Reader
	said sync.Once
	text string
}

func (l *local) Stdin() io.WriteCloser { return input{l.in} }
func (l *local) Stdout() io.Reader     { return l.out }

// Stderr waits for its end: the caller has seen the end of the output.
func (l *local) Stderr() string {
	l.said.Do(func() {
		text, _ := io.ReadAll(l.errs)
		l.text = string(text)
	})
	return l.text
}

func (l *local) Close() error {
	_ = l.in.Close()
	_ = l.out.(io.Closer).Close() // the rest isn't read
	return l.cmd.Wait()
}

// input is a command's standard input. After its end writes return EOF, as with SSH.
type input struct{ io.WriteCloser }

func (i input) Write(p []byte) (int, error) {
	n, err := i.WriteCloser.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = io.EOF
	}
	return n, err
}

// start runs a command as sshd would, with the shell.
func start(t *testing.T, command string) host.Process {
	t.Helper()
	l := &local{cmd: exec.Command("/bin/sh", "-c", command)}
	var err error
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if l.out, err = l.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if l.errs, err = l.cmd.StderrPipe(); err != nil {
		t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestStaging runs the conformance suite of tree.FS with the real SFTP server.
func TestStaging(t *testing.T) {
	need.Program(t, "sftp-server")
	treetest.Staging(t, func(t *testing.T, dir string) treetest.Target {
		c, err := host.OpenSFTP(t.Context(), start(t, host.SFTPServer(true, "")))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return treetest.Target{FS: c.FS(dir), Dir: dir}
	})
}

// lingering is a server whose output stays open after its end, as if a child held it.
type lingering struct {
	host.Process
	out io.Reader
}

func (l lingering) Stdout() io.Reader { return l.out }

// TestSFTPCloseDoesNotWait: closing doesn't wait for the end of the output.
func TestSFTPCloseDoesNotWait(t *testing.T) {
	need.Program(t, "sftp-server")
	p := start(t, host.SFTPServer(true, ""))
	r, w := io.Pipe()
	go io.Copy(w, p.Stdout()) //nolint:errcheck // it ends with the server
	client, err := host.OpenSFTP(within(t), lingering{p, r})
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- client.Close() }()
	select {
	case err := <-closed:
		t.Log(err) // that it was killed
	case <-within(t).Done():
		t.Error("it waits for the end of the output")
	}
	_ = w.Close()
}

// TestSFTPNoise: text that a login shell prints before the server's first packet is
// skipped. If it is too much, or the server doesn't start, the error says so.
func TestSFTPNoise(t *testing.T) {
	need.Program(t, "sftp-server")
	server := host.SFTPServer(true, "")
	for _, c := range []struct{ name, before, says string }{
		{"a greeting", "echo welcome; ", ""},
		{"without a line end", "printf welcome; ", ""},
		{"almost the mark", "printf '#kcmgen sftp'; ", ""},
		{"the mark, and more", "printf '#kcmgen sftp \\n'; ", ""},
		{"not text", `printf '\000\377\n\001\002'; `, ""},
		{"a screenful", "yes welcome | head -n 5000; ", ""},
		{"a megabyte", "yes welcome | head -c 1000000; ", `the login's shell prints "welcome" by itself: the server's own answer isn't within`},
		{"and nothing else", "echo welcome; exit 1; ", `the login's shell prints "welcome" by itself: EOF`},
		{"and a reason", "echo welcome; echo no more >&2; exit 1; ", "no more"},
		{"after the mark", "printf '\\n#kcmgen sftp\\nwelcome to this host\\n'; ", "prints text between the server's answers: packet too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			p := start(t, c.before+server)
			client, err := host.OpenSFTP(within(t), p)
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("%v, expected %q", err, c.says)
				}
				_ = p.Close()
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.FS(dir).Mkdir("made", 0o700); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "made")); err != nil {
				t.Error(err)
			}
		})
	}
}
