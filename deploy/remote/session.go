package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
)

// Session is a command or a subsystem that runs on the host.
type Session struct {
	Stdin  io.WriteCloser
	Stdout io.Reader // its end doesn't mean success: see Wait
	Stderr io.Reader // must be read, or the command may block

	conn    *Conn
	step    Step
	channel ssh.Channel
	ended   chan struct{}
	result  error
}

// Start starts a command in the login shell of the host. ctx ends the start only.
func (c *Conn) Start(ctx context.Context, command string) (*Session, error) {
	return c.session(ctx, StepCommand, "exec", command)
}

// Subsystem starts a subsystem, such as sftp. ctx ends the start only. Its standard error
// is dropped: Stderr is nil.
func (c *Conn) Subsystem(ctx context.Context, name string) (*Session, error) {
	s, err := c.session(ctx, StepSubsystem, "subsystem", name)
	if err != nil {
		return nil, err
	}
	go func() { _, _ = io.Copy(io.Discard, s.channel.Stderr()) }()
	s.Stderr = nil
	return s, nil
}

func (c *Conn) session(ctx context.Context, step Step, request, what string) (*Session, error) {
	type opened struct {
		ssh.Channel
		requests <-chan *ssh.Request
	}
	ch, err := await(ctx, c, StepSession, func() (opened, error) {
		ch, requests, err := c.client.OpenChannel("session", nil)
		return opened{ch, requests}, err
	}, func(o opened) {
		go ssh.DiscardRequests(o.requests)
		_ = o.Close()
	})
	if err != nil {
		return nil, err
	}
	s := &Session{conn: c, step: StepRun, channel: ch.Channel, ended: make(chan struct{})}
	s.Stdin, s.Stdout, s.Stderr = input{ch}, output{c, ch}, output{c, ch.Stderr()}
	go s.watch(ch.requests)
	ok, err := await(ctx, c, step, func() (bool, error) {
		return ch.SendRequest(request, true, ssh.Marshal(struct{ What string }{what}))
	}, nil)
	if err == nil && !ok {
		err = c.e.fail(step, fmt.Errorf("sshd there refuses %q", what))
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// watch waits for the exit status, which comes before the channel's end.
func (s *Session) watch(requests <-chan *ssh.Request) {
	status := errNoStatus
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var m struct{ Status uint32 }
			if ssh.Unmarshal(r.Payload, &m) == nil {
				status = nil
				if m.Status != 0 {
					status = &ExitError{Status: int(m.Status)}
				}
			}
		case "exit-signal":
			var m struct {
				Signal          string
				Core            bool
				Message, Locale string
			}
			if ssh.Unmarshal(r.Payload, &m) == nil {
				status = &ExitError{Status: -1, Signal: m.Signal}
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
	if status == errNoStatus && s.conn.link.broken.Load() {
		status = s.conn.brokenReason()
	}
	s.result = status
	close(s.ended)
}

var errNoStatus = errors.New("the session ended without a status")

// Wait waits for the command's end; a status other than 0 is an *ExitError.
func (s *Session) Wait() error {
	<-s.ended
	var exit *ExitError
	if s.result == nil || errors.As(s.result, &exit) {
		return s.result
	}
	return s.conn.e.fail(s.step, s.result)
}

// Close ends the session. The host closes the command's streams; it isn't killed.
func (s *Session) Close() error {
	if err := s.channel.Close(); err != nil && !errors.Is(err, io.EOF) {
		return s.conn.fail(s.step, err)
	}
	return nil
}

// input is a command's standard input.
type input struct{ ssh.Channel }

// Close ends the input. The command may have ended already.
func (i input) Close() error {
	if err := i.CloseWrite(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// output is a command's output. If the connection broke, reading returns an error, not EOF.
type output struct {
	conn *Conn
	r    io.Reader
}

func (o output) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err == io.EOF && o.conn.link.broken.Load() {
		err = o.conn.fail(StepRun, io.EOF)
	}
	return n, err
}

// Run runs a command to its end. An exit status other than 0 isn't an error. If ctx ends
// first, Run closes the session and returns the output so far. stdin may be nil; it must
// end by itself.
func (c *Conn) Run(ctx context.Context, command string, stdin io.Reader) (stdout, stderr []byte, exit int, err error) {
	s, err := c.Start(ctx, command)
	if err != nil {
		return nil, nil, -1, err
	}
	defer func() { _ = s.Close() }()
	go func() {
		if stdin != nil {
			_, _ = io.Copy(s.Stdin, stdin) // a command needn't read it all
		}
		_ = s.Stdin.Close()
	}()
	out, errs := bounded{max: maxOutput}, bounded{max: maxOutput}
	ended := make(chan error, 3)
	go func() { _, err := io.Copy(&out, s.Stdout); ended <- err }()
	go func() { _, err := io.Copy(&errs, s.Stderr); ended <- err }()
	go func() { ended <- s.Wait() }()
	for range 3 {
		select {
		case e := <-ended:
			err = cmp.Or(err, e)
		case <-ctx.Done():
			err = c.e.fail(StepRun, context.Cause(ctx))
		}
		if exit := (*ExitError)(nil); err != nil && !errors.As(err, &exit) {
			break // what still runs ends with the session, which is closed
		}
	}
	var status *ExitError
	if errors.As(err, &status) && status.Signal == "" {
		return out.take(), errs.take(), status.Status, nil
	}
	if err != nil {
		return out.take(), errs.take(), -1, err
	}
	return out.take(), errs.take(), 0, nil
}
