// Command killat kills a kcmgen deploy before a system call:
//
//	killat REPORT PORT PHASE N PAUSE PROGRAM ARGUMENT...
//
// Before the N-th interesting call of a phase the program is stopped. After PAUSE, in which
// the host goes on, it gets SIGKILL, and killat ends with 137. The file REPORT then has the
// phase and the call; if N is 0, the number of calls of each phase. PORT is the port of the
// hosts' sshd. A program without kcmgen's output stays in the first phase.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	runtime.LockOSThread() // only this thread may trace
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "killat:", err)
		code = 1
	}
	os.Exit(code)
}

// killed is a shell's exit status for SIGKILL.
const killed = 128 + int(syscall.SIGKILL)

func run(args []string) (int, error) {
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(args[3])
	if err != nil {
		return 0, err
	}
	pause, err := time.ParseDuration(args[4])
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(args[5], args[6:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	w := &watch{port: port, pid: cmd.Process.Pid, from: args[2], n: n, pause: pause, phase: phases[0], calls: map[string]int{}, ssh: map[uint64]bool{}, in: map[int]bool{}}
	code, err := w.trace()
	return code, errors.Join(err, os.WriteFile(args[0], []byte(w.report()), 0o600))
}

// phases of a deployment of one host, in order.
var phases = []string{"connect", "lock and stage", "check", "commit", "gate", "soak", "confirm", "confirmed"}

// marks are kcmgen's lines at the beginning of a phase.
var marks = []struct{ text, phase string }{
	{"each has up to ", "lock and stage"},
	{": staged:", "check"},
	{": restart:", "commit"},
	{": healthy:", "soak"},
	{": done:", "confirmed"},
}

// interesting are the calls to count: writes to the host or the operator's disk, reads, and
// waits for those.
var interesting = map[uint64]string{
	syscall.SYS_WRITE: "write", syscall.SYS_READ: "read", syscall.SYS_CONNECT: "connect", syscall.SYS_CLOSE: "close",
	syscall.SYS_OPENAT: "openat", syscall.SYS_FSYNC: "fsync", syscall.SYS_RENAMEAT: "renameat", syscall.SYS_UNLINKAT: "unlinkat",
	syscall.SYS_SOCKET: "socket", syscall.SYS_EPOLL_PWAIT: "epoll_pwait", syscall.SYS_FUTEX: "futex",
}

type watch struct {
	port, pid int
	from      string // the phase to count from, up to n
	n         int
	pause     time.Duration

	phase  string
	calls  map[string]int
	since  int    // calls since that phase began
	last   string // the last call of all
	hit    bool
	ssh    map[uint64]bool // descriptors of connections to a host
	writes int             // to those, since the trial began
	in     map[int]bool    // threads within a call
}

const options = syscall.PTRACE_O_TRACESYSGOOD | syscall.PTRACE_O_TRACECLONE | syscall.PTRACE_O_TRACEFORK |
	syscall.PTRACE_O_TRACEVFORK | syscall.PTRACE_O_TRACEEXEC | exitKill

// Constants that package syscall lacks.
const (
	exitKill       = 1 << 20 // PTRACE_O_EXITKILL
	getSyscallInfo = 0x420e  // PTRACE_GET_SYSCALL_INFO
	allThreads     = 0x40000000
)

// trace follows the program from stop to stop. It returns its exit status.
func (w *watch) trace() (int, error) {
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(w.pid, &status, allThreads, nil); err != nil {
		return 0, err
	}
	if err := syscall.PtraceSetOptions(w.pid, options); err != nil {
		return 0, err
	}
	code, known := 0, map[int]bool{w.pid: true}
	if err := syscall.PtraceSyscall(w.pid, 0); err != nil {
		return 0, err
	}
	for {
		tid, err := syscall.Wait4(-1, &status, allThreads, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			if w.hit {
				code = killed
			}
			return code, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return 0, err
		}
		if !status.Stopped() {
			if tid == w.pid && status.Exited() {
				code = status.ExitStatus()
			} else if tid == w.pid {
				code = 128 + int(status.Signal())
			}
			continue
		}
		_ = syscall.PtraceSyscall(tid, int(w.stopped(tid, status, known))) // it may be gone by now
	}
}

// stopped returns the signal to continue a thread with.
func (w *watch) stopped(tid int, status syscall.WaitStatus, known map[int]bool) syscall.Signal {
	fresh := !known[tid]
	known[tid] = true
	switch s := status.StopSignal(); {
	case s == syscall.SIGTRAP|0x80:
		if w.in[tid] = !w.in[tid]; w.in[tid] {
			w.call(tid)
		}
		return 0
	case s == syscall.SIGTRAP:
		if status.TrapCause() == syscall.PTRACE_EVENT_EXEC {
			w.in[tid] = true // its call ends next
		}
		return 0
	case s == syscall.SIGSTOP && fresh:
		return 0 // a new thread
	default:
		return s
	}
}

// call handles a thread before a system call.
func (w *watch) call(tid int) {
	nr, args, ok := entry(tid)
	name := interesting[nr]
	if !ok || name == "" || w.hit {
		return
	}
	w.look(tid, nr, args)
	w.calls[w.phase]++
	w.last = name
	if w.calls[w.from] > 0 {
		w.since++
	}
	if w.n > 0 && w.since == w.n {
		w.hit = true
		time.Sleep(w.pause)
		_ = syscall.Kill(-w.pid, syscall.SIGKILL)
	}
}

// look checks whether the next phase begins after a call.
func (w *watch) look(tid int, nr uint64, args [6]uint64) {
	switch nr {
	case syscall.SYS_CONNECT:
		address := make([]byte, 4)
		if _, err := syscall.PtracePeekData(tid, uintptr(args[1]), address); err != nil || int(binary.BigEndian.Uint16(address[2:])) != w.port {
			return
		}
		w.ssh[args[0]] = true
		if w.phase == "soak" {
			w.phase = "confirm" // over a new connection
		}
	case syscall.SYS_CLOSE:
		delete(w.ssh, args[0])
	case syscall.SYS_WRITE:
		if w.ssh[args[0]] && w.phase == "commit" {
			if w.writes++; w.writes == 2 { // the second write after the trial: it was answered
				w.phase = "gate"
			}
		}
		if args[0] == 1 || args[0] == 2 {
			w.says(tid, uintptr(args[1]), int(args[2]))
		}
	}
}

func (w *watch) says(tid int, at uintptr, size int) {
	text := make([]byte, min(size, 1<<16))
	if _, err := syscall.PtracePeekData(tid, at, text); err != nil {
		return
	}
	for _, m := range marks {
		if bytes.Contains(text, []byte(m.text)) {
			w.phase = m.phase
		}
	}
}

// entry returns the number and the arguments of the call that a thread is about to make.
func entry(tid int) (uint64, [6]uint64, bool) {
	var info struct {
		op            uint8
		_             [3]uint8
		arch          uint32
		pointer, pile uint64
		nr            uint64
		args          [6]uint64
		_             [4]uint64
	}
	_, _, errno := syscall.Syscall6(syscall.SYS_PTRACE, getSyscallInfo, uintptr(tid), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	return info.nr, info.args, errno == 0 && info.op == 1
}

func (w *watch) report() string {
	if w.hit {
		return w.phase + "\n" + w.last + "\n"
	}
	var b strings.Builder
	for _, p := range phases {
		fmt.Fprintf(&b, "%d %s\n", w.calls[p], p)
	}
	return b.String()
}
