// Package host runs kcmgen's part on a host: a session with the shell script in script/,
// and files over SFTP. The caller provides the connection.
package host

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed script
var parts embed.FS

// script returns the host's part in POSIX sh: base.sh first, serve.sh, which calls the
// rest, last.
func script() string {
	var b strings.Builder
	for _, name := range []string{"base", "layout", "systemd", "pod", "image", "look", "status", "logs", "stage", "trial", "settle", "drill", "found", "public", "serve"} {
		text, err := parts.ReadFile("script/" + name + ".sh")
		if err != nil {
			panic(err) // it is embedded
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}

// Process is a program on the host.
type Process interface {
	Stdin() io.WriteCloser
	Stdout() io.Reader
	// Stderr returns what it has printed to standard error, cut to a line or two.
	Stderr() string
	// Close ends it; reads of its output then fail.
	Close() error
}

// Shell returns the command that becomes a [Session]; with sudo, unless the login is root.
// The script comes over standard input, so that no process list or log holds it. The
// shell's read, unlike head, reads no byte more than it needs.
func Shell(root bool) string {
	return asRoot(root, fmt.Sprintf(`script=$(while IFS= read -r l && [ "$l" != '%s' ]; do printf '%%s\n' "$l"; done) && eval "$script" && read -r nonce && serve "$nonce" %d`, end, silence))
}

// end is the line after the script.
const end = "# end"

// silence is how many seconds a session outlives its operator: at least that, at most
// twice that. The operator's side sends a line every [Beat].
const silence = 15

// Beat is the interval at which an idle session shows that the operator is there.
const Beat = 5 * time.Second

func asRoot(root bool, command string) string {
	if root {
		return "exec sh -c " + Quote(command)
	}
	return "exec sudo -n -- sh -c " + Quote(command)
}

// Quote quotes a text as one word of a shell.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Session is a root shell on a host that has read the script. Commands are sent
// without waiting for each other; the host answers them in turn.
type Session struct {
	process Process
	nonce   string
	lines   chan []byte
	mu      sync.Mutex
	waiting []chan reply
	err     error
	ended   chan struct{}
	beats   context.CancelFunc // stops beat
}

type reply struct {
	out, err string
	status   int
}

// CommandError is a command that failed on the host.
type CommandError struct {
	Command string // its first word
	Text    string // the command's standard error
	Status  int
}

func (e *CommandError) Error() string {
	if e.Text == "" {
		return fmt.Sprintf("%s: exit status %d", e.Command, e.Status)
	}
	return e.Text
}

// answerLimit bounds the answer to a command that takes next to no time.
const answerLimit = 30 * time.Second

// SilentError is a host that doesn't answer.
type SilentError struct {
	To    string // the command
	After time.Duration
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("%s: no answer within %v", e.To, e.After.Round(time.Second))
}

// Is makes it context.DeadlineExceeded.
func (e *SilentError) Is(target error) bool { return target == context.DeadlineExceeded }

// EndedError is a session that ended or didn't begin, because of the connection or the
// host.
type EndedError struct{ Text string }

func (e *EndedError) Error() string { return e.Text }

// Open begins a session with a process started by [Shell]. The nonce separates the host's
// answers from what commands print.
func Open(ctx context.Context, p Process, nonce string) (*Session, error) {
	s := &Session{process: p, nonce: nonce, lines: make(chan []byte, 64), ended: make(chan struct{})}
	ready := make(chan reply, 1)
	s.waiting = []chan reply{ready}
	go s.write()
	go s.read()
	s.lines <- []byte(script() + end + "\n" + nonce + "\n")
	asked := time.Now()
	if _, err := s.wait(ctx, ready); err != nil {
		s.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			err = &SilentError{"sh", time.Since(asked)}
		}
		return nil, err
	}
	beating, stop := context.WithCancel(context.Background())
	s.beats = stop
	go s.beat(beating)
	return s, nil
}

// Close ends the session and its lock.
func (s *Session) Close() {
	if s.beats != nil {
		s.beats()
	}
	_ = s.process.Stdin().Close()
	_ = s.process.Close()
	s.end(&EndedError{"the session was closed"})
}

// Over reports whether the session has ended.
func (s *Session) Over() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *Session) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.ended)
	}
}

