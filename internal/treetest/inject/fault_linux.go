//go:build amd64 || arm64

package inject

import (
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// drainTime is how long a kill waits for calls under way to be completed. Only
// one that blocks, such as opening a FIFO, takes long.
const drainTime = time.Second

// callInfo is the kernel's struct ptrace_syscall_info.
type callInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	_    [2]uint64 // instruction and stack pointer
	data [8]uint64 // at entry number and arguments, at exit result
}

// atCall handles that a thread is at the entry or exit of a system call.
func (t *tracer) atCall(th *thread) {
	var info callInfo
	_, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(th.tid),
		unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	switch {
	case e != 0:
		t.fail("reading a system call", e)
	case info.op == unix.PTRACE_SYSCALL_INFO_EXIT:
		t.exit(th, int64(info.data[0]))
	case info.op == unix.PTRACE_SYSCALL_INFO_SECCOMP && info.arch == auditArch && !t.draining:
		spec, ok := specs[info.data[0]]
		if !ok || !t.filter.matches(spec) {
			return
		}
		c := readCall(spec, th.pid, th.tid, [6]uint64(info.data[1:]))
		if t.filter.counts(spec, c) {
			t.enter(th, c)
		}
	}
}

// enter counts the call a thread is at the entry of and does what is due.
func (t *tracer) enter(th *thread, c Call) {
	c.N = len(t.result.Calls) + 1
	t.result.Calls = append(t.result.Calls, c)
	hit := c.N == t.fault.N
	switch t.fault.Kind {
	case faultKill:
		if hit {
			t.result.Hit = true
			t.drain()
			return
		}
	case faultKillAfter:
		if hit {
			t.result.Hit = true
			defer t.drain()
		}
	case faultFailFrom:
		hit = c.N >= t.fault.N && (len(t.fault.Names) == 0 || slices.Contains(t.fault.Names, c.Name))
		fallthrough
	case faultFail:
		if hit {
			t.result.Hit = true
			th.errno = t.fault.Errno
			t.fail("skipping a system call", skipCall(th.tid))
		}
	}
	th.call = c.N
	t.underWay++
}

// exit records the result of the call a thread is at the exit of.
func (t *tracer) exit(th *thread, ret int64) {
	if th.call == 0 {
		return
	}
	if th.errno != 0 {
		t.fail("failing a system call", setError(th.tid, th.errno))
		ret = -int64(th.errno)
	}
	c := &t.result.Calls[th.call-1]
	c.Done, c.Ret = true, ret
	if ret >= 0 && (callSpec{name: c.Name}).isOpen() {
		c.FD = int(ret)
	}
	t.returned(th)
}

// returned notes that a thread is not in a counted call any more.
func (t *tracer) returned(th *thread) {
	if th.call == 0 {
		return
	}
	th.call, th.errno = 0, 0
	t.underWay--
	if t.draining && t.underWay == 0 {
		t.kill()
	}
}

// drain kills everything when the calls under way have returned.
func (t *tracer) drain() {
	t.draining = true
	if t.underWay == 0 {
		t.kill()
		return
	}
	time.AfterFunc(drainTime, t.kill)
}
