//go:build amd64 || arm64

package inject

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Stopping at every system call would take several times as long, so a filter
// in the kernel picks those that may count. A process has to put it on itself:
// what the helper starts is a stage, again the test binary, that does so and
// then becomes the program. Its arguments are stageName, the names in
// Program.Only, the path of the program, and the program's arguments.
const stageName = "kcmgen-inject-stage"

// stageArgs makes the arguments of the stage for a request.
func stageArgs(req request) []string {
	only := strings.Join(req.Program.Only, ",")
	return append([]string{stageName, only, req.Path}, req.Program.Args...)
}

// stageMain is the stage. It exits only if it cannot become the program, with
// the error number as its status.
func stageMain(args []string) {
	runtime.LockOSThread() // the filter is the thread's
	var names []string
	if args[1] != "" {
		names = strings.Split(args[1], ",")
	}
	err := installFilter(filter{names: names})
	if err == nil {
		err = syscall.Exec(args[2], args[3:], os.Environ())
	} else {
		fmt.Fprintln(os.Stderr, "installing a seccomp filter:", err)
	}
	errno := unix.EINVAL
	errors.As(err, &errno)
	unix.Exit(int(errno))
}

// installFilter puts on this thread and all that comes of it a filter by which
// each system call that may count stops for the tracer.
func installFilter(f filter) error {
	code := f.bpf()
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	install := func() error {
		return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
	}
	err := install()
	if errors.Is(err, unix.EACCES) { // without privilege it takes a promise to gain none
		if err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err == nil {
			err = install()
		}
	}
	runtime.KeepAlive(code)
	return err
}

// bpf makes the kernel's part of the filter: it lets through more than counts,
// never less.
func (f filter) bpf() []unix.SockFilter {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		bits  = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K

		// Offsets in struct seccomp_data, of the low half for arguments.
		number, arch, argument = 0, 4, 16
	)
	allow := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	trace := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_TRACE}
	code := []unix.SockFilter{
		{Code: load, K: arch},
		{Code: equal, Jt: 1, K: auditArch},
		allow,
		{Code: load, K: number},
	}
	for _, nr := range slices.Sorted(maps.Keys(specs)) {
		s := specs[nr]
		flags := strings.Index(s.args, "f")
		switch {
		case !f.matches(s):
		case f.onlyIfWriting(s) && flags >= 0:
			code = append(code,
				unix.SockFilter{Code: equal, Jf: 4, K: uint32(nr)},
				unix.SockFilter{Code: load, K: argument + 8*uint32(flags)},
				unix.SockFilter{Code: bits, Jf: 1, K: writeFlags},
				trace, allow)
		default:
			code = append(code, unix.SockFilter{Code: equal, Jf: 1, K: uint32(nr)}, trace)
		}
	}
	return append(code, allow)
}
