//go:build linux

package ground

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Result is the result of a program.
type Result struct {
	Out, Err string
	Code     int
}

// program runs one of this machine's programs and returns its output.
func program(ctx context.Context, name string, args ...string) (string, error) {
	r, err := finish(ctx, exec.Command(name, args...))
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("%s %q: exit status %d: %s", name, args, r.Code, strings.TrimSpace(r.Err))
	}
	return r.Out, err
}

// finish runs a program to its end, or until ctx ends, which kills it. An exit status is no
// error; a program that didn't start or was killed is one.
func finish(ctx context.Context, cmd *exec.Cmd) (Result, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second // children may hold its pipes
	if err := cmd.Start(); err != nil {
		return Result{}, err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	r := Result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && r.Code >= 0 {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), errors.Join(err, ctx.Err()), strings.TrimSpace(r.Err))
	}
	return r, err
}

// daemon is a program that runs during the test, and never longer.
type daemon struct {
	name string
	cmd  *exec.Cmd
	gone chan struct{}
	err  error // how it ended, once gone is closed
	pid  string
}

// launch starts cmd with its output in the log of that name. The kernel kills it when the
// test's process dies. If that fails, the next run finds it by its file in pids.
func (g *Ground) launch(name string, cmd *exec.Cmd) (*daemon, error) {
	log, err := os.OpenFile(filepath.Join(g.Logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	d := &daemon{name: name, cmd: cmd, gone: make(chan struct{}), pid: filepath.Join(g.state, "pids", name)}
	go func() {
		d.err = cmd.Wait()
		close(d.gone)
	}()
	if err := writePID(d.pid, cmd.Process.Pid); err != nil {
		d.kill()
		return nil, err
	}
	return d, nil
}

// kill ends it at once, and waits until it is gone.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.gone
	_ = os.Remove(d.pid)
}

// poll calls ask until it returns nil, the daemon (may be nil) has ended, or ctx ends. The
// error includes the last answer.
func poll(ctx context.Context, d *daemon, ask func() error) error {
	gone := make(chan struct{})
	if d != nil {
		gone = d.gone
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-gone:
			return fmt.Errorf("%s ended: %w; before that: %w", d.name, d.err, err)
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