// beat keeps an idle session alive.
func (s *Session) beat(ctx context.Context) {
	tick := time.NewTicker(Beat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.mu.Lock()
			idle := len(s.waiting) == 0
			s.mu.Unlock()
			if idle {
				s.send(Command{line: "beat"})
			}
		case <-s.ended:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (s *Session) write() {
	for {
		select {
		case line := <-s.lines:
			if _, err := s.process.Stdin().Write(line); err != nil {
				s.end(s.endError(err))
				return
			}
		case <-s.ended:
			return
		}
	}
}

// endError returns the reason why a session ended: the host's standard error if there is
// any, since it says more than a broken pipe.
func (s *Session) endError(err error) error {
	if text := strings.TrimSpace(s.process.Stderr()); text != "" {
		return &EndedError{text}
	}
	if err == nil || errors.Is(err, io.EOF) {
		return &EndedError{"the host ended the session"}
	}
	return &EndedError{"the session broke: " + err.Error()}
}

// maxReply bounds the output of a command, in bytes.
const maxReply = 4 << 20

func (s *Session) read() {
	r := bufio.NewReaderSize(s.process.Stdout(), 1<<16)
	mark := []byte("#" + s.nonce + " ")
	var part, out bytes.Buffer
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			s.end(s.endError(err))
			return
		}
		if !bytes.HasPrefix(line, mark) {
			if part.Len()+out.Len() < maxReply {
				part.Write(line)
			}
			continue
		}
		word := string(bytes.TrimSpace(line[len(mark):]))
		text := strings.TrimSuffix(part.String(), "\n")
		part.Reset()
		if word == "err" {
			out.WriteString(text)
			continue
		}
		status, _ := strconv.Atoi(word) // "ready" is a success
		if !s.answer(reply{out.String(), strings.TrimSpace(text), status}) {
			s.end(&EndedError{"the host sent an answer without a question"})
			return
		}
		out.Reset()
	}
}

func (s *Session) answer(r reply) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		return false
	}
	s.waiting[0] <- r
	s.waiting = s.waiting[1:]
	return true
}

// Command is a command line for the host, and the lines that the command reads.
type Command struct {
	line    string
	payload []string
	name    string
}

func command(name string, args ...string) Command {
	var b strings.Builder
	b.WriteString(name)
	for _, a := range args {
		b.WriteString(" " + Quote(a))
	}
	return Command{line: b.String(), name: name}
}

// check refuses arguments with line ends: the rest would be run as a command, and arguments
// may come from other hosts.
func (c Command) check() error {
	for _, l := range append([]string{c.line}, c.payload...) {
		if strings.ContainsAny(l, "\n\r\x00") {
			return &CommandError{Command: c.name, Text: fmt.Sprintf("%s: %q is more than a line", c.name, l), Status: 1}
		}
	}
	return nil
}

func (s *Session) send(c Command) chan reply {
	done := make(chan reply, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, done)
	text := c.line + "\n"
	for _, l := range c.payload {
		text += l + "\n"
	}
	select {
	case s.lines <- []byte(text):
	case <-s.ended:
	}
	return done
}

func (s *Session) wait(ctx context.Context, done chan reply) (reply, error) {
	select {
	case r := <-done:
		return r, nil
	case <-s.ended:
		return reply{}, s.err
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
}

// Do runs commands in turn, in one round trip. A failed command doesn't stop the next. It
// returns what each printed, and the first error.
func (s *Session) Do(ctx context.Context, commands ...Command) ([]string, error) {
	var dones []chan reply
	for _, c := range commands {
		if err := c.check(); err != nil {
			return make([]string, len(commands)), err
		}
	}
	for _, c := range commands {
		dones = append(dones, s.send(c))
	}
	out := make([]string, len(commands))
	var first error
	asked := time.Now()
	for i, done := range dones {
		r, err := s.wait(ctx, done)
		if errors.Is(err, context.DeadlineExceeded) {
			err = &SilentError{commands[i].name, time.Since(asked)}
		}
		if err != nil {
			return out, err
		}
		if out[i] = r.out; r.status != 0 && first == nil {
			first = &CommandError{commands[i].name, r.err, r.status}
		}
	}
	return out, first
}

// doQuick runs a command that takes next to no time.
func (s *Session) doQuick(ctx context.Context, c Command) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	return s.doOne(ctx, c)
}

func (s *Session) doOne(ctx context.Context, c Command) (string, error) {
	out, err := s.Do(ctx, c)
	return out[0], err
}
