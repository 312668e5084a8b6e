package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kcmgen/kcmgen/internal/need"
)

func TestRun(t *testing.T) {
	m, s := ready(t)
	conn := dial(t, m, s.target())
	if conn.User() != m.User || conn.Host() != m.User+"@"+s.address() {
		t.Errorf("%s, %s", conn.User(), conn.Host())
	}
	out, errs, exit, err := conn.Run(t.Context(), "cat; echo oops >&2; exit 7", strings.NewReader("in"))
	if string(out) != "in" || string(errs) != "oops\n" || exit != 7 || err != nil {
		t.Errorf("%q %q %d %v", out, errs, exit, err)
	}
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // more than a window
	out, _, exit, err = conn.Run(t.Context(), "cat", bytes.NewReader(large))
	if !bytes.Equal(out, large) || exit != 0 || err != nil {
		t.Errorf("%d of %d bytes, %d %v", len(out), len(large), exit, err)
	}
	_, _, exit, err = conn.Run(t.Context(), "true", bytes.NewReader(large)) // reads nothing
	if exit != 0 || err != nil {
		t.Errorf("%d %v", exit, err)
	}
	var status *ExitError
	if _, _, _, err = conn.Run(t.Context(), "kill -KILL $$", nil); !errors.As(err, &status) || status.Signal != "KILL" {
		t.Errorf("a command that is killed: %v", err)
	}
	if _, _, _, err = conn.Run(t.Context(), "head -c 17000000 /dev/zero", nil); err == nil || !strings.Contains(err.Error(), "16777216") {
		t.Errorf("a command without end: %v", err)
	}
	scaled(t, 3*time.Second, func(unit time.Duration) string {
		ctx, cancel := context.WithTimeout(t.Context(), unit)
		defer cancel()
		out, _, _, err := conn.Run(ctx, "echo begun; exec sleep 1000", nil)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a command that takes too long: %q %v", out, err)
		} else if string(out) != "begun\n" {
			return fmt.Sprintf("%q", out)
		}
		return ""
	})
	// Eight sessions that wait for each other are open at the same time.
	here := filepath.Join(t.TempDir(), "here")
	wait := "echo >>" + here + "; until [ $(wc -l <" + here + ") -ge 8 ]; do sleep 0.1; done"
	within := need.Time(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, _, exit, err := conn.Run(within, wait, nil); exit != 0 || err != nil {
				t.Errorf("session %d: %d %v", i, exit, err)
			}
		})
	}
	all.Wait()
	_ = conn.Close()
	if _, _, _, err := conn.Run(t.Context(), "true", nil); !errors.Is(err, net.ErrClosed) || !errors.Is(conn.Err(), net.ErrClosed) {
		t.Errorf("after Close: %v, %v", err, conn.Err())
	}
	settled(t)
}

func TestStart(t *testing.T) {
	m, s := ready(t)
	conn := dial(t, m, s.target())
	shell, err := conn.Start(t.Context(), "sh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(shell.Stdin, "echo hello; exit 3\n"); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(shell.Stdout)
	var status *ExitError
	if err2 := shell.Wait(); string(out) != "hello\n" || err != nil || !errors.As(err2, &status) || status.Status != 3 {
		t.Errorf("%q %v %v", out, err, err2)
	}
	if err := errors.Join(shell.Stdin.Close(), shell.Close()); err != nil {
		t.Error(err)
	}
	sftp, err := conn.Subsystem(t.Context(), "sftp")
	if err != nil {
		t.Fatal(err)
	}
	hello := []byte{0, 0, 0, 5, 1, 0, 0, 0, 3} // SSH_FXP_INIT, version 3
	answer := make([]byte, 9)
	if _, err := sftp.Stdin.Write(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(sftp.Stdout, answer); err != nil || answer[4] != 2 {
		t.Errorf("sftp answers % x, %v", answer, err)
	}
	_ = sftp.Close()
	if _, err := conn.Subsystem(t.Context(), "nothing"); err == nil || !strings.Contains(err.Error(), `refuses "nothing"`) {
		t.Errorf("a subsystem that there isn't: %v", err)
	}
}

// TestServerGone: output that is cut off doesn't end with EOF.
func TestServerGone(t *testing.T) {
	m, s := ready(t)
	conn := dial(t, m, s.target())
	session, err := conn.Start(t.Context(), "echo $PPID; exec sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(session.Stdout, &pid); err != nil {
		t.Fatal(err)
	}
	sshd, err := os.FindProcess(pid) // the test's own, of this connection
	if err == nil {
		err = sshd.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := session.Stdout.Read(make([]byte, 9)); err == nil || err == io.EOF {
		t.Errorf("reading on: %d bytes, %v", n, err)
	}
	var at *Error
	if err := session.Wait(); !errors.As(err, &at) || !strings.Contains(err.Error(), "closed the connection") {
		t.Errorf("waiting: %v", err)
	}
	<-conn.Done()
	if err := conn.Err(); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("the reason: %v", err)
	}
	_ = conn.Close()
	settled(t)
}
