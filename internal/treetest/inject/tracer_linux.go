//go:build amd64 || arm64

package inject

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A tracer runs one program. All but kill must be called on one thread.
type tracer struct {
	fault  fault
	filter filter

	root      int  // the program's process
	started   bool // the stage has become the program
	threads   map[int]*thread
	result    Result
	underWay  int  // counted calls that have been entered and have not returned
	draining  bool // the kill is due when underWay is 0
	firstErr  error
	timedOut  atomic.Bool
	mu        sync.Mutex
	killing   bool // nothing is resumed any more
	processes map[int]bool
}

// A thread is a traced thread.
type thread struct {
	tid, pid int
	call     int           // number of the counted call it is in, or 0
	errno    syscall.Errno // what that call is made to return, or 0
}

// traceProgram carries out a request.
func traceProgram(req request) reply {
	runtime.LockOSThread() // the thread that starts the program has to trace it
	f, err := newFilter(req.Program.Only, req.Program.Under)
	if err != nil {
		return reply{Error: err.Error()}
	}
	t := &tracer{fault: req.Fault, filter: f, threads: map[int]*thread{}, processes: map[int]bool{}}
	if err := t.start(req); err != nil {
		return reply{Error: fmt.Sprintf("starting %s: %v", req.Path, err)}
	}
	limit := time.AfterFunc(req.Program.Timeout, func() {
		t.timedOut.Store(true)
		t.kill()
	})
	t.loop()
	limit.Stop()
	rep := reply{Result: t.result, TimedOut: t.timedOut.Load()}
	switch {
	case t.firstErr != nil:
		rep.Error = t.firstErr.Error()
	case !t.started && !rep.TimedOut:
		rep.Error = fmt.Sprintf("starting %s: %v", req.Path, syscall.Errno(t.result.Exit))
	}
	return rep
}

// start starts the stage that becomes the program.
func (t *tracer) start(req request) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	attr := &syscall.ProcAttr{
		Dir:   req.Program.Dir,
		Env:   req.Program.Env,
		Files: []uintptr{null.Fd(), 1, 2},
		// Pdeathsig is for the time until PTRACE_O_EXITKILL is set.
		Sys: &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL},
	}
	if u := req.Program.User; u != nil {
		attr.Sys.Credential = &syscall.Credential{Uid: u.UID, Gid: u.GID}
	}
	pid, err := syscall.ForkExec(selfExe, stageArgs(req), attr)
	if err != nil {
		return err
	}
	t.root = pid
	var ws unix.WaitStatus
	if _, err := unix.Wait4(pid, &ws, unix.WALL, nil); err != nil {
		return err
	}
	if !ws.Stopped() {
		return fmt.Errorf("it did not stop to be traced (status %#x)", uint32(ws))
	}
	const options = unix.PTRACE_O_EXITKILL | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACEEXEC |
		unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
		unix.PTRACE_O_TRACESECCOMP
	if err := unix.PtraceSetOptions(pid, options); err != nil {
		return err
	}
	t.thread(pid)
	return unix.PtraceCont(pid, 0)
}

// loop handles what is traced until all of it has ended.
func (t *tracer) loop() {
	for {
		var ws unix.WaitStatus
		tid, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			if err != unix.ECHILD {
				t.fail("waiting", err)
			}
			return
		case ws.Stopped():
			t.stopped(t.thread(tid), ws)
		default:
			t.ended(tid, ws)
		}
	}
}

// fail ends the run with an error, unless it is that the thread has just died.
func (t *tracer) fail(what string, err error) {
	if err == nil || errors.Is(err, unix.ESRCH) {
		return
	}
	if t.firstErr == nil {
		t.firstErr = fmt.Errorf("%s: %w", what, err)
	}
	t.kill()
}

// kill kills everything, now and from now on. It may be called on any thread.
func (t *tracer) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.killing = true
	for pid := range t.processes {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// thread returns the state of a thread, which may be seen for the first time.
func (t *tracer) thread(tid int) *thread {
	if th := t.threads[tid]; th != nil {
		return th
	}
	th := &thread{tid: tid, pid: processOf(tid)}
	t.threads[tid] = th
	t.mu.Lock()
	defer t.mu.Unlock()
	t.processes[th.pid] = true
	if t.killing {
		_ = unix.Kill(th.pid, unix.SIGKILL)
	}
	return th
}

// processOf returns the process of a thread that has not been waited for.
func processOf(tid int) int {
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/status")
	for line := range bytes.Lines(status) {
		if id, ok := bytes.CutPrefix(line, []byte("Tgid:")); ok {
			if pid, err := strconv.Atoi(string(bytes.TrimSpace(id))); err == nil {
				return pid
			}
		}
	}
	return tid
}

// ended handles the end of a thread.
func (t *tracer) ended(tid int, ws unix.WaitStatus) {
	if th := t.threads[tid]; th != nil {
		t.returned(th)
		delete(t.threads, tid)
	}
	t.mu.Lock()
	delete(t.processes, tid)
	t.mu.Unlock()
	if tid != t.root {
		return
	}
	t.result.Exit = -1
	if ws.Exited() {
		t.result.Exit = ws.ExitStatus()
	} else {
		t.result.Signal = ws.Signal()
	}
}

// stopped handles the stop of a thread and decides whether it runs on.
func (t *tracer) stopped(th *thread, ws unix.WaitStatus) {
	signal := 0
	switch sig := ws.StopSignal(); {
	case sig == unix.SIGTRAP|0x80, uint32(ws)>>16 == unix.PTRACE_EVENT_SECCOMP:
		t.atCall(th)
	case uint32(ws)>>16 == unix.PTRACE_EVENT_EXEC:
		t.execed(th)
	case uint32(ws)>>16 != 0: // a new thread or process, which comes by itself
	case sig == unix.SIGSTOP, sig == unix.SIGTSTP, sig == unix.SIGTTIN, sig == unix.SIGTTOU:
		// The first stop of a new thread; or job control, which is not for it.
	default:
		signal = int(sig)
	}
	t.mu.Lock()
	held := t.killing
	t.mu.Unlock()
	// While draining only those within a counted call run on.
	if held || t.draining && th.call == 0 {
		return
	}
	resume := unix.PtraceCont // to the next call the filter picks
	if th.call != 0 {
		resume = unix.PtraceSyscall // to the exit of this one
	}
	t.fail("resuming", resume(th.tid, signal))
}

// execed handles that a thread has become a new program, all by itself and
// with the id of its process's first thread.
func (t *tracer) execed(th *thread) {
	for tid, other := range t.threads {
		if other.pid == th.pid && tid != th.tid {
			t.returned(other)
			delete(t.threads, tid)
		}
	}
	t.returned(th)
	t.started = t.started || th.tid == t.root
}
