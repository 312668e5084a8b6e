//go:build amd64 || arm64

package inject

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Supported reports whether runs work on this system.
const Supported = true

// helperName is the argv[0] by which the helper process is recognised.
const helperName = "kcmgen-inject-helper"

// selfExe leads to the test binary even for one who cannot reach its path.
const selfExe = "/proc/self/exe"

// helper is the program that is started as the helper.
var helper = selfExe

// SetHelper makes all later runs start the program at path as their helper. It has to call
// [Main] first.
func SetHelper(path string) { helper = path }

// maxOutput is how much of a program's output is kept.
const maxOutput = 1 << 20

// mainCalled guards against the test binary running its tests, and so itself,
// when it was started as a helper.
var mainCalled bool

// Main must be called first in the TestMain of a test that uses this package.
// In the test process it returns at once; in a helper process, which is the
// same binary, it does the helper's work and does not return.
func Main() {
	switch os.Args[0] {
	case helperName:
		helperMain()
	case stageName:
		stageMain(os.Args)
	}
	mainCalled = true
}

// A request is what the helper reads, as JSON, on its standard input. It
// leaves everything alive only as long as that stays open.
type request struct {
	Path    string
	Program Program
	Fault   fault
}

// A reply is what the helper writes, as JSON, on replyFD. The program's output
// does not go through it: the program inherits the helper's.
type reply struct {
	Result   Result
	TimedOut bool
	Error    string
}

const replyFD = 3

func run(ctx context.Context, p Program, f fault) (Result, error) {
	req, err := newRequest(p, f)
	if err != nil {
		return Result{}, fmt.Errorf("inject: %w", err)
	}
	rep, out, err := callHelper(ctx, req)
	rep.Result.Output = out
	switch {
	case ctx.Err() != nil:
		return rep.Result, fmt.Errorf("inject: %w", context.Cause(ctx))
	case err != nil:
		return rep.Result, fmt.Errorf("inject: helper process: %w; output: %q", err, out)
	case rep.Error != "":
		return rep.Result, errors.New("inject: " + rep.Error)
	case rep.TimedOut:
		return rep.Result, fmt.Errorf("%w of %v", ErrTimeout, req.Program.Timeout)
	}
	return rep.Result, nil
}

// newRequest checks what a caller asks for and fills in the defaults.
func newRequest(p Program, f fault) (request, error) {
	if !mainCalled {
		return request{}, errors.New("TestMain has not called inject.Main")
	}
	if len(p.Args) == 0 {
		return request{}, errors.New("no program")
	}
	if f.Kind != faultNone && f.N < 1 {
		return request{}, fmt.Errorf("calls are counted from 1, not %d", f.N)
	}
	if (f.Kind == faultFail || f.Kind == faultFailFrom) && (f.Errno < 1 || f.Errno > 4095) {
		return request{}, fmt.Errorf("%d is no error number", int(f.Errno))
	}
	if _, err := newFilter(p.Only, p.Under); err != nil {
		return request{}, err
	}
	if _, err := newFilter(f.Names, ""); err != nil {
		return request{}, err
	}
	path := p.Args[0]
	if !strings.Contains(path, "/") {
		var err error
		if path, err = exec.LookPath(path); err != nil {
			return request{}, err
		}
	}
	p.Env = (&exec.Cmd{Env: p.Env, Dir: p.Dir}).Environ()
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	return request{Path: path, Program: p, Fault: f}, nil
}

// callHelper has one request done by a helper process of its own.
func callHelper(ctx context.Context, req request) (reply, []byte, error) {
	var rep reply
	msg, err := json.Marshal(req)
	if err != nil {
		return rep, nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return rep, nil, err
	}
	defer func() { _ = r.Close() }()
	var out limitedBuffer
	cmd := exec.CommandContext(ctx, helper)
	cmd.Args = []string{helperName}
	cmd.ExtraFiles = []*os.File{w} // replyFD
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 2 * time.Second
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	_ = w.Close()
	if err != nil {
		return rep, nil, err
	}
	// The helper may end without reading all; then there is no reply.
	_, _ = stdin.Write(append(msg, '\n'))
	replyErr := json.NewDecoder(r).Decode(&rep)
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		return rep, out.Bytes(), err
	}
	return rep, out.Bytes(), replyErr
}

// limitedBuffer keeps the first maxOutput bytes and drops the rest.
type limitedBuffer struct {
	bytes.Buffer
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	_, err := b.Buffer.Write(p[:min(len(p), maxOutput-b.Len())])
	return len(p), err
}

// ReadFrom is Write for all that r gives; without it the embedded one's would
// have no limit.
func (b *limitedBuffer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}

// helperMain is the helper process. It exits when it has replied or when the
// test process has gone, and what it traces is killed with it. (With unix.Exit, because
// os.Exit takes a second if the test binary has the race detector.)
func helperMain() {
	syscall.CloseOnExec(replyFD)
	in := json.NewDecoder(os.Stdin)
	var req request
	if err := in.Decode(&req); err != nil {
		unix.Exit(1)
	}
	var replying atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		if !replying.Load() {
			unix.Exit(1)
		}
	}()
	rep := traceProgram(req)
	replying.Store(true)
	if err := json.NewEncoder(os.NewFile(replyFD, "reply")).Encode(rep); err != nil {
		unix.Exit(1)
	}
	unix.Exit(0)
}
