package inject

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// auditArch is the value by which the kernel names this architecture.
const auditArch = unix.AUDIT_ARCH_X86_64

// archSpecs are the calls that not all architectures have.
var archSpecs = map[uint64]callSpec{
	unix.SYS_OPEN:       {"open", "pfm", true},
	unix.SYS_CREAT:      {"creat", "pm", true},
	unix.SYS_MKDIR:      {"mkdir", "pm", true},
	unix.SYS_MKNOD:      {"mknod", "pm", true},
	unix.SYS_RENAME:     {"rename", "pp", true},
	unix.SYS_RENAMEAT:   {"renameat", "dpdp", true},
	unix.SYS_LINK:       {"link", "pp", true},
	unix.SYS_SYMLINK:    {"symlink", "tp", true},
	unix.SYS_UNLINK:     {"unlink", "p", true},
	unix.SYS_RMDIR:      {"rmdir", "p", true},
	unix.SYS_CHMOD:      {"chmod", "pm", true},
	unix.SYS_CHOWN:      {"chown", "p", true},
	unix.SYS_LCHOWN:     {"lchown", "p", true},
	unix.SYS_UTIME:      {"utime", "p", true},
	unix.SYS_UTIMES:     {"utimes", "p", true},
	unix.SYS_FUTIMESAT:  {"futimesat", "dp", true},
	unix.SYS_NEWFSTATAT: {"newfstatat", "dp.f", false},
}

// skipCall makes the system call a thread is at the entry of not be executed.
func skipCall(tid int) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	regs.Orig_rax = ^uint64(0)
	return unix.PtraceSetRegs(tid, &regs)
}

// setError makes the system call a thread is at the exit of return errno.
func setError(tid int, errno syscall.Errno) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &regs); err != nil {
		return err
	}
	regs.Rax = uint64(-int64(errno))
	return unix.PtraceSetRegs(tid, &regs)
}
