// Package inject runs a program and kills it, or fails one of its system
// calls, at a chosen system call. It is test support: it shows that a program
// that writes files leaves them in a good state wherever it is interrupted.
//
// The program is a real, unmodified, multi-threaded one in its own process.
// Its system calls that can change the file system are counted from 1, in one
// order over all its threads and all the processes it starts. [Trace] lists
// them, [Kill] and [KillAfter] end everything with SIGKILL just before or just
// after the n-th of them, [Fail] and [FailFrom] make the n-th (and later ones)
// return an error without being executed. A test usually sweeps n:
//
//	func TestMain(m *testing.M) {
//		inject.Main()
//		os.Exit(m.Run())
//	}
//
//	func TestSurvivesKill(t *testing.T) {
//		for n := 1; ; n++ {
//			dir := t.TempDir()
//			p := inject.Program{Args: []string{exe, "export", dir}, Under: dir}
//			res, err := inject.Kill(t.Context(), p, n)
//			if err != nil {
//				t.Fatal(err)
//			}
//			if !res.Hit {
//				break // it made fewer than n calls: all were tried
//			}
//			checkOldOrNew(t, dir, res.Last())
//		}
//	}
//
// # How
//
// The tracing uses ptrace, from one thread of a helper process, one for each
// run: the test binary started again, recognised by [Main], which the TestMain
// of a package that uses inject has to call first, or a small program that starts sooner
// ([SetHelper]). Nothing but the test binary
// and a mounted /proc is needed: no privilege, no external tool. Runs are
// independent, so tests may use them in parallel.
//
// # Limits
//
// It works on Linux on amd64 and arm64; elsewhere (see [Supported]) every run
// returns [errors.ErrUnsupported]. The kernel must be 5.3 or newer and must
// allow ptrace of one's own children, which the default profiles of Docker and
// Podman and Yama's ptrace_scope up to 2 (as root) or 1 (as another user) do.
//
// A kill loses nothing the kernel has taken: data that was written but not
// synced is still there afterwards, as after any kill -9. A power cut, which
// loses it, is not simulated; that a program syncs in the right order can be
// read off the trace.
//
// Changes made through a shared mapping or io_uring, by ioctl (reflinks) or by
// a 32-bit process are not seen. The program does not gain privileges from
// set-user-ID files, cannot itself use ptrace, and does not stop on SIGSTOP
// and the like. A call the kernel restarts after a signal counts twice.
package inject
