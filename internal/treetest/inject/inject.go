package inject

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// DefaultTimeout is the time limit of a Program that sets none.
const DefaultTimeout = 10 * time.Minute

// ErrTimeout is returned, wrapped, when a program was killed because it had
// not ended at its time limit. The Result returned with it is what was
// recorded until then.
var ErrTimeout = errors.New("inject: the program reached its time limit")

// A Program is what to run and which of its calls to count.
type Program struct {
	Args    []string      // program and arguments; Args[0] is found as by exec.Command
	Env     []string      // environment; nil means this process's
	Dir     string        // working directory; empty means this process's
	Timeout time.Duration // limit of the whole run; 0 means DefaultTimeout
	User    *User         // whom to run as, which takes root; nil means this user

	// Under, if set, restricts the counted calls to those on a path in or at
	// this directory. It must be absolute and without symbolic links.
	Under string

	// Only, if set, names the system calls to count in place of the default
	// set, as Call.Name does. The default set is the calls that can change
	// the file system or a file: openat only if it can create or write, but
	// also the syncs. Beyond these, close, flock, read, pread64, getdents64,
	// fstat, newfstatat, statx and readlinkat can be named, and naming openat
	// also counts opening for reading.
	Only []string
}

// A User is a user and group to run a program as, without further groups.
type User struct {
	UID, GID uint32
}

// A Call is one counted system call. Calls on pipes, sockets and the like,
// and on what is in /dev (but not /dev/shm), /proc and /sys, never count.
type Call struct {
	N    int    // its number, from 1
	PID  int    // the process that made it
	TID  int    // the thread that made it
	Name string // the system call: "openat", "write", "renameat2", …

	// Path is the file it works on: its path argument, made absolute but
	// with symbolic links left alone, or where its descriptor leads according
	// to /proc (which adds " (deleted)" to an unlinked file).
	Path string

	To    string // the new path of a rename or link; the text of a symlink
	Flags int    // open, rename or at flags
	Mode  uint32 // mode argument, before the umask
	FD    int    // the descriptor it works on or, for an open, returned; else -1

	// Done says that it returned. It is false for the call a program was
	// killed before. Ret is what it returned: negative is an error number.
	Done bool
	Ret  int64
}

// Failed returns the error the call returned, or 0 if it succeeded or did not
// return at all.
func (c Call) Failed() syscall.Errno {
	if c.Ret < 0 {
		return syscall.Errno(-c.Ret)
	}
	return 0
}

// String describes the call in one line, for failure messages.
func (c Call) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %s", c.N, c.Name, c.Path)
	if c.To != "" {
		fmt.Fprintf(&b, " -> %s", c.To)
	}
	if c.Flags != 0 {
		fmt.Fprintf(&b, " flags %#x", c.Flags)
	}
	if c.Mode != 0 {
		fmt.Fprintf(&b, " mode %#o", c.Mode)
	}
	switch {
	case !c.Done:
		b.WriteString(" (not done)")
	case c.Ret < 0:
		fmt.Fprintf(&b, " = %v", c.Failed())
	default:
		fmt.Fprintf(&b, " = %d", c.Ret)
	}
	return b.String()
}

// A Result is how a run went.
type Result struct {
	Hit    bool           // the n-th call was reached, so the kill or failure took place
	Exit   int            // exit status of the program, or -1 if a signal ended it
	Signal syscall.Signal // the signal that ended it, or 0
	Output []byte         // its standard output and error together, the first MiB
	Calls  []Call         // the counted calls in order; after a Kill the last is the n-th
}

// Last returns the last counted call, and the zero Call if there is none.
func (r Result) Last() Call {
	if len(r.Calls) == 0 {
		return Call{}
	}
	return r.Calls[len(r.Calls)-1]
}

// Trace runs the program to its end and records its calls.
//
// Like all runs it returns when the program and every process it started have
// ended, and returns an error only if the run itself went wrong, never for how
// the program ended. The program reads nothing on its standard input. If ctx
// ends, everything is killed.
func Trace(ctx context.Context, p Program) (Result, error) {
	return run(ctx, p, fault{Kind: faultNone})
}

// Kill kills the program and all it started before its n-th call, counted from
// 1. The calls 1 to n-1 have then been completed and no other has been begun:
// other threads are held while those that are within a call finish it. (A call
// that blocks for a second, such as opening a FIFO, is cut off.) If the program
// makes fewer calls it runs to its end, and Result.Hit is false.
func Kill(ctx context.Context, p Program, n int) (Result, error) {
	return run(ctx, p, fault{Kind: faultKill, N: n})
}

// KillAfter is Kill but with the n-th call completed too. It leaves on disk
// what Kill leaves at n+1, and can also be used for the last call.
func KillAfter(ctx context.Context, p Program, n int) (Result, error) {
	return run(ctx, p, fault{Kind: faultKillAfter, N: n})
}

// Fail makes the program's n-th call return errno without being executed.
// All other calls are left alone.
func Fail(ctx context.Context, p Program, n int, errno syscall.Errno) (Result, error) {
	return run(ctx, p, fault{Kind: faultFail, N: n, Errno: errno})
}

// FailFrom is Fail for the n-th call and every later one, like a disk that
// is full from some time on. With names only calls of these names fail (a full
// disk still unlinks); Result.Hit then says that one did.
func FailFrom(ctx context.Context, p Program, n int, errno syscall.Errno, names ...string) (Result, error) {
	return run(ctx, p, fault{Kind: faultFailFrom, N: n, Errno: errno, Names: names})
}

// A fault is what to do to a program, and when.
type fault struct {
	Kind  string
	N     int
	Errno syscall.Errno
	Names []string
}

// The kinds of fault.
const (
	faultNone      = "none"
	faultKill      = "kill"
	faultKillAfter = "kill after"
	faultFail      = "fail"
	faultFailFrom  = "fail from"
)
