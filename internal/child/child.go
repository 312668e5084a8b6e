// Package child runs this program a second time, to answer requests that may take too much
// time or memory. The child has limits, and can be killed where a goroutine can't.
package child

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// argument is the only argument of a child. It is no command: its input is not for people.
const argument = "__evaluate"

// maxFrame is the maximum size of a request or an answer in bytes.
const maxFrame = 96 << 20

// Limits of one request.
type Limits struct {
	Time   time.Duration // of CPU; the parent waits an eighth longer for an answer
	Memory int64         // bytes
}

// program is set if a child of this program serves: the binary of a test doesn't, and
// would begin the tests again.
var program atomic.Bool

// Is reports whether these arguments, without the program's name, are a child's. From then
// on Start works.
func Is(args []string) bool {
	program.Store(true)
	return slices.Equal(args, []string{argument})
}

// Available reports whether Start works.
func Available() bool { return program.Load() }

// hello is the first frame that a child reads.
type hello struct {
	Limits  Limits          `json:"limits"`
	Payload json.RawMessage `json:"payload"`
}

// Child is a running child. Its methods are for one goroutine.
type Child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	said   *captured
	limits Limits
	ended  sync.Once
}

// Start starts a child. payload is what it needs for all requests, as JSON. Processors is how
// many it may use at once.
func Start(l Limits, processors int, payload any) (*Child, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(exe, argument)
	cmd.Args[0] = os.Args[0]
	cmd.Env = environment(processors)
	c := &Child{cmd: cmd, said: &captured{}, limits: l}
	cmd.Stderr = c.said
	ownGroup(cmd)
	if c.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if c.out, err = cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(payload)
	if err == nil {
		data, err = json.Marshal(hello{l, data})
	}
	if err == nil {
		err = writeFrame(c.in, data)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// environment is the child's: nothing of the user's but what CUE and the system read.
func environment(processors int) []string {
	// A C library, if there is one, reserves much for each thread otherwise.
	out := []string{"GOTRACEBACK=none", "MALLOC_ARENA_MAX=1", fmt.Sprintf("GOMAXPROCS=%d", processors)}
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "CUE_") || slices.Contains([]string{"PATH", "HOME", "TMPDIR", "SYSTEMROOT", "GOCOVERDIR"}, strings.ToUpper(name)) {
			out = append(out, e)
		}
	}
	return out
}

// Cause says why a child ended.
type Cause int

// The causes.
const (
	Failed Cause = iota // for a reason that is none of the others
	Time
	Memory
	Stack // recursion without end
)

// EndedError is a child that ended without an answer.
type EndedError struct {
	Cause  Cause
	Limits Limits
}

func (e *EndedError) Error() string {
	switch e.Cause {
	case Time:
		return fmt.Sprintf("it takes more than %v", e.Limits.Time)
	case Memory:
		return fmt.Sprintf("it needs more than %d MiB of memory", e.Limits.Memory>>20)
	case Stack:
		return "its values are nested too deeply, or contain themselves without end"
	}
	return "the evaluation failed"
}

// Ask sends a request, and returns the answer. It returns an EndedError if the child ended
// without one, or was killed since it took more than limit, and the context's error if that is done. After an
// error the child has ended.
func (c *Child) Ask(ctx context.Context, limit time.Duration, request []byte) ([]byte, error) {
	type reply struct {
		data []byte
		err  error
	}
	got := make(chan reply, 1)
	go func() {
		if err := writeFrame(c.in, append(binary.BigEndian.AppendUint64(nil, uint64(limit)), request...)); err != nil {
			got <- reply{err: err}
			return
		}
		data, err := readFrame(c.out)
		got <- reply{data, err}
	}()
	timer := time.NewTimer(limit + limit/8)
	defer timer.Stop()
	select {
	case r := <-got:
		if r.err != nil {
			c.limits.Time = limit
			return nil, c.death(false)
		}
		return r.data, nil
	case <-timer.C:
		c.limits.Time = limit
		return nil, c.death(true)
	case <-ctx.Done():
		c.Close()
		return nil, ctx.Err()
	}
}

// death ends the child, and tells why it had to.
func (c *Child) death(late bool) error {
	c.Close()
	return &EndedError{c.causeOf(late), c.limits}
}

func (c *Child) causeOf(late bool) Cause {
	text := c.said.String()
	says := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	}
	switch {
	case late, c.cmd.ProcessState.ExitCode() == exitTime:
		return Time
	case says("stack overflow", "goroutine stack exceeds"):
		return Stack
	case c.cmd.ProcessState.ExitCode() == exitMemory, says("out of memory", "address space", "cannot allocate memory", "pthread_create failed", "makeslice", "growslice", "output length overflow", "count causes overflow"):
		return Memory
	case killed(c.cmd.ProcessState): // by the system, which does so if memory runs out
		return Memory
	}
	return Failed
}

// Close ends the child and waits for its end.
func (c *Child) Close() {
	c.ended.Do(func() {
		_ = c.in.Close()
		kill(c.cmd)
		_ = c.cmd.Wait() // it was killed
	})
}

// captured keeps the beginning of what is written: Go names the cause of its end there. It is
// never shown.
type captured struct {
	mu   sync.Mutex
	data []byte
}

// Write is io.Writer.Write.
func (t *captured) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := 16<<10 - len(t.data); room > 0 {
		t.data = append(t.data, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

func (t *captured) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}

// A frame is its length in eight bytes, and so many bytes.
func writeFrame(w io.Writer, data []byte) error {
	if _, err := w.Write(binary.BigEndian.AppendUint64(nil, uint64(len(data)))); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

func readFrame(r io.Reader) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint64(head[:])
	if n > maxFrame {
		return nil, errors.New("frame is too large")
	}
	data := make([]byte, n)
	_, err := io.ReadFull(r, data)
	return data, err
}
