//go:build unix

package host_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/tree/treetest"
)

// local is a command of this machine as a host's.
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

// Stderr waits for its end: who asks has seen the end of the output.
func (l *local) Stderr() string {
	l.said.Do(func() {
		text, _ := io.ReadAll(l.errs)
		l.text = string(text)
	})
	return l.text
}

func (l *local) Close() error {
	_ = l.in.Close()
	return l.cmd.Wait()
}

// input is what a command reads. Where it has ended, a channel of SSH says EOF.
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

// TestStaging holds the SFTP folder to what a disk is held to, with the real server.
func TestStaging(t *testing.T) {
	treetest.Staging(t, func(t *testing.T) treetest.Target {
		dir := filepath.Join(t.TempDir(), "root")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		c, err := host.OpenSFTP(t.Context(), start(t, host.SFTPServer(true, "")))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return treetest.Target{FS: c.FS(dir), Dir: dir}
	})
}
