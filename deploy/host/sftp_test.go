//go:build unix

package host_test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kcmgen/kcmgen/deploy/host"
	"github.com/kcmgen/kcmgen/gen/tree/treetest"
)

// local is a command of this machine as a host's.
type local struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  io.Reader
	errs *bytes.Buffer
}

func (l *local) Stdin() io.WriteCloser { return l.in }
func (l *local) Stdout() io.Reader     { return l.out }
func (l *local) Stderr() string        { return l.errs.String() }
func (l *local) Close() error {
	_ = l.in.Close()
	return l.cmd.Wait()
}

// start runs a command as sshd would, with the shell.
func start(t *testing.T, command string) host.Process {
	t.Helper()
	l := &local{cmd: exec.Command("/bin/sh", "-c", command), errs: &bytes.Buffer{}}
	var err error
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if l.out, err = l.cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	l.cmd.Stderr = l.errs
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
