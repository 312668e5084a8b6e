package inject

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditArch is the value by which the kernel names this architecture.
const auditArch = unix.AUDIT_ARCH_AARCH64

// archSpecs are the calls that not all architectures have.
var archSpecs = map[uint64]callSpec{
	unix.SYS_RENAMEAT: {"renameat", "dpdp", true},
	unix.SYS_FSTATAT:  {"newfstatat", "dp.f", false},
}

// skipCall makes the system call a thread is at the entry of not be executed.
func skipCall(tid int) error {
	nr := int32(-1)
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&nr)), Len: uint64(unsafe.Sizeof(nr))}
	_, _, e := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SETREGSET, uintptr(tid),
		unix.NT_ARM_SYSTEM_CALL, uintptr(unsafe.Pointer(&iov)), 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// setError makes the system call a thread is at the exit of return errno.
func setError(tid int, errno syscall.Errno) error {
	var regs unix.PtraceRegsArm64
	if err := unix.PtraceGetRegSetArm64(tid, unix.NT_PRSTATUS, &regs); err != nil {
		return err
	}
	regs.Regs[0] = uint64(-int64(errno))
	return unix.PtraceSetRegSetArm64(tid, unix.NT_PRSTATUS, &regs)
}
