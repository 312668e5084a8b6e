package outdir_test

import (
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/kcmgen/kcmgen/internal/need"
)

// withoutExchange runs f while renameat2 with RENAME_EXCHANGE fails, as on a file system
// without it. The thread with this filter ends with f. (cmd/kcmgen kills a whole export at
// every call in the same way.)
func withoutExchange(t *testing.T, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := forbidExchange()
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func forbidExchange() error {
	const (
		load  = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equal = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		ret   = unix.BPF_RET | unix.BPF_K
		flags = 16 + 8*4 // the fifth argument in struct seccomp_data
	)
	code := []unix.SockFilter{
		{Code: load, K: 0},
		{Code: equal, Jf: 3, K: unix.SYS_RENAMEAT2},
		{Code: load, K: flags},
		{Code: equal, Jf: 1, K: unix.RENAME_EXCHANGE},
		{Code: ret, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EINVAL)},
		{Code: ret, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	err := errors.Join(unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0))
	runtime.KeepAlive(code)
	return err
}

// TestWithoutExchange tests withoutExchange.
func TestWithoutExchange(t *testing.T) {
	_, at := openDisk(t)
	lay(t, at, "a/1=", "b/2=")
	exchange := func() error {
		return unix.Renameat2(unix.AT_FDCWD, at+"/a", unix.AT_FDCWD, at+"/b", unix.RENAME_EXCHANGE)
	}
	var err error
	withoutExchange(t, func() { err = exchange() })
	if got := laid(t, at); !errors.Is(err, unix.EINVAL) || got != "a/1= b/2=" {
		t.Errorf("%v, %s", err, got)
	}
	if err := exchange(); err != nil {
		need.Missing(t, "renameat2's exchange", "with TMPDIR on another file system: "+err.Error())
	}
}
